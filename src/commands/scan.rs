//! `bounceaudit scan`: the whole way from the mailboxes to the report.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::bail;
use chrono::Local;
use tracing::instrument::WithSubscriber;

use crate::bounce;
use crate::catalogue::Catalogue;
use crate::check;
use crate::cli::{Console, ScanArgs};
use crate::commands::console::{self, Bars};
use crate::commands::masking::Masking;
use crate::commands::outputs::Main;
use crate::commands::stop::Stop;
use crate::commands::walk::{Reader, Walk};
use crate::commands::{Outcome, outputs};
use crate::config::Config;
use crate::event::{Gap, Timestamp};
use crate::ledger::{History, Ledger, Window};
use crate::mailbox::{self, Scope};
use crate::report::{self, Input, Report, Settings};

/// What the report says of an interrupted run.
const UNASKED: &str = "the lists were not asked to the end: it was interrupted";

pub(crate) async fn run(args: ScanArgs, console: Console) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals();
    tokio::select! {
        done = scan(args, console, &stop) => done,
        () = stop.twice() => bail!("stopped at once; what was read before is in the ledger"),
    }
}

async fn scan(args: ScanArgs, console: Console, stop: &Stop) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let accounts = config.accounts(&args.accounts, &args.mailbox, args.config.config.as_deref())?;
    let dns = args.dns.or(config.dns);
    let mut settings = args.report.or(config.report);
    settings.lang = Some(outputs::lang(settings.lang, None));
    let main = Main::of(&settings);
    outputs::refuse_what_cannot_be_written(&settings, &main)?;
    let own = args.catalogue.or(config.catalogue);
    let catalogue = Arc::new(Catalogue::load(own.file.as_deref())?);
    let ledger = Ledger::open(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let bars = Bars::of(console, settings.quiet);
    let reader = Reader {
        catalogue: &catalogue,
        ledger: &ledger,
        now,
        bars: &bars,
        stop,
        scope: scope(&settings, now, args.full),
    };
    let mut masking = Masking::of(settings.mask, &catalogue)?;
    let walk = walk(&reader, accounts, args.parallel, (console, &mut masking)).await?;
    ledger.prune(now).await?;
    let window = outputs::window(&settings, now, Some(walk.folders));
    let shown = shown(&reader, (&dns, &settings), window, walk.gaps, &mut masking).await?;
    let report = Report::build(Input {
        history: &shown.history,
        catalogue: &catalogue,
        own: &config.own_addresses,
        owner: config.hosting.as_ref().map(|company| company.name.as_str()),
        gaps: &shown.gaps,
        warnings: &shown.warnings,
        settings: &settings,
        command: "scan",
        looked_at: &shown.looked_at,
        now,
    })?;
    outputs::write(&report, &ledger, &mut masking, &settings, &main, console).await?;
    outputs::name_strange(&report);
    let outcome = outputs::outcome(&report, &settings).of_a_run(shown.cut_short);
    ledger.mark_report(&settings.series(), now).await?;
    ledger.close().await;
    Ok(outcome)
}

/// What of the mailboxes is read.
fn scope(settings: &Settings, now: Timestamp, full: bool) -> Scope {
    Scope {
        since: settings.window(now).since,
        full,
        may_be: bounce::may_be,
    }
}

/// Reads the mailboxes; the log and the errors name nobody if that is wanted.
async fn walk(
    reader: &Reader<'_>,
    accounts: Vec<mailbox::Settings>,
    at_a_time: NonZeroUsize,
    (console, masking): (Console, &mut Masking),
) -> anyhow::Result<Walk> {
    let walk = reader.walk(accounts, at_a_time);
    let walk = walk.with_subscriber(masking.log(console)).await;
    let walk = walk.map_err(|error| masking.error(error))?;
    if walk.folders.is_empty() {
        console::name_gaps(&masking.gaps(walk.gaps));
        bail!("no account could be read");
    }
    Ok(walk)
}

/// What a report is made from, as it may be shown.
struct Shown {
    history: History,
    gaps: Vec<Gap>,
    warnings: Vec<String>,
    looked_at: Vec<String>,
    cut_short: bool,
}

/// Names on stderr what was not read, asks the lists, and hides people if that is wanted.
async fn shown(
    reader: &Reader<'_>,
    (dns, settings): (&check::Settings, &Settings),
    window: Window,
    gaps: Vec<Gap>,
    masking: &mut Masking,
) -> anyhow::Result<Shown> {
    let mut history = reader.ledger.history(&window).await?;
    masking.meet(&history, reader.ledger).await?;
    let gaps = masking.gaps(gaps);
    console::name_gaps(&gaps);
    let (warnings, cut_short) = asked(reader, dns, &mut history).await?;
    let folders = masking.folders(window.folders.unwrap_or_default());
    Ok(Shown {
        history: masking.history(history),
        gaps,
        warnings: masking.texts(warnings),
        looked_at: report::looked_at(&folders, settings.lang)?,
        cut_short,
    })
}

/// The warnings that come of asking the lists, and whether that was interrupted.
async fn asked(
    reader: &Reader<'_>,
    dns: &check::Settings,
    history: &mut History,
) -> anyhow::Result<(Vec<String>, bool)> {
    match reader.stop.or(ask(reader, dns, history)).await {
        Some(warnings) => Ok((warnings?, false)),
        None => Ok((vec![UNASKED.to_owned()], true)),
    }
}

/// Asks the lists about what is blocked. Without any resolver the report still tells what the bounces say.
async fn ask(
    reader: &Reader<'_>,
    dns: &check::Settings,
    history: &mut History,
) -> anyhow::Result<Vec<String>> {
    let blocked = history.blocked();
    let serving = blocked
        .lists
        .iter()
        .flat_map(|list| reader.catalogue.zones_of(list))
        .cloned();
    let named: Vec<_> = blocked.zones.into_iter().chain(serving).collect();
    let bar = reader.bars.draw();
    bar.set_message(format!("asking the lists about {} addresses", blocked.ips.len()));
    let known = reader.ledger.known(&blocked.ips, &blocked.domains).await?;
    let questions = check::Questions {
        ips: &blocked.ips,
        zones: &named,
        domains: &blocked.domains,
        known: &known,
    };
    let checked = check::all(dns, reader.catalogue, questions, reader.now).await;
    bar.finish_and_clear();
    match checked {
        Ok(checked) => {
            reader.ledger.record_checks(&checked).await?;
            reader.ledger.answers(history).await?;
            Ok(checked.warnings)
        }
        Err(error) => Ok(vec![format!(
            "no list could be asked: {:#}",
            anyhow::Error::from(error)
        )]),
    }
}
