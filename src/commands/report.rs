//! `bounceaudit report`: the report again, from the ledger alone.

use chrono::Local;

use crate::catalogue::Catalogue;
use crate::cli::{Console, ReportArgs};
use crate::commands::masking::Masking;
use crate::commands::{Outcome, outputs};
use crate::config::Config;
use crate::ledger::{Ledger, Window};
use crate::report::{Input, Report};

pub(crate) async fn run(args: ReportArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let mut settings = args.report.or(config.report);
    settings.lang = Some(outputs::lang(settings.lang, None));
    outputs::refuse_two_on_stdout(&settings)?;
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
    outputs::write(&report, &ledger, &mut masking, &settings, console).await?;
    outputs::name_strange(&report);
    if settings.new.is_some() {
        ledger.mark_report(&settings.series(), now).await?;
    }
    ledger.close().await;
    Ok(outputs::outcome(&report, &settings))
}
