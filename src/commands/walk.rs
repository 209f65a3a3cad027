//! The reading part of a scan: all accounts, some at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::task;
use tracing::Instrument;

use crate::bounce;
use crate::catalogue::Catalogue;
use crate::commands::console::Bars;
use crate::commands::stop::Stop;
use crate::event::{Event, FolderRef, Gap, Message, NotUnderstood, Place, Position, Source, Timestamp};
use crate::ledger::{self, Ledger, MailToKeep, Reading};
use crate::mailbox::{self, Account, Batch, Inbox, Scope, Tally};

const INTERRUPTED: &str = "it was interrupted";

/// What a run over the mailboxes saw; what it read is in the ledger.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) folders: Vec<FolderRef>,
    pub(crate) gaps: Vec<Gap>,
}

/// What reading needs.
pub(crate) struct Reader<'a> {
    pub(crate) catalogue: &'a Arc<Catalogue>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) now: Timestamp,
    pub(crate) bars: &'a Bars,
    pub(crate) stop: &'a Stop,
    pub(crate) scope: Scope,
}

impl Reader<'_> {
    /// Reads every account. One that fails is a gap beside the others; alone it is the end.
    pub(crate) async fn walk(
        &self,
        accounts: Vec<mailbox::Settings>,
        at_a_time: NonZeroUsize,
    ) -> anyhow::Result<Walk> {
        let alone = accounts.len() == 1;
        let mut unlocked = Vec::new();
        for settings in accounts {
            // One after the other: each may ask for something on the terminal.
            let name = settings.account_name();
            unlocked.push((name, Account::unlock(settings).await));
        }
        let reading = unlocked.into_iter().enumerate().map(|(at, (name, account))| {
            let span = tracing::info_span!("account", name);
            async move {
                let read = match account {
                    Ok(account) => self.account(account).await?,
                    Err(error) => Err(error),
                };
                anyhow::Ok((at, name, read))
            }
            .instrument(span)
        });
        let mut read: Vec<_> = stream::iter(reading)
            .buffer_unordered(at_a_time.get())
            .try_collect()
            .await?;
        // Not in the order in which they happened to end.
        read.sort_by_key(|(at, ..)| *at);
        let mut walk = Walk::default();
        for (_at, name, read) in read {
            match read {
                Ok(read) => {
                    walk.folders.extend(read.folders);
                    walk.gaps.extend(read.gaps);
                }
                Err(error) if alone => bail!(error),
                Err(error) => walk.gaps.push(gap(name, error.to_string())),
            }
        }
        Ok(walk)
    }

    async fn account(&self, account: Account) -> anyhow::Result<Result<Walk, mailbox::Error>> {
        let name = account.name();
        let positions = self.ledger.positions().await?;
        match self.stop.or(account.open(self.scope, positions)).await {
            Some(Ok(inbox)) => self.read(inbox, &name).await.map(Ok),
            Some(Err(error)) => Ok(Err(error)),
            None => Ok(Ok(Walk {
                folders: Vec::new(),
                gaps: vec![gap(name, INTERRUPTED.to_owned())],
            })),
        }
    }

    /// Reads what is new in an account; a batch is in the ledger before the next one is read.
    async fn read(&self, mut inbox: Inbox, account: &str) -> anyhow::Result<Walk> {
        let mut walk = Walk {
            folders: inbox.folders().to_vec(),
            gaps: inbox.gaps(),
        };
        let (started, mut found) = (Instant::now(), 0);
        // Drawn only now: opening may have asked for the password.
        let bar = self.bars.draw();
        bar.set_message(format!("{account}: reading"));
        let (mut batch, mut read) = (None, None);
        loop {
            // While one batch is written down, the next one is looked at and the one after that comes.
            let (next, looked_at, recorded) =
                tokio::join!(self.next(&mut inbox), self.look_at(batch), self.record(read));
            found += recorded?;
            (batch, read) = (next, looked_at?);
            let so_far = progress(inbox.tally(), inbox.total(), found, started.elapsed());
            bar.set_message(format!("{account}: {so_far}"));
            walk.gaps
                .extend(read.iter_mut().flat_map(|read| std::mem::take(&mut read.gaps)));
            if batch.is_none() && read.is_none() {
                break;
            }
        }
        bar.finish_and_clear();
        let Tally {
            read,
            no_candidate,
            gone,
            too_big,
            failed,
        } = inbox.tally();
        let asked = inbox.tally().asked();
        tracing::debug!(asked, read, no_candidate, gone, too_big, failed, "all mails");
        inbox.close().await;
        Ok(walk)
    }

    async fn look_at(&self, batch: Option<Batch>) -> anyhow::Result<Option<Read>> {
        let Some(batch) = batch else {
            return Ok(None);
        };
        let catalogue = Arc::clone(self.catalogue);
        Ok(Some(
            task::spawn_blocking(move || Read::of(batch, &catalogue)).await?,
        ))
    }

    /// Gives how many bounces are new.
    async fn record(&self, read: Option<Read>) -> anyhow::Result<usize> {
        let Some(read) = read else {
            return Ok(0);
        };
        let reading = Reading {
            events: &read.events,
            not_understood: &read.not_understood,
            no_bounces: &read.no_bounces,
            mails: &read.mails,
            position: read.position.as_ref(),
            now: self.now,
        };
        Ok(self.ledger.record(reading).await?)
    }

    async fn next(&self, inbox: &mut Inbox) -> Option<Batch> {
        match self.stop.or(inbox.next_batch()).await {
            Some(batch) => batch,
            None => inbox.stop(INTERRUPTED),
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
    /// The newest ones about each address and list.
    mails: Vec<MailToKeep>,
    /// The batch's, and bounces, most likely, of which the head does not tell enough.
    gaps: Vec<Gap>,
    position: Option<Position>,
}

impl Read {
    /// As many threads as there are processors: understanding a bounce takes longer than fetching it.
    fn of(batch: Batch, catalogue: &Catalogue) -> Self {
        let mails: Vec<&Message> = batch.messages.iter().chain(&batch.heads).collect();
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = mails.len().div_ceil(threads).max(1);
        let mut read = thread::scope(|scope| {
            let shares: Vec<_> = mails
                .chunks(share)
                .map(|share| scope.spawn(|| Self::of_some(share, catalogue)))
                .collect();
            shares
                .into_iter()
                .fold(Self::default(), |read, share| match share.join() {
                    Ok(more) => read.and(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        });
        let cut_short = |mail: &&NotUnderstood| batch.heads.iter().any(|head| head.source == mail.source);
        let gap = |mail: &NotUnderstood| Gap {
            at: Place::Message(mail.source.clone()),
            why: "its first 256 KiB do not tell enough; raise --max-message-size".to_owned(),
        };
        read.mails = evidence(&read.events, &batch);
        let gaps: Vec<Gap> = read.not_understood.iter().filter(cut_short).map(gap).collect();
        read.gaps = batch.gaps;
        read.gaps.extend(gaps);
        read.position = batch.position;
        read
    }

    fn of_some(mails: &[&Message], catalogue: &Catalogue) -> Self {
        let mut read = Self::default();
        for message in mails {
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
        read
    }

    fn and(mut self, more: Self) -> Self {
        self.events.extend(more.events);
        self.not_understood.extend(more.not_understood);
        self.no_bounces.extend(more.no_bounces);
        self
    }
}

/// The mails of a batch that the ledger may keep, without what people wrote into them.
fn evidence(events: &[Event], batch: &Batch) -> Vec<MailToKeep> {
    let wanted = ledger::worth_keeping(events);
    let whole = batch.messages.iter().map(|message| (message, false));
    let heads = batch.heads.iter().map(|message| (message, true));
    whole
        .chain(heads)
        .filter(|(message, _)| wanted.contains(&message.source))
        .map(|(message, is_cut)| MailToKeep {
            source: message.source.clone(),
            bytes: bounce::without_body(message),
            is_cut,
        })
        .collect()
}

fn gap(account: String, why: String) -> Gap {
    Gap {
        at: Place::Account(account),
        why,
    }
}

/// `1200 of 5000 mails, 37 new bounces, 240/s, 16s left`
fn progress(tally: Tally, total: u64, found: usize, elapsed: Duration) -> String {
    let asked = tally.asked();
    let rate = asked as f64 / elapsed.as_secs_f64().max(0.001);
    let left = Duration::try_from_secs_f64((total.saturating_sub(asked) as f64 / rate).ceil());
    let left = left.map_or_else(
        |_never| String::new(),
        |left| format!(", {} left", humantime::format_duration(left)),
    );
    format!("{asked} of {total} mails, {found} new bounces, {rate:.0}/s{left}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Batch, Read, Source, Tally, progress};
    use crate::catalogue::Catalogue;
    use crate::event::{Event, Message};

    const HEAD_BYTES: usize = 256 * 1024;

    fn message(path: &Path, bytes: &[u8]) -> Message {
        Message {
            source: Source::File(path.to_owned()),
            received_at: None,
            bytes: bytes.to_vec(),
        }
    }

    fn of_head(catalogue: &Catalogue, path: &Path, bytes: &[u8]) -> Read {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        let batch = Batch {
            heads: vec![message(path, head)],
            ..Batch::default()
        };
        Read::of(batch, catalogue)
    }

    /// Mails that lines of ASCII with CRLF do not go on from: with CR alone, in UTF-16, ended within a word.
    const ENDS_OTHERWISE: [&str; 3] = ["shape-ends-cr", "charset-utf16", "rfc3464-cut-in-original"];

    /// The mail with a megabyte behind its last header or in its last part.
    fn grown(mail: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(mail);
        let end = text.trim_end();
        let end = end
            .rfind('\n')
            .filter(|_| end.ends_with("--"))
            .unwrap_or(end.len());
        let more = "and so on, and so on, and so on, and so on, and so on\r\n".repeat(20_000);
        [&mail[..end], b"\r\n", more.as_bytes(), &mail[end..]].concat()
    }

    #[test]
    fn the_head_of_a_long_bounce_tells_what_all_of_it_tells() {
        let catalogue = Catalogue::built_in().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let (mut same, mut different) = (0, Vec::new());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "eml") {
                continue;
            }
            let mail = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if std::str::from_utf8(&mail).is_err()
                || mail.len() > HEAD_BYTES / 2
                || ENDS_OTHERWISE.iter().any(|begin| name.starts_with(begin))
            {
                continue;
            }
            let batch = Batch {
                messages: vec![message(&path, &mail)],
                ..Batch::default()
            };
            let whole = Read::of(batch, &catalogue).events;
            let mut head: Vec<Event> = of_head(&catalogue, &path, &grown(&mail)).events;
            for (head, whole) in head.iter_mut().zip(&whole) {
                // Where the mail ends with the reply, the reply has grown as well.
                let is_longer = head.reply.as_deref().zip(whole.reply.as_deref());
                if is_longer.is_some_and(|(head, whole)| head.starts_with(whole)) {
                    head.reply.clone_from(&whole.reply);
                }
            }
            match whole == head {
                true => same += 1,
                false => different.push(path),
            }
        }
        assert!(different.is_empty(), "{different:#?}");
        assert!(same > 100, "{same}");
    }

    #[test]
    fn a_head_that_is_not_enough_is_a_gap() {
        let catalogue = Catalogue::built_in().unwrap();
        let begin = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.jp\r\nSubject: Undelivered Mail Returned to Sender\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n--B\r\n\r\n";
        let mail = [&begin[..], &b"nothing yet\r\n".repeat(40_000)].concat();
        let read = of_head(&catalogue, Path::new("long.eml"), &mail);
        assert_eq!((read.events.len(), read.not_understood.len()), (0, 1));
        assert_eq!(
            read.gaps[0].to_string(),
            "long.eml: its first 256 KiB do not tell enough; raise --max-message-size"
        );
    }

    #[test]
    fn progress_tells_counts_rate_and_time_left() {
        let tally = Tally {
            read: 37,
            no_candidate: 1160,
            gone: 1,
            too_big: 1,
            failed: 1,
        };
        assert_eq!(
            progress(tally, 5000, 30, Duration::from_secs(5)),
            "1200 of 5000 mails, 30 new bounces, 240/s, 16s left"
        );
        // Nothing is known of the time yet.
        assert_eq!(
            progress(Tally::default(), 5000, 0, Duration::from_secs(5)),
            "0 of 5000 mails, 0 new bounces, 0/s"
        );
    }
}
