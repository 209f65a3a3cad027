//! Which mails an open folder has, and which of them are to be read.

use std::num::NonZeroU32;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use chrono::{DateTime, TimeDelta};

use crate::event::{Timestamp, UidValidity};

use super::command::Conn;
use super::fault::Fault;
use super::login::quoted;

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

/// Opens a folder for reading only (RFC 9051 §6.3.3).
pub(super) async fn examine(conn: &mut Conn, wire_name: &str) -> Result<Examined, Fault> {
    let mut found = Examined::default();
    let mut on = |answer: &Response<'_>| match answer {
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
    conn.uid_validity = None;
    if wire_name.contains(['\r', '\n']) {
        // A quoted string would end there, and what follows be a command of its own.
        let tag = conn.send(&format!("EXAMINE {{{}}}", wire_name.len())).await?;
        conn.go_on(&tag, wire_name.to_owned(), &mut on).await?;
        conn.finish(&tag, on).await?;
    } else {
        conn.command(&format!("EXAMINE {}", quoted(wire_name)), on)
            .await?;
    }
    conn.uid_validity = found.uid_validity;
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
    let from = since - TimeDelta::days(1);
    let keys = format!("UID {first}:* SINCE {}", from.to_utc().format("%-d-%b-%Y"));
    let uids = match search(conn, &keys, first).await {
        // Some servers refuse what they find too costly to look for.
        Err(fault) if fault.is_usable_after() && !fault.is_temporary() => {
            return asked_by_date(conn, first, from).await;
        }
        uids => uids?,
    };
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

/// The same without SEARCH: the date of each mail, compared here. One without a date is read.
async fn asked_by_date(conn: &mut Conn, first: u32, from: Timestamp) -> Result<Asked, Fault> {
    let (mut uids, mut older) = (Vec::new(), 0);
    let on = |answer: &Response<'_>| {
        let Response::Fetch(_, attributes) = answer else {
            return;
        };
        let date = attributes.iter().find_map(|attribute| match attribute {
            AttributeValue::InternalDate(date) => internal_date(date),
            _ => None,
        });
        match date.is_some_and(|date| date < from) {
            true => older += 1,
            false => uids.extend(uid_of(attributes)),
        }
    };
    conn.command(&format!("UID FETCH {first}:* (UID INTERNALDATE)"), on)
        .await?;
    Ok(Asked {
        uids: tidy(uids, first),
        left_out_older: older > 0,
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

pub(super) fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// `29-Apr-2015 23:34:45 +0900`, ` 9-Apr-2015 23:34:45 +0900` (RFC 9051 §9, `date-time`)
pub(super) fn internal_date(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Conn, examine, internal_date};
    use crate::mailbox::guard::Guard;
    use crate::mailbox::tls::Wire;

    #[tokio::test(start_paused = true)]
    async fn the_name_of_a_folder_is_no_command() {
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(b"+ \r\n* 7 EXISTS\r\nb1 OK\r\n").await.unwrap();
        let mut conn = Conn::new(Guard::new(Wire::Memory(near), 0, Duration::from_secs(9), None));

        let found = examine(&mut conn, "a\"\r\nb2 DELETE INBOX").await.unwrap();

        assert_eq!(found.exists, Some(7));
        drop(conn);
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "b1 EXAMINE {19}\r\na\"\r\nb2 DELETE INBOX\r\n");
    }

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
