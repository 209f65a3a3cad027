//! Walks the folders of an IMAP account, batch by batch; each UID asked for is accounted for, whatever the server does.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::event::{FolderRef, Gap, Place, Position};

use super::account::{Account, Scope, wait};
use super::batch::{Batch, Open, Tally};
use super::command::Conn;
use super::error::Error;
use super::fault::Fault;
use super::guard::Deadline;
use super::retry::{Finding, Patience};

/// A folder that could not be opened so often is left.
const MOST_OPENINGS: u32 = 3;
/// How long the server may take to say good-bye.
const PARTING: Duration = Duration::from_secs(5);

/// An account that is being read.
#[derive(Debug)]
pub struct Inbox {
    pub(super) account: Account,
    /// `None` after a failure.
    pub(super) conn: Option<Conn>,
    pub(super) folders: Vec<FolderRef>,
    /// Folders still to be opened, with their names on the wire.
    pub(super) todo: VecDeque<(FolderRef, String)>,
    /// How often the first of them could not be opened.
    pub(super) openings: u32,
    pub(super) open: Option<Open>,
    pub(super) gaps: Vec<Gap>,
    pub(super) total: u64,
    pub(super) tally: Tally,
    pub(super) scope: Scope,
    pub(super) positions: Vec<Position>,
    pub(super) patience: Patience,
    pub(super) deadline: Option<Deadline>,
    /// What failed after the mails of the last batch had come.
    pub(super) trouble: Option<Trouble>,
    pub(super) ended: bool,
}

/// What a step came to.
pub(super) enum Step {
    On,
    Read(Box<Batch>),
    Done,
}

/// What failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No connection, or no login.
    Away(Error),
    /// The next folder could not be opened, or not again.
    Folder(Fault),
    /// A range of mails did not come.
    Range(Fault, Finding),
}

impl Inbox {
    /// The folders that are read, in their order.
    #[must_use]
    pub fn folders(&self) -> &[FolderRef] {
        &self.folders
    }

    /// Takes out what was found missing before the first mail: folders that were asked for and do not exist.
    pub fn gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    /// How many UIDs are known so far to be looked at; it grows with each folder that is opened.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What became of the UIDs so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Reads on; `None` when all folders are done, or after a batch whose gaps say why no more can come.
    pub async fn next_batch(&mut self) -> Option<Batch> {
        let batch = self.unsummed_batch().await?;
        self.tally += batch.tally;
        Some(batch)
    }

