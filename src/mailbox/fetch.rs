//! The mails of an open folder: the header fields that tell candidates, and the candidates' bodies.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, Response};

use crate::event::Timestamp;

use super::command::{Conn, Tag};
use super::fault::Fault;
use super::numbers::{internal_date, uid_of};
use super::uids::sets;

/// The header fields that [`crate::mailbox::Scope::may_be`] gets to see: what tells a bounce, and a customer's forwarded
/// one, from other mail.
pub const HEADER_FIELDS: &str = "FROM SENDER RETURN-PATH SUBJECT CONTENT-TYPE AUTO-SUBMITTED X-FAILED-RECIPIENTS \
                                 X-MS-EXCHANGE-MESSAGE-IS-NDR X-AUTOREPLY X-AUTORESPOND";
/// UIDs in one command that asks for header fields.
const HEADERS_PER_COMMAND: usize = 1000;
/// Commands on their way at a time: hides the round trip, and Courier's and Cyrus's small last segment (40 ms each).
pub(super) const IN_FLIGHT: usize = 4;
/// Of a mail over the cap so much is read: the report stands before the returned original.
pub(super) const HEAD_BYTES: u32 = 256 * 1024;

/// What the header pass says of one UID.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) uid: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Candidate {
        /// RFC822.SIZE; the largest number where the server gave none.
        size: u32,
        received_at: Option<Timestamp>,
    },
    NoCandidate,
    /// Deleted since the UIDs were asked for.
    Gone,
}

impl Kind {
    /// Without its header only the mail itself can tell; without its size, only its head is asked for.
    pub(super) const UNKNOWN: Self = Self::Candidate {
        size: u32::MAX,
        received_at: None,
    };
}

/// What came of asking for a mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Text(Vec<u8>),
    /// Deleted since its header was read.
    Gone,
    /// The server has it and gives no text of it.
    Withheld,
    /// The server fails whenever it is asked for.
    Failed(String),
}

/// Mails that are asked for together.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// By their UIDs: the mails to be read whole.
    pub(super) whole: Vec<u32>,
    /// Those of which the head is read.
    pub(super) heads: Vec<u32>,
}

impl Part {
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.heads.len()
    }

    pub(super) fn uids(&self) -> impl Iterator<Item = u32> {
        self.whole.iter().chain(&self.heads).copied()
    }
}

/// Asks for the header fields of `uids`; each of them is in `seen` when all went well, and some of them when not.
pub(super) async fn headers(
    conn: &mut Conn,
    uids: &[u32],
    may_be: fn(&[u8]) -> bool,
    seen: &mut BTreeMap<u32, Kind>,
) -> Result<(), Fault> {
    let items = format!("(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({HEADER_FIELDS})])");
    let commands: Vec<String> = sets(uids, HEADERS_PER_COMMAND)
        .iter()
        .map(|set| format!("UID FETCH {set} {items}"))
        .collect();
    let asked: BTreeSet<u32> = uids.iter().copied().collect();
    exchange(conn, &commands, |answer| {
        let Response::Fetch(_, attributes) = answer else {
            return;
        };
        if let (Some(uid), Some(kind)) = (uid_of(attributes), kind_of(attributes, may_be))
            && asked.contains(&uid)
        {
            seen.insert(uid, kind);
        }
    })
    .await?;
    let unseen: Vec<u32> = asked.into_iter().filter(|uid| !seen.contains_key(uid)).collect();
    let there = still_there(conn, &unseen, |_answer| {}).await?;
    for uid in unseen {
        seen.insert(
            uid,
            if there.contains(&uid) {
                Kind::UNKNOWN
            } else {
                Kind::Gone
            },
        );
    }
    Ok(())
}

