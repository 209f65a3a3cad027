//! One folder on its way into batches: each UID is counted exactly once, and the position names what was not read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::ops::AddAssign;

use crate::event::{FolderRef, Gap, Message, Place, Position, Source, Timestamp, Uid, UidValidity};

use super::command::Tag;
use super::fetch::{Body, HEAD_BYTES, Kind, Known, Part, Shelf};
use super::retry::Suspects;
use super::session::Limits;

/// So many mails that could not be read are remembered one by one.
const MOST_MISSED: usize = 1000;

/// Some mails of one folder, and what became of all the others that were asked for with them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The candidates.
    pub messages: Vec<Message>,
    /// Candidates over the size limit: their first 256 KiB.
    pub heads: Vec<Message>,
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
    /// Its name as the server writes it.
    pub(super) wire: String,
    pub(super) validity: UidValidity,
    /// Older mails are left out; the position has to say so.
    pub(super) read_since: Option<Timestamp>,
    /// UIDs whose header fields are not known yet: those that are new, then those that could not be read before.
    pub(super) uids: VecDeque<u32>,
    /// What is known of some of `uids`, behind one that is not.
    pub(super) seen: BTreeMap<u32, Kind>,
    pub(super) unclear: Suspects,
    /// UIDs whose header fields are known, and that are in no batch yet.
    pub(super) known: VecDeque<Known>,
    pub(super) shelf: Shelf,
    pub(super) unread: Suspects,
    /// Parts that were sent for.
    pub(super) flights: VecDeque<(Part, Vec<Tag>)>,
    /// The position may move on.
    pub(super) unbroken: bool,
    /// The highest UID that is accounted for.
    pub(super) last: u32,
    /// UIDs up to there whose mails could not be read.
    pub(super) missed: BTreeSet<u32>,
}

impl Open {
    /// The next UIDs whose header fields are to be asked for.
    pub(super) fn next_window(&self, most: usize) -> Vec<u32> {
        let unknown = self.uids.iter().filter(|uid| !self.seen.contains_key(uid));
        unknown.take(most.min(self.unclear.most())).copied().collect()
    }

    /// Moves on what is known without a hole.
    pub(super) fn learn(&mut self) {
        while let Some(kind) = self.uids.front().and_then(|uid| self.seen.remove(uid)) {
            if let Some(uid) = self.uids.pop_front() {
                self.known.push_back(Known { uid, kind });
            }
        }
    }

    /// The next mails to be sent for; bounded in mails and in bytes.
    pub(super) fn next_part(&self, limits: Limits) -> Part {
        let (mut part, mut bytes) = (Part::default(), 0);
        let most = limits.batch_mails.min(self.unread.most());
        for known in &self.known {
            let Kind::Candidate { size, .. } = known.kind else {
                continue;
            };
            if self.shelf.has(known.uid) || self.shelf.is_wanted(known.uid) {
                continue;
            }
            let whole = size <= limits.max_message_bytes;
            bytes += u64::from(if whole { size } else { HEAD_BYTES });
            if part.len() > 0 && (bytes > limits.batch_bytes || part.len() >= most) {
                break;
            }
            if whole { &mut part.whole } else { &mut part.heads }.push(known.uid);
        }
        part
    }

    /// The sizes that the server gave were no good: each mail may be as long as any.
    pub(super) fn distrust_sizes(&mut self, max_message_bytes: u32) {
        for known in &mut self.known {
            if let Kind::Candidate { size, .. } = &mut known.kind {
                *size = (*size).max(max_message_bytes);
            }
        }
    }

    /// Counts each UID up to the first that is not accounted for exactly once, and moves the position behind them: those that
    /// were not read are named in it.
    pub(super) fn settle(&mut self, max_message_bytes: u32) -> Batch {
        let mut batch = Batch::default();
        let mut moved = false;
        while let Some(Known { uid, kind }) = self.known.pop_front() {
            let Some(number) = NonZeroU32::new(uid) else {
                continue;
            };
            let source = Source::Imap(self.folder.clone(), self.validity, Uid(number));
            let failed = batch.tally.failed;
            match kind {
                Kind::NoCandidate => batch.tally.no_candidate += 1,
                Kind::Gone => batch.tally.gone += 1,
                Kind::Candidate { size, received_at } => match self.shelf.take(uid) {
                    None => {
                        let kind = Kind::Candidate { size, received_at };
                        self.known.push_front(Known { uid, kind });
                        break;
                    }
                    Some(Body::Text(bytes)) => {
                        let message = Message {
                            source,
                            received_at,
                            bytes,
                        };
                        let cut = message.bytes.len() >= HEAD_BYTES as usize;
                        batch.take(message, size <= max_message_bytes || !cut);
                    }
                    Some(Body::Gone) => batch.tally.gone += 1,
                    Some(Body::Withheld) => batch.fail(source, "the server gives no text of this mail"),
                    Some(Body::Failed(why)) => batch.fail(source, &why),
                },
            }
            moved |= self.moves_on(uid, batch.tally.failed > failed);
        }
        batch.position = moved.then(|| self.position());
        batch
    }

    /// Moves the position on to a mail, if it may.
    fn moves_on(&mut self, uid: u32, failed: bool) -> bool {
        // So many are no single mails' fault: the next run takes the folder up again from the first of them.
        self.unbroken &= !failed || self.missed.len() < MOST_MISSED || self.missed.contains(&uid);
        if self.unbroken {
            self.last = self.last.max(uid);
            match failed {
                true => self.missed.insert(uid),
                false => self.missed.remove(&uid),
            };
        }
        self.unbroken
    }

    fn position(&self) -> Position {
        let missed = self.missed.iter().filter_map(|uid| NonZeroU32::new(*uid));
        Position {
            folder: self.folder.clone(),
            uid_validity: self.validity,
            last_uid: NonZeroU32::new(self.last).map(Uid),
            read_since: self.read_since,
            unread: missed.map(Uid).collect(),
        }
    }

    /// UIDs that are in no batch yet.
    pub(super) fn left(&self) -> u64 {
        (self.known.len() + self.uids.len()) as u64
    }
}

impl Batch {
    fn take(&mut self, message: Message, whole: bool) {
        if whole {
            self.messages.push(message);
            self.tally.read += 1;
        } else {
            self.heads.push(message);
            self.tally.too_big += 1;
        }
    }

    fn fail(&mut self, source: Source, why: &str) {
        self.tally.failed += 1;
        self.gaps.push(Gap {
            at: Place::Message(source),
            why: why.to_owned(),
        });
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

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.no_candidate += other.no_candidate;
        self.gone += other.gone;
        self.too_big += other.too_big;
        self.failed += other.failed;
    }
}
