//! One folder on its way into batches: each UID is counted exactly once, and the position stops before what was not read.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;

use crate::event::{FolderRef, Gap, Message, Place, Position, Source, Timestamp, Uid, UidValidity};

use super::command::Fault;
use super::fetch::{HEAD_BYTES, Kind, Known};
use super::session::Limits;

/// Some mails of one folder, and what became of all the others that were asked for with them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The candidates.
    pub messages: Vec<Message>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// How far the folder is accounted for now; `None` when it got no further.
    pub position: Option<Position>,
    /// The UIDs of this batch by what became of them.
    pub tally: Tally,
}

/// What became of the UIDs asked for; the counts add up to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Candidates read whole.
    pub read: u64,
    /// No candidate, by their header fields.
    pub no_candidate: u64,
    /// Deleted by somebody while the folder was read.
    pub gone: u64,
    /// Candidates over the size limit, of which the head was read.
    pub too_big: u64,
    /// Not read; a gap says why.
    pub failed: u64,
}

/// The folder that is being read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) folder: FolderRef,
    pub(super) validity: UidValidity,
    /// Older mails are left out; the position has to say so.
    pub(super) read_since: Option<Timestamp>,
    /// UIDs whose header fields have not been asked for yet.
    pub(super) uids: VecDeque<u32>,
    /// UIDs whose header fields were asked for, and that are in no batch yet.
    pub(super) known: VecDeque<Known>,
    /// Why the header fields of some of `known` are missing.
    pub(super) refused: Option<Fault>,
    /// Nothing before failed: the position may move on.
    pub(super) unbroken: bool,
}

/// What the next batch asks for.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) known: Vec<Known>,
    pub(super) whole: Vec<u32>,
    pub(super) heads: Vec<u32>,
}

impl Open {
    pub(super) fn next_part(&mut self, limits: Limits, max_message_bytes: u32) -> Part {
        let mut part = Part::default();
        let mut bytes = 0;
        while let Some(known) = self.known.pop_front() {
            if let Kind::Candidate { size, .. } = known.kind {
                let whole = size <= max_message_bytes;
                bytes += u64::from(if whole { size } else { HEAD_BYTES });
                let mails = part.whole.len() + part.heads.len();
                if mails > 0 && (bytes > limits.batch_bytes || mails >= limits.batch_mails) {
                    self.known.push_front(known);
                    break;
                }
                if whole { &mut part.whole } else { &mut part.heads }.push(known.uid);
            }
            part.known.push(known);
        }
        part
    }

    /// Counts each UID of a part exactly once, and moves the position up to the first that was not read.
    pub(super) fn settle(
        &mut self,
        known: Vec<Known>,
        mut found: BTreeMap<u32, Option<Vec<u8>>>,
        all_answered: bool,
        max_message_bytes: u32,
    ) -> Batch {
        let mut batch = Batch::default();
        for Known { uid, kind } in known {
            let Some(number) = NonZeroU32::new(uid) else {
                continue;
            };
            let source = || Source::Imap(self.folder.clone(), self.validity, Uid(number));
            let tally = &mut batch.tally;
            let count = match kind {
                Kind::NoCandidate => &mut tally.no_candidate,
                Kind::Gone => &mut tally.gone,
                Kind::Failed => &mut tally.failed,
                Kind::Candidate { size, received_at } => match found.remove(&uid) {
                    Some(Some(bytes)) => {
                        let source = source();
                        batch.messages.push(Message {
                            source,
                            received_at,
                            bytes,
                        });
                        if size > max_message_bytes {
                            &mut tally.too_big
                        } else {
                            &mut tally.read
                        }
                    }
                    Some(None) => {
                        let why = "the server gives no text of this mail".to_owned();
                        batch.gaps.push(Gap {
                            at: Place::Message(source()),
                            why,
                        });
                        &mut tally.failed
                    }
                    None if all_answered => &mut tally.gone,
                    None => &mut tally.failed,
                },
            };
            *count += 1;
            self.unbroken &= tally.failed == 0;
            if self.unbroken {
                batch.position = Some(Position {
                    folder: self.folder.clone(),
                    uid_validity: self.validity,
                    last_uid: Some(Uid(number)),
                    read_since: self.read_since,
                });
            }
        }
        batch
    }
}
impl Tally {
    /// All UIDs of the batch.
    #[must_use]
    pub fn asked(&self) -> u64 {
        let Self {
            read,
            no_candidate,
            gone,
            too_big,
            failed,
        } = self;
        read + no_candidate + gone + too_big + failed
    }
}