/// Sends the commands for whole mails and for the heads of others.
pub(super) async fn send_part(conn: &mut Conn, part: &Part) -> Result<Vec<Tag>, Fault> {
    let whole_sets = sets(&part.whole, usize::MAX)
        .into_iter()
        .map(|set| format!("UID FETCH {set} (UID BODY.PEEK[])"));
    let head_sets = sets(&part.heads, usize::MAX)
        .into_iter()
        .map(|set| format!("UID FETCH {set} (UID BODY.PEEK[]<0.{HEAD_BYTES}>)"));
    let mut tags = Vec::new();
    for command in whole_sets.chain(head_sets) {
        tags.push(conn.send(&command).await?);
    }
    Ok(tags)
}

/// Mails that were asked for and have come, until they are handed on; bounded in bytes.
#[derive(Debug)]
pub(super) struct Shelf {
    bodies: BTreeMap<u32, Body>,
    /// UIDs under way.
    wanted: BTreeSet<u32>,
    /// UIDs that came when there was no room.
    dropped: BTreeSet<u32>,
    bytes: u64,
    most: u64,
}

impl Shelf {
    pub(super) fn of(most: u64) -> Self {
        Self {
            bodies: BTreeMap::new(),
            wanted: BTreeSet::new(),
            dropped: BTreeSet::new(),
            bytes: 0,
            most,
        }
    }

    pub(super) fn has(&self, uid: u32) -> bool {
        self.bodies.contains_key(&uid)
    }

    pub(super) fn is_wanted(&self, uid: u32) -> bool {
        self.wanted.contains(&uid)
    }

    pub(super) fn want(&mut self, part: &Part) {
        self.wanted.extend(part.uids());
    }

    /// Nothing is under way any more.
    pub(super) fn want_nothing(&mut self) {
        self.wanted.clear();
    }

    pub(super) fn put(&mut self, uid: u32, body: Body) {
        self.wanted.remove(&uid);
        let bytes = match &body {
            Body::Text(text) => text.len() as u64,
            Body::Gone | Body::Withheld | Body::Failed(_) => 0,
        };
        // Sizes that a server made up must not fill the memory.
        if self.bytes.saturating_add(bytes) > self.most {
            self.dropped.insert(uid);
            return;
        }
        self.bytes += bytes;
        self.bodies.insert(uid, body);
    }

    pub(super) fn take(&mut self, uid: u32) -> Option<Body> {
        let body = self.bodies.remove(&uid)?;
        if let Body::Text(text) = &body {
            self.bytes -= text.len() as u64;
        }
        Some(body)
    }

    fn see(&mut self, answer: &Response<'_>) {
        let Response::Fetch(_, attributes) = answer else {
            return;
        };
        let (Some(uid), Some(text)) = (uid_of(attributes), body_of(attributes)) else {
            return;
        };
        if let (true, Some(text)) = (self.wanted.contains(&uid), text) {
            self.put(uid, Body::Text(text.to_vec()));
        }
    }
}

/// Waits for a part that was sent; each of its mails is on the shelf when all went well, and some of them when not.
pub(super) async fn receive_part(
    conn: &mut Conn,
    part: &Part,
    tags: &[Tag],
    shelf: &mut Shelf,
) -> Result<(), Fault> {
    finish_all(conn, tags, |answer| shelf.see(answer)).await?;
    let unseen: BTreeSet<u32> = part.uids().filter(|&uid| !shelf.has(uid)).collect();
    let mut full = false;
    for uid in &unseen {
        full |= shelf.dropped.remove(uid);
    }
    if full {
        return Err(Fault::Overfull(shelf.most));
    }
    let unseen: Vec<u32> = unseen.into_iter().collect();
    let there = still_there(conn, &unseen, |answer| shelf.see(answer)).await?;
    for uid in unseen {
        let body = if there.contains(&uid) {
            Body::Withheld
        } else {
            Body::Gone
        };
        shelf.put(uid, body);
    }
    Ok(())
}

