//! `bounceaudit scan`: the whole way from the mailboxes to the report.

use anyhow::bail;
use chrono::Local;

use crate::bounce;
use crate::catalogue::Catalogue;
use crate::check;
use crate::cli::{Console, ScanArgs};
use crate::commands::console::{self, Bars};
use crate::commands::{Outcome, outputs};
use crate::config::Config;
use crate::event::{Event, FolderRef, Gap, NotUnderstood, Place, Source, Timestamp};
use crate::ledger::{Ledger, Reading, Window};
use crate::mailbox::{self, Account, Batch, Inbox, Scope};
use crate::report::{Input, Report};

/// What a run over the mailboxes saw; what it read is in the ledger.
#[derive(Default)]
struct Walk {
    folders: Vec<FolderRef>,
    gaps: Vec<Gap>,
}

/// What every step of a run needs.
struct Run<'a> {
    catalogue: &'a Catalogue,
    ledger: &'a Ledger,
    now: Timestamp,
    bars: Bars,
}

pub(crate) async fn run(args: ScanArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let accounts = config.accounts(&args.accounts, &args.mailbox, args.config.config.as_deref())?;
    let dns = args.dns.or(config.dns);
    let settings = args.report.or(config.report);
    outputs::refuse_two_on_stdout(&settings)?;
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let ledger = Ledger::open(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let bars = Bars::of(console, settings.quiet);
    let run = Run {
        catalogue: &catalogue,
        ledger: &ledger,
        now,
        bars,
    };

    let seen = settings.window(now);
    let scope = Scope {
        since: seen.since,
        full: args.full,
        may_be: bounce::may_be,
    };
    let walk = run.walk(&accounts, scope).await?;
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
    let warnings = run.ask(&dns, &window).await?;
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
    console::name_strange(report.strange());
    let outcome = outputs::outcome(&report, &settings);
    ledger.mark_report(now).await?;
    ledger.close().await;
    Ok(outcome)
}

impl Run<'_> {
    /// Reads every account. One that fails is a gap beside the others; alone it is the end.
    async fn walk(&self, accounts: &[mailbox::Settings], scope: Scope) -> anyhow::Result<Walk> {
        let mut walk = Walk::default();
        for account in accounts {
            match self.open(account, scope).await? {
                Ok(inbox) => self.read(inbox, &account.account_name(), &mut walk).await?,
                Err(error) if accounts.len() == 1 => bail!(error),
                Err(error) => walk.gaps.push(gap(account, &error)),
            }
        }
        Ok(walk)
    }

    async fn open(
        &self,
        settings: &mailbox::Settings,
        scope: Scope,
    ) -> anyhow::Result<Result<Inbox, mailbox::Error>> {
        let positions = self.ledger.positions().await?;
        Ok(match Account::unlock(settings.clone()).await {
            Ok(account) => account.open(scope, positions).await,
            Err(error) => Err(error),
        })
    }

    /// Reads what is new in an account; a batch is in the ledger before the next one is read.
    async fn read(&self, mut inbox: Inbox, account: &str, walk: &mut Walk) -> anyhow::Result<()> {
        // Drawn only now: opening may have asked for the password.
        let bar = self.bars.draw();
        bar.set_message(format!("{account}: reading"));
        let (mut looked_at, mut found) = (0, 0);
        while let Some(batch) = inbox.next_batch().await {
            let read = Read::of(&batch, self.catalogue);
            let reading = Reading {
                events: &read.events,
                not_understood: &read.not_understood,
                no_bounces: &read.no_bounces,
                position: batch.position.as_ref(),
                now: self.now,
            };
            found += self.ledger.record(reading).await?;
            looked_at += batch.tally.asked();
            let total = inbox.total();
            bar.set_message(format!(
                "{account}: {looked_at} of {total} mails, {found} new bounces"
            ));
            walk.gaps.extend(batch.gaps);
            walk.gaps.extend(read.gaps);
        }
        bar.finish_and_clear();
        walk.folders.extend_from_slice(inbox.folders());
        walk.gaps.extend(inbox.gaps());
        inbox.close().await;
        Ok(())
    }

    /// Asks the lists about what is blocked in the window. Without any resolver the report still tells what the bounces
    /// say.
    async fn ask(&self, dns: &check::Settings, window: &Window) -> anyhow::Result<Vec<String>> {
        let blocked = self.ledger.blocked(window).await?;
        let serving = blocked
            .lists
            .iter()
            .flat_map(|list| self.catalogue.zones_of(list))
            .cloned();
        let named: Vec<_> = blocked.zones.into_iter().chain(serving).collect();
        let bar = self.bars.draw();
        bar.set_message(format!("asking the lists about {} addresses", blocked.ips.len()));
        let checked = check::all(dns, self.catalogue, &blocked.ips, &named, self.now).await;
        bar.finish_and_clear();
        match checked {
            Ok(checked) => {
                self.ledger
                    .record_checks(&checked.listings, &checked.names)
                    .await?;
                Ok(checked.warnings)
            }
            Err(error) => Ok(vec![format!(
                "no list could be asked: {:#}",
                anyhow::Error::from(error)
            )]),
        }
    }
}

/// What the mails of a batch are.
#[derive(Default)]
struct Read {
    /// With their verdicts.
    events: Vec<Event>,
    not_understood: Vec<NotUnderstood>,
    no_bounces: Vec<Source>,
    /// Bounces, most likely, of which the head does not tell enough.
    gaps: Vec<Gap>,
}

impl Read {
    fn of(batch: &Batch, catalogue: &Catalogue) -> Self {
        let mut read = Self::default();
        for message in batch.messages.iter().chain(&batch.heads) {
            let events = bounce::read(message);
            if !events.is_empty() {
                read.events
                    .extend(events.into_iter().map(|event| catalogue.classify(event)));
                continue;
            }
            match bounce::not_understood(message) {
                Some(mail) => read.not_understood.push(mail),
                None => read.no_bounces.push(message.source.clone()),
            }
        }
        let cut_short = |mail: &&NotUnderstood| batch.heads.iter().any(|head| head.source == mail.source);
        let gap = |mail: &NotUnderstood| Gap {
            at: Place::Message(mail.source.clone()),
            why: "its first 256 KiB do not tell enough; raise --max-message-size".to_owned(),
        };
        read.gaps = read.not_understood.iter().filter(cut_short).map(gap).collect();
        read
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
