//! What is asked of an open folder: its UIDs, the header fields that tell candidates, and the candidates' bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use chrono::{DateTime, TimeDelta};

use crate::event::{Timestamp, UidValidity};

use super::command::{Conn, Fault};
use super::login::quoted;
use super::uids::sets;

/// The header fields that [`crate::mailbox::Scope::may_be`] gets to see: what tells a bounce, and a customer's forwarded
/// one, from other mail.
pub const HEADER_FIELDS: &str = "FROM SENDER RETURN-PATH SUBJECT CONTENT-TYPE AUTO-SUBMITTED X-FAILED-RECIPIENTS \
                                 X-MS-EXCHANGE-MESSAGE-IS-NDR X-AUTOREPLY X-AUTORESPOND";
/// UIDs in one command that asks for header fields.
const HEADERS_PER_COMMAND: usize = 1000;
/// Commands on their way at a time: hides the round trip, and Courier's and Cyrus's small last segment (40 ms each).
const IN_FLIGHT: usize = 4;
/// Of a mail over the cap so much is read: the report stands before the returned original.
pub(super) const HEAD_BYTES: u32 = 256 * 1024;

/// An open folder's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Examined {
    pub(super) uid_validity: Option<UidValidity>,
    /// Courier 5.0 does not give it.
    pub(super) uid_next: Option<u32>,
    pub(super) exists: Option<u32>,
}

/// The UIDs of a folder that are to be read.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Ascending.
    pub(super) uids: Vec<u32>,
    /// Others were left out for being too old: the folder's position has to say so.
    pub(super) left_out_older: bool,
    /// The server counts more mails than it names.
    pub(super) unnamed: u32,
}

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
    /// The server did not answer for it.
    Failed,
}

/// Without its header only the whole mail can tell; without its size, only its head is asked for.
const UNKNOWN: Kind = Kind::Candidate {
    size: u32::MAX,
    received_at: None,
};

/// Opens a folder for reading only (RFC 9051 §6.3.3).
pub(super) async fn examine(conn: &mut Conn, wire_name: &str) -> Result<Examined, Fault> {
    let mut found = Examined::default();
    let on = |answer: &Response<'_>| match answer {
        Response::MailboxData(MailboxDatum::Exists(exists)) => found.exists = Some(*exists),
        Response::Data { outcome, .. } => match &outcome.code {
            Some(ResponseCode::UidValidity(validity)) => {
                found.uid_validity = NonZeroU32::new(*validity).map(UidValidity);
            }
            Some(ResponseCode::UidNext(next)) => found.uid_next = Some(*next),
            _ => {}
        },
        _ => {}
    };
    conn.command(&format!("EXAMINE {}", quoted(wire_name)), on)
        .await?;
    Ok(found)
}

/// The UIDs after `last`, those of mails that came in before `since` left out.
pub(super) async fn asked(
    conn: &mut Conn,
    folder: Examined,
    last: u32,
    since: Option<Timestamp>,
) -> Result<Asked, Fault> {
    let first = last.saturating_add(1);
    // `*` has nothing to name in an empty folder, and servers differ in what they answer then.
    if folder.exists == Some(0) || folder.uid_next.is_some_and(|next| next <= first) || last == u32::MAX {
        return Ok(Asked::default());
    }
    if let Some(since) = since {
        return asked_since(conn, folder, first, since).await;
    }
    // A line for each UID, where `SEARCH` gives one long line that is parsed anew with each packet (8 MB: 18 s).
    let mut uids = Vec::new();
    let mut expunged = 0u32;
    let on = |answer: &Response<'_>| match answer {
        Response::Fetch(_, attributes) => uids.extend(uid_of(attributes)),
        Response::Expunge(_) => expunged += 1,
        _ => {}
    };
    conn.command(&format!("UID FETCH {first}:* (UID)"), on).await?;
    let uids = tidy(uids, first);
    let named = u32::try_from(uids.len())
        .unwrap_or(u32::MAX)
        .saturating_add(expunged);
    let unnamed = match first {
        1 => folder.exists.unwrap_or_default().saturating_sub(named),
        _later => 0,
    };
    Ok(Asked {
        uids,
        left_out_older: false,
        unnamed,
    })
}

/// `SEARCH SINCE` knows whole days in the server's time zone only (RFC 9051 §6.4.4): a day more is asked for.
async fn asked_since(
    conn: &mut Conn,
    folder: Examined,
    first: u32,
    since: Timestamp,
) -> Result<Asked, Fault> {
    let day = (since.to_utc() - TimeDelta::days(1)).format("%-d-%b-%Y");
    let uids = search(conn, &format!("UID {first}:* SINCE {day}"), first).await?;
    let all = match first {
        1 => folder.exists.map_or(usize::MAX, |exists| exists as usize),
        _later => search(conn, &format!("UID {first}:*"), first).await?.len(),
    };
    Ok(Asked {
        left_out_older: uids.len() < all,
        uids,
        unnamed: 0,
    })
}

async fn search(conn: &mut Conn, keys: &str, first: u32) -> Result<Vec<u32>, Fault> {
    let mut uids = Vec::new();
    let on = |answer: &Response<'_>| {
        if let Response::MailboxData(MailboxDatum::Search(found)) = answer {
            uids.extend(found);
        }
    };
    conn.command(&format!("UID SEARCH {keys}"), on).await?;
    Ok(tidy(uids, first))
}