/// Waits for the end of commands whose outcome does not matter any more; what comes is kept all the same.
pub(super) async fn drain(conn: &mut Conn, tags: &[Tag], shelf: &mut Shelf) -> Result<(), Fault> {
    match finish_all(conn, tags, |answer| shelf.see(answer)).await {
        Err(fault) if !fault.is_usable_after() => Err(fault),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A UID that an OK went without is deleted, or else the server has cheated us of a mail: gives those that it still has.
async fn still_there(
    conn: &mut Conn,
    uids: &[u32],
    mut on: impl FnMut(&Response<'_>),
) -> Result<BTreeSet<u32>, Fault> {
    let commands: Vec<String> = sets(uids, usize::MAX)
        .iter()
        .map(|set| format!("UID FETCH {set} (UID)"))
        .collect();
    let mut there = BTreeSet::new();
    exchange(conn, &commands, |answer| {
        on(answer);
        if let Response::Fetch(_, attributes) = answer {
            there.extend(uid_of(attributes));
        }
    })
    .await?;
    Ok(there)
}

/// Sends all commands, some ahead. A refusal is given when the others are through; a lost connection at once.
async fn exchange(
    conn: &mut Conn,
    commands: &[String],
    mut on: impl FnMut(&Response<'_>),
) -> Result<(), Fault> {
    let mut refused = Ok(());
    for group in commands.chunks(IN_FLIGHT) {
        let mut tags = Vec::new();
        for command in group {
            tags.push(conn.send(command).await?);
        }
        match finish_all(conn, &tags, &mut on).await {
            Err(fault) if !fault.is_usable_after() => return Err(fault),
            outcome => refused = refused.and(outcome),
        }
    }
    refused
}

async fn finish_all(conn: &mut Conn, tags: &[Tag], mut on: impl FnMut(&Response<'_>)) -> Result<(), Fault> {
    let mut refused = Ok(());
    for tag in tags {
        match conn.finish(tag, &mut on).await {
            Ok(()) => {}
            // Some were deleted meanwhile (RFC 5530 §3); `still_there` asks which.
            Err(Fault::No { code: Some(code), .. }) if code == "EXPUNGEISSUED" => {}
            Err(fault) if fault.is_usable_after() => refused = refused.and(Err(fault)),
            Err(fault) => return Err(fault),
        }
    }
    refused
}

/// What Exchange gives, header fields too, instead of a mail that it cannot turn into MIME (MailKit #1451).
const EXCHANGE_STUB: &[u8] = b"Subject: Retrieval using the IMAP4 protocol failed for the following message";

/// The text of the one section that was asked for; a FETCH that tells of changed flags has none. `NIL`, `""`, a blank line and
/// Exchange's excuse are no text: each mail has some, and a mail without any header field that is asked for is read whole.
fn body_of<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<Option<&'a [u8]>> {
    let is_text = |text: &&[u8]| !text.trim_ascii().is_empty() && !is_excuse(text);
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection { data, .. } => Some(data.as_deref().filter(is_text)),
        _ => None,
    })
}

fn is_excuse(text: &[u8]) -> bool {
    let header = memchr::memmem::find(text, b"\r\n\r\n").and_then(|end| text.get(..end));
    memchr::memmem::find(header.unwrap_or(text), EXCHANGE_STUB).is_some()
}

fn kind_of(attributes: &[AttributeValue<'_>], may_be: fn(&[u8]) -> bool) -> Option<Kind> {
    let header = body_of(attributes)?;
    if !header.is_none_or(may_be) {
        return Some(Kind::NoCandidate);
    }
    // Without its header only the whole mail can tell.
    let (mut size, mut received_at) = (u32::MAX, None);
    for attribute in attributes {
        match attribute {
            AttributeValue::Rfc822Size(given) => size = *given,
            AttributeValue::InternalDate(date) => received_at = internal_date(date),
            _ => {}
        }
    }
    match size {
        // Of a delivery that failed half-way.
        0 => Some(Kind::NoCandidate),
        _ => Some(Kind::Candidate { size, received_at }),
    }
}
