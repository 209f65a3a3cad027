//! `--mask`: the one place where what a report is made from loses its people, if that is wanted.

use anyhow::Context;
use tracing::Dispatch;

use crate::catalogue::Catalogue;
use crate::cli::Console;
use crate::commands::console;
use crate::event::{Event, FolderRef, Gap};
use crate::ledger::{Everything, History, Ledger, Recorded};
use crate::report::{self, Mask};

/// How many bounces are read from the ledger at once, whole.
pub(crate) const EVENTS_AT_ONCE: usize = 500;

/// Hides people, or lets everything through.
pub(crate) struct Masking(Option<Mask>);

impl Masking {
    /// Lets everything through.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn of(is_wanted: bool, catalogue: &Catalogue) -> anyhow::Result<Self> {
        if !is_wanted {
            return Ok(Self::none());
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("no random key for --mask")?;
        Ok(Self(Some(Mask::new(key, catalogue))))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Goes through the bounces of a history: a reply may name somebody whom only another bounce tells.
    pub(crate) async fn meet(&mut self, history: &History, ledger: &Ledger) -> anyhow::Result<()> {
        if !self.is_wanted() {
            return Ok(());
        }
        let ids: Vec<i64> = history.bounces.iter().map(|bounce| bounce.id).collect();
        for some in ids.chunks(EVENTS_AT_ONCE) {
            self.meet_bounces(&ledger.recorded(some).await?);
        }
        Ok(())
    }

    /// The same with a whole ledger, which is then at its start again.
    pub(crate) async fn meet_everything(&mut self, everything: &mut Everything) -> anyhow::Result<()> {
        if !self.is_wanted() {
            return Ok(());
        }
        loop {
            let some = everything.next_batch().await?;
            if some.is_empty() {
                everything.rewind();
                return Ok(());
            }
            self.meet_bounces(&some);
        }
    }

    fn meet_bounces(&mut self, bounces: &[Recorded]) {
        let Some(mask) = &mut self.0 else { return };
        for bounce in bounces {
            mask.meet(&bounce.event);
            bounce.sources.iter().for_each(|source| mask.meet_source(source));
        }
    }

    /// The history as the report may show it.
    pub(crate) fn history(&mut self, history: History) -> History {
        match &mut self.0 {
            Some(mask) => mask.history(history),
            None => history,
        }
    }

    /// The folders that were looked at, as the report may name them.
    pub(crate) fn folders(&mut self, folders: Vec<FolderRef>) -> Vec<FolderRef> {
        match &mut self.0 {
            Some(mask) => folders.into_iter().map(|folder| mask.folder(folder)).collect(),
            None => folders,
        }
    }

    /// Bounces of the ledger, whole, as the report may show them.
    pub(crate) async fn recorded(&mut self, ledger: &Ledger, ids: &[i64]) -> anyhow::Result<Vec<Recorded>> {
        Ok(self.bounces(ledger.recorded(ids).await?))
    }

    /// The same of bounces that have been read.
    pub(crate) fn bounces(&mut self, bounces: Vec<Recorded>) -> Vec<Recorded> {
        match &mut self.0 {
            Some(mask) => bounces.into_iter().map(|bounce| mask.recorded(bounce)).collect(),
            None => bounces,
        }
    }

    /// Events that no ledger has: all of them at once, so that everybody is met before.
    pub(crate) fn events(&mut self, events: Vec<Event>) -> Vec<Event> {
        let Some(mask) = &mut self.0 else {
            return events;
        };
        events.iter().for_each(|event| mask.meet(event));
        events.into_iter().map(|event| mask.event(event)).collect()
    }

    /// A whole mail, as strangers may have it.
    pub(crate) fn mail(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.0 {
            Some(mask) => report::masked_mail(bytes, &mut |text| mask.text(text).into_owned()),
            None => bytes.to_vec(),
        }
    }

    pub(crate) fn gaps(&mut self, gaps: Vec<Gap>) -> Vec<Gap> {
        match &mut self.0 {
            Some(mask) => gaps.into_iter().map(|gap| mask.gap(gap)).collect(),
            None => gaps,
        }
    }

    pub(crate) fn texts(&mut self, texts: Vec<String>) -> Vec<String> {
        match &mut self.0 {
            Some(mask) => texts.iter().map(|text| mask.text(text).into_owned()).collect(),
            None => texts,
        }
    }

    /// Where the log of reading goes, which names accounts and folders.
    pub(crate) fn log(&self, console: Console) -> Dispatch {
        match &self.0 {
            Some(mask) => console::masked_log(console, mask.clone()),
            None => tracing::dispatcher::get_default(Dispatch::clone),
        }
    }

    /// What stopped the run, for stderr.
    pub(crate) fn error(&mut self, error: anyhow::Error) -> anyhow::Error {
        match &mut self.0 {
            Some(mask) => anyhow::anyhow!(mask.text(&format!("{error:#}")).into_owned()),
            None => error,
        }
    }
}