/// `N:*` past the end means the last mail (RFC 9051 §9, `seq-range`), which was read before.
fn tidy(mut uids: Vec<u32>, first: u32) -> Vec<u32> {
    uids.retain(|&uid| uid >= first);
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// Asks for the header fields of `uids`. A refusal comes along with what was answered all the same.
pub(super) async fn headers(
    conn: &mut Conn,
    uids: &[u32],
    may_be: fn(&[u8]) -> bool,
) -> (Vec<Known>, Result<(), Fault>) {
    let items = format!("(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({HEADER_FIELDS})])");
    let commands: Vec<String> = sets(uids, HEADERS_PER_COMMAND)
        .iter()
        .map(|set| format!("UID FETCH {set} {items}"))
        .collect();
    let mut seen = BTreeMap::new();
    let on = |answer: &Response<'_>| {
        let Response::Fetch(_, attributes) = answer else {
            return;
        };
        if let (Some(uid), Some(kind)) = (uid_of(attributes), kind_of(attributes, may_be)) {
            seen.insert(uid, kind);
        }
    };
    let mut outcome = exchange(conn, &commands, on).await;
    let unseen: Vec<u32> = uids
        .iter()
        .copied()
        .filter(|uid| !seen.contains_key(uid))
        .collect();
    if outcome.is_ok() {
        outcome = still_there(conn, &unseen, |uid| {
            seen.insert(uid, UNKNOWN);
        })
        .await;
    }
    let missing = if outcome.is_ok() { Kind::Gone } else { Kind::Failed };
    let known = |&uid: &u32| Known {
        uid,
        kind: seen.remove(&uid).unwrap_or_else(|| missing.clone()),
    };
    (uids.iter().map(known).collect(), outcome)
}

/// Asks for whole mails and for the heads of others; `None` stands for a mail that the server has but gives no text of.
pub(super) async fn bodies(
    conn: &mut Conn,
    whole: &[u32],
    heads: &[u32],
    max_bytes: u64,
) -> (BTreeMap<u32, Option<Vec<u8>>>, Result<(), Fault>) {
    let whole_sets = sets(whole, usize::MAX)
        .into_iter()
        .map(|set| format!("UID FETCH {set} (UID BODY.PEEK[])"));
    let head_sets = sets(heads, usize::MAX)
        .into_iter()
        .map(|set| format!("UID FETCH {set} (UID BODY.PEEK[]<0.{HEAD_BYTES}>)"));
    let commands: Vec<String> = whole_sets.chain(head_sets).collect();
    let mut found: BTreeMap<u32, Option<Vec<u8>>> = BTreeMap::new();
    let mut held = 0;
    let on = |answer: &Response<'_>| {
        let Response::Fetch(_, attributes) = answer else {
            return;
        };
        let (Some(uid), Some(text)) = (uid_of(attributes), body_of(attributes)) else {
            return;
        };
        held += text.map_or(0, |text| text.len() as u64);
        // Sizes that a server made up must not fill the memory: the rest counts as not answered.
        if held <= max_bytes {
            found.entry(uid).or_insert_with(|| text.map(<[u8]>::to_vec));
        }
    };
    let mut outcome = exchange(conn, &commands, on).await;
    if held > max_bytes {
        outcome = outcome.and(Err(Fault::Overfull {
            bytes: held,
            most: max_bytes,
        }));
    }
    if outcome.is_ok() {
        let unseen = whole
            .iter()
            .chain(heads)
            .copied()
            .filter(|uid| !found.contains_key(uid));
        let unseen: Vec<u32> = unseen.collect::<BTreeSet<_>>().into_iter().collect();
        outcome = still_there(conn, &unseen, |uid| {
            found.insert(uid, None);
        })
        .await;
    }
    (found, outcome)
}

/// A UID that an OK went without is deleted, or else the server has cheated us of a mail: `on` gets those that it still has.
async fn still_there(conn: &mut Conn, uids: &[u32], mut on: impl FnMut(u32)) -> Result<(), Fault> {
    let commands: Vec<String> = sets(uids, usize::MAX)
        .iter()
        .map(|set| format!("UID FETCH {set} (UID)"))
        .collect();
    let asked: BTreeSet<u32> = uids.iter().copied().collect();
    exchange(conn, &commands, |answer| {
        if let Response::Fetch(_, attributes) = answer {
            uid_of(attributes)
                .filter(|uid| asked.contains(uid))
                .into_iter()
                .for_each(&mut on);
        }
    })
    .await
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
        for tag in &tags {
            match conn.finish(tag, &mut on).await {
                Ok(()) => {}
                // Some were deleted meanwhile (RFC 5530 §3); `still_there` asks which.
                Err(Fault::No { code: Some(code), .. }) if code == "EXPUNGEISSUED" => {}
                Err(fault) if fault.is_usable_after() => refused = refused.and(Err(fault)),
                Err(fault) => return Err(fault),
            }
        }
    }
    refused
}

fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// The text of the one section that was asked for; a FETCH that tells of changed flags has none.
fn body_of<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<Option<&'a [u8]>> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection { data, .. } => Some(data.as_deref()),
        _ => None,
    })
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
    Some(Kind::Candidate { size, received_at })
}

/// `29-Apr-2015 23:34:45 +0900`, ` 9-Apr-2015 23:34:45 +0900` (RFC 9051 §9, `date-time`)
fn internal_date(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()
}

#[cfg(test)]
mod tests {
    use super::internal_date;

    #[test]
    fn internal_dates_keep_their_offset() {
        for (text, date) in [
            ("29-Apr-2015 23:34:45 +0900", "2015-04-29T23:34:45+09:00"),
            (" 9-Apr-2015 03:04:05 -0330", "2015-04-09T03:04:05-03:30"),
        ] {
            assert_eq!(internal_date(text).unwrap().to_rfc3339(), date);
        }
        assert_eq!(internal_date("yesterday"), None);
    }
}
