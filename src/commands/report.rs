//! `bounceaudit report`: the report again, from the ledger alone.

use anyhow::Context;
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::cli::{Console, EmailArgs, ReportArgs};
use crate::commands::masking::Masking;
use crate::commands::outputs::Main;
use crate::commands::{Outcome, console as on_stderr, outputs};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report::{Correspondent, Input, Letter, Report, Settings};

pub(crate) async fn run(args: ReportArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let mut settings = args.report.or(config.report);
    settings.lang = Some(outputs::lang(settings.lang, None));
    let main = match args.email.email_format {
        true => Main::Mail(letter(args.email, &settings)?),
        false => Main::of(&settings),
    };
    outputs::refuse_what_cannot_be_written(&settings, &main)?;
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let ledger = Ledger::open_existing(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let history = ledger.history(&outputs::window_again(&settings, now)).await?;
    let mut masking = Masking::of(settings.mask, &catalogue)?;
    masking.meet(&history, &ledger).await?;
    let history = masking.history(history);
    let report = Report::build(Input {
        history: &history,
        catalogue: &catalogue,
        own: &config.own_addresses,
        owner: config.hosting.as_ref().map(|company| company.name.as_str()),
        gaps: &[],
        warnings: &[],
        settings: &settings,
        command: "report",
        looked_at: &[],
        now,
    })?;
    outputs::write(&report, &ledger, &mut masking, &settings, &main, console).await?;
    outputs::name_strange(&report);
    if settings.new.is_some() {
        ledger.mark_report(&settings.series(), now).await?;
    }
    ledger.close().await;
    Ok(outputs::outcome(&report, &settings))
}

/// Whom the mail is to, by the options, the configuration, or the variable that cron has for it; and whom it is from.
fn letter(args: EmailArgs, settings: &Settings) -> anyhow::Result<Letter> {
    let mut to = match args.email_to.is_empty() {
        true => settings.email_to.clone(),
        false => args.email_to,
    };
    if to.is_empty() {
        let named = std::env::var("MAILTO").unwrap_or_default();
        let named = named.split(',').map(str::trim).filter(|one| !one.is_empty());
        to = named
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("MAILTO")?;
    }
    if to.is_empty() {
        on_stderr::say("the mail names no recipient: give --email-to ADDRESS, or set MAILTO as in a crontab");
    }
    let here = || {
        format!(
            "{}@{}",
            env!("CARGO_PKG_NAME"),
            gethostname::gethostname().display()
        )
    };
    let from = args.email_from.or_else(|| settings.email_from.clone());
    let from = match from.or_else(|| to.first().cloned()) {
        Some(from) => from,
        None => here().parse::<Correspondent>()?,
    };
    Ok(Letter { from, to })
}
