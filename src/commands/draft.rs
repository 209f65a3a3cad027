//! `bounceaudit draft`: a letter about one refused address, from the ledger alone. Nothing is sent.

use std::io::{self, Write};

use anyhow::Context;
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::cli::DraftArgs;
use crate::commands::{Outcome, console, outputs};
use crate::config::Config;
use crate::ledger::{Ledger, Window};
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
    let seen = settings.window(now);
    let history = ledger
        .history(&Window {
            since: seen.since,
            until: seen.until,
            late_until: seen.late_until(),
            folders: None,
            series: settings.series(),
        })
        .await?;
    ledger.close().await;
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
        attached: None,
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