    async fn unsummed_batch(&mut self) -> Option<Batch> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(trouble) = self.trouble.take() {
                if let Some(batch) = self.recover(trouble).await {
                    return Some(batch);
                }
                continue;
            }
            match self.step().await {
                Ok(Step::On) => {}
                Ok(Step::Read(batch)) => return Some(*batch),
                Ok(Step::Done) => {
                    self.ended = true;
                    return self.unaccounted();
                }
                Err(trouble) => {
                    self.trouble = Some(trouble);
                    // What has come goes ahead of a pause, which may be long.
                    if let Some(batch) = self.settled() {
                        return Some(batch);
                    }
                }
            }
        }
    }

    /// Ends the reading here; a batch that says what was left, if anything was.
    pub fn stop(&mut self, why: &str) -> Option<Batch> {
        // An answer may be half read.
        self.conn = None;
        let batch = self.give_up(why);
        self.tally += batch.tally;
        (batch.tally.asked() > 0 || !batch.gaps.is_empty()).then_some(batch)
    }

    /// Says good-bye to the server.
    pub async fn close(self) {
        let Some(mut conn) = self.conn else {
            return;
        };
        conn.guard().silence = PARTING;
        // The answer is BYE and then the end, which is a fault in any other place.
        if let Err(fault) = conn.command("LOGOUT", |_untagged| {}).await {
            tracing::debug!(%fault, "LOGOUT");
        }
    }

    /// Gets ready for another try; a batch when something is given up.
    async fn recover(&mut self, trouble: Trouble) -> Option<Batch> {
        let fault = trouble.fault();
        if fault.is_none_or(|fault| !fault.is_usable_after()) {
            self.conn = None;
        }
        let enough = match &trouble {
            Trouble::Away(error) => !error.is_worth_another_try() || !self.patience.tire(),
            Trouble::Folder(fault) => {
                self.openings += 1;
                let refused = fault.is_usable_after() && !fault.is_temporary();
                if refused || self.openings >= MOST_OPENINGS {
                    return self.leave_folder(&trouble.to_string());
                }
                !self.patience.tire()
            }
            Trouble::Range(_, Finding::Guilty) => {
                if !self.patience.condemn() {
                    return self.leave_folder(&trouble.to_string());
                }
                false
            }
            Trouble::Range(_, Finding::Again) => !self.patience.tire(),
            Trouble::Range(_, Finding::Halved) => false,
            Trouble::Range(_, Finding::Progress) => {
                self.patience.progress();
                false
            }
        };
        // Where the command alone was refused there is nothing to wait for.
        let at_once = match &trouble {
            Trouble::Range(fault, _) => fault.is_usable_after() && !fault.is_temporary(),
            Trouble::Away(_) | Trouble::Folder(_) => false,
        };
        if enough || !(at_once || wait(&mut self.patience, self.deadline, fault).await) {
            return Some(self.give_up(&trouble.to_string()));
        }
        None
    }

    /// The last batch: what was not read any more, folder by folder, and why.
    fn give_up(&mut self, why: &str) -> Batch {
        self.ended = true;
        let mut batch = self.leave_open_folder(why).unwrap_or_default();
        let unread = self
            .todo
            .drain(..)
            .map(|(folder, _wire)| folder_gap(&self.account, &folder, format!("was not read: {why}")));
        batch.gaps.extend(unread);
        batch
    }

    /// Leaves one folder, for the others may be in order.
    fn leave_folder(&mut self, why: &str) -> Option<Batch> {
        self.openings = 0;
        self.leave_open_folder(why).or_else(|| {
            let (folder, _wire) = self.todo.pop_front()?;
            let mut batch = Batch::default();
            let why = format!("could not be opened: {why}");
            batch.gaps.push(folder_gap(&self.account, &folder, why));
            Some(batch)
        })
    }

    fn leave_open_folder(&mut self, why: &str) -> Option<Batch> {
        let mut open = self.open.take()?;
        let mut batch = open.settle(self.account.limits.max_message_bytes);
        let left = open.left();
        batch.tally.failed += left;
        if left > 0 {
            let why = format!("{left} mails could not be read: {why}");
            batch.gaps.push(folder_gap(&self.account, &open.folder, why));
        }
        Some(batch)
    }

    /// A last batch when mails got lost in the counting: no fault that we know of, and so never to be passed over.
    fn unaccounted(&self) -> Option<Batch> {
        let why = discrepancy(self.total, self.tally)?;
        let mut batch = Batch::default();
        batch.gaps.push(Gap {
            at: Place::Account(self.account.name()),
            why,
        });
        Some(batch)
    }
}

fn discrepancy(total: u64, tally: Tally) -> Option<String> {
    let asked = tally.asked();
    (asked != total).then(|| format!("{total} mails were to be looked at, and {asked} are accounted for"))
}

pub(super) fn folder_gap(account: &Account, folder: &FolderRef, why: String) -> Gap {
    Gap {
        at: Place::Folder {
            account: account.name(),
            folder: folder.folder.clone(),
        },
        why,
    }
}

impl Trouble {
    fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Away(error) => error.fault(),
            Self::Folder(fault) | Self::Range(fault, _) => Some(fault),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(error) => error.fmt(f),
            Self::Folder(fault) | Self::Range(fault, _) => fault.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, discrepancy};

    #[test]
    fn a_mail_that_is_counted_nowhere_or_twice_is_told_of() {
        let tally = Tally {
            read: 3,
            gone: 1,
            ..Tally::default()
        };
        assert_eq!(discrepancy(4, tally), None);
        for total in [3, 5] {
            let told = discrepancy(total, tally).unwrap();
            assert!(told.ends_with("and 4 are accounted for"), "{told}");
        }
    }
}
