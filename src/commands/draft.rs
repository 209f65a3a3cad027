//! `bounceaudit draft`: a letter about one refused address, from the ledger alone. Nothing is sent.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use anyhow::Context;
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::cli::DraftArgs;
use crate::commands::masking::Masking;
use crate::commands::{Outcome, console, outputs};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report::{self, Input, Report, Settings, Wanted};

pub(crate) async fn run(args: DraftArgs) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    // What the configuration says of windows and of other outputs is about reports; a draft is about one address.
    let settings = Settings {
        since: args.since,
        until: args.until,
        late_window: config.report.late_window,
        presumed_after: config.report.presumed_after,
        lang: Some(outputs::lang(args.lang, config.report.lang)),
        mask: args.mask || config.report.mask,
        utc: args.utc || config.report.utc,
        ..Settings::default()
    };
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let ledger = Ledger::open_existing(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let mut history = ledger.history(&outputs::window_again(&settings, now)).await?;
    // Whatever is attached goes to strangers, the letter itself only where the user says so.
    let mut masking = Masking::of(settings.mask || args.attach.is_some(), &catalogue)?;
    masking.meet(&history, &ledger).await?;
    let attached = match &args.attach {
        Some(folder) => Some(attach(&ledger, args.ip, folder, &mut masking).await?),
        None => None,
    };
    ledger.close().await;
    if settings.mask {
        history = masking.history(history);
    }
    let report = Report::build(Input {
        history: &history,
        catalogue: &catalogue,
        own: &config.own_addresses,
        owner: config.hosting.as_ref().map(|company| company.name.as_str()),
        gaps: &[],
        warnings: &[],
        settings: &settings,
        command: "draft",
        looked_at: &[],
        now,
    })?;
    let wanted = Wanted {
        ip: args.ip,
        to: args.to,
        ask_via: config.ask_via,
        hosting: config.hosting.as_ref(),
        catalogue: &catalogue,
        attached,
    };
    let draft = report::draft(&report, &wanted)?;
    console::say(&draft.why);
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(draft.text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("stdout")?;
    Ok(Outcome::Complete)
}

/// Bounces that go with a letter.
const ATTACHED: usize = 3;

/// Writes the newest bounces that the ledger keeps whole, names hidden, and gives how many. Nothing is written over.
async fn attach(ledger: &Ledger, ip: IpAddr, folder: &Path, masking: &mut Masking) -> anyhow::Result<usize> {
    let kept = ledger.kept_mails(Some(ip)).await?;
    if kept.is_empty() {
        console::say(&format!(
            "nothing to attach: no bounce about {ip} is kept whole; `bounceaudit scan --full` reads them again"
        ));
        return Ok(0);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let kept = kept.iter().take(ATTACHED);
    for (number, mail) in (1..).zip(kept.clone()) {
        let path = folder.join(format!("bounce-{number}.eml"));
        let cannot_write = || format!("cannot write {}", path.display());
        let mut file = File::create_new(&path).with_context(cannot_write)?;
        file.write_all(&masking.mail(&mail.bytes))
            .with_context(cannot_write)?;
        if mail.is_cut {
            console::say(&format!("{}: a long bounce, cut at its end", path.display()));
        }
    }
    Ok(kept.count())
}
