//! `bounceaudit scan`: the whole way from the mailboxes to the report.

use anyhow::bail;
use chrono::Local;
use indicatif::ProgressBar;

use crate::bounce;
use crate::catalogue::Catalogue;
use crate::check;
use crate::cli::{Console, ScanArgs};
use crate::commands::{Outcome, console, outputs};
use crate::config::Config;
use crate::event::{Event, FolderRef, Gap, Place, Source, Timestamp};
use crate::ledger::{Ledger, Reading, Window};
use crate::mailbox::{self, Batch, Inbox, Scope};
use crate::report::{Input, Report};

/// What a run over the mailboxes saw; what it read is in the ledger.
#[derive(Default)]
struct Walk {
    folders: Vec<FolderRef>,
    gaps: Vec<Gap>,
}

pub(crate) async fn run(args: ScanArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let accounts = config.accounts(&args.accounts, &args.mailbox, args.config.config.as_deref())?;
    let dns = args.dns.or(config.dns);
    let settings = args.report.or(config.report);
    outputs::refuse_two_on_stdout(&settings)?;
    let catalogue = Catalogue::built_in()?;
    let ledger = Ledger::open(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let seen = settings.window(now);

    let mut walk = Walk::default();
    let progress = console::progress(console, settings.quiet);
    for account in &accounts {
        progress.set_prefix(account.account_name());
        let scope = Scope {
            since: seen.since,
            full: args.full,
            may_be: bounce::may_be,
        };
        match mailbox::open(account, scope, ledger.positions().await?).await {
            Ok(inbox) => read(inbox, &catalogue, &ledger, now, &progress, &mut walk).await?,
            Err(error) if accounts.len() == 1 => bail!(error),
            Err(error) => walk.gaps.push(gap(account, &error)),
        }
    }
    progress.finish_and_clear();
    console::name_gaps(&walk.gaps);
    if walk.folders.is_empty() {
        bail!("none of the {} accounts could be read", accounts.len());
    }
    let dropped = ledger.prune(now).await?;
    tracing::debug!(dropped, "older than keep");

    let window = Window {
        since: seen.since,
        until: seen.until,
        folders: Some(walk.folders),
    };
    let warnings = ask(&dns, &catalogue, &ledger, &window, now).await?;
    let history = ledger.history(&window).await?;
    let looked_at = looked_at(window.folders.as_deref().unwrap_or_default());
    let report = Report::build(Input {
        history: &history,
        catalogue: &catalogue,
        own: &config.own_addresses,
        owner: None,
        gaps: &walk.gaps,
        warnings: &warnings,
        settings: &settings,
        command: "scan",
        looked_at: &looked_at,
        now,
    })?;
    outputs::write(&report, &settings, console)?;
    ledger.mark_report(now).await?;
    ledger.close().await;
    Ok(outputs::outcome(&report, &settings, &walk.gaps))
}

/// Reads what is new in an account, batch by batch; a batch is in the ledger before the next one is read.
async fn read(
    mut inbox: Inbox,
    catalogue: &Catalogue,
    ledger: &Ledger,
    now: Timestamp,
    progress: &ProgressBar,
    walk: &mut Walk,
) -> anyhow::Result<()> {
    let mut found = 0;
    while let Some(batch) = inbox.next_batch().await {
        let (events, not_understood) = classify(&batch, catalogue);
        let position = batch.position.as_ref();
        let reading = Reading {
            events: &events,
            not_understood: &not_understood,
            position,
            now,
        };
        found += ledger.record(reading).await?;
        progress.inc(batch.tally.asked());
        progress.set_message(format!("{found} new bounces"));
        walk.gaps.extend(batch.gaps);
    }
    walk.folders.extend_from_slice(inbox.folders());
    walk.gaps.extend(inbox.gaps());
    inbox.close().await;
    Ok(())
}

/// The events of a batch with their verdicts, and the mails that look like bounces and gave none.
fn classify(batch: &Batch, catalogue: &Catalogue) -> (Vec<Event>, Vec<Source>) {
    let (mut events, mut not_understood) = (Vec::new(), Vec::new());
    for message in &batch.messages {
        let read = bounce::read(message);
        if read.is_empty() && bounce::looks_like_bounce(message) {
            not_understood.push(message.source.clone());
        }
        events.extend(read.into_iter().map(|event| catalogue.classify(event)));
    }
    (events, not_understood)
}

/// Asks the lists about what is blocked in the window. Without any resolver the report still tells what the bounces say.
async fn ask(
    dns: &check::Settings,
    catalogue: &Catalogue,
    ledger: &Ledger,
    window: &Window,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let blocked = ledger.blocked(window).await?;
    let serving = blocked
        .lists
        .iter()
        .flat_map(|list| catalogue.zones_of(list))
        .cloned();
    let named: Vec<_> = blocked.zones.into_iter().chain(serving).collect();
    match check::all(dns, catalogue, &blocked.ips, &named, now).await {
        Ok(checked) => {
            ledger.record_checks(&checked.listings, &checked.names).await?;
            Ok(checked.warnings)
        }
        Err(error) => Ok(vec![format!(
            "no list could be asked: {:#}",
            anyhow::Error::from(error)
        )]),
    }
}

fn gap(account: &mailbox::Settings, error: &mailbox::Error) -> Gap {
    Gap {
        at: Place::Account(account.account_name()),
        why: error.to_string(),
    }
}

/// `postmaster@mail.hosting.example.jp (INBOX, Junk)` for each account.
fn looked_at(folders: &[FolderRef]) -> Vec<String> {
    let login = |folder: &FolderRef| match folder.user.contains('@') {
        true => format!("{} on {}", folder.user, folder.host),
        false => format!("{}@{}", folder.user, folder.host),
    };
    let accounts = folders.chunk_by(|one, next| login(one) == login(next));
    let names = |account: &[FolderRef]| {
        account
            .iter()
            .map(|f| f.folder.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    accounts
        .filter_map(|account| Some(format!("{} ({})", login(account.first()?), names(account))))
        .collect()
}
