//! Keeps the newest bounces about each address and list whole: whoever may ask for a removal wants to see them.
//!
//! Which these are follows from the events, so that it does not matter in which order the mails came. A mail that is older
//! than those kept is neither packed nor written.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read, Write};
use std::net::IpAddr;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::event::{Event, ListId, Reason, Source, Timestamp};
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::{bounced_epoch, is_one};
use crate::ledger::rows::ROWS;

/// So many mails are kept about one address and one list.
const MOST: usize = 3;

/// Bytes of one mail that are kept.
const MAX_BYTES: usize = 256 * 1024;

/// A mail that a ledger may keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailToKeep {
    /// Where it lies.
    pub source: Source,
    /// The mail without what people wrote into it.
    pub bytes: Vec<u8>,
    /// More of it was not read.
    pub is_cut: bool,
}

/// A bounce that the ledger has kept whole, as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMail {
    /// Where it lies, or lay.
    pub source: Source,
    /// The number of the bounce that it shows, as in a [`History`](crate::ledger::History).
    pub event: i64,
    /// The list that refused, as far as the reply says.
    pub blocklist: Option<ListId>,
    /// When the bounce was written.
    pub bounced_at: Option<Timestamp>,
    /// The mail: the server's own words, its report, and the header of the returned original.
    pub bytes: Vec<u8>,
    /// There was more of it than is kept.
    pub is_cut: bool,
}

/// Of the mails of some events those that a ledger would keep if it held nothing else: the newest three about each address
/// (or about none, where a block names none) and each list, one bounce once.
#[must_use]
pub fn worth_keeping(events: &[Event]) -> BTreeSet<&Source> {
    let mut newest: HashMap<_, Vec<&Event>> = HashMap::new();
    for event in events {
        let verdict = &event.verdict;
        if !is_kept(verdict.blocked_ip.is_some(), verdict.reason) {
            continue;
        }
        let chosen = newest
            .entry((verdict.blocked_ip, verdict.blocklist.as_ref()))
            .or_default();
        let at = chosen.partition_point(|one| bounced_epoch(one) >= bounced_epoch(event));
        let is_there = |one: &&Event| one.source == event.source || is_one(one, event);
        if at < MOST && !chosen.iter().any(is_there) {
            chosen.insert(at, event);
            chosen.truncate(MOST);
        }
    }
    newest
        .into_values()
        .flatten()
        .map(|event| &event.source)
        .collect()
}

fn is_kept(names_address: bool, reason: Reason) -> bool {
    names_address || reason.is_block()
}

/// A mail that is kept (with the row's number) or may be, and one event that it shows.
struct Candidate<'a> {
    row: Option<i64>,
    mail: Option<&'a MailToKeep>,
    source_id: i64,
    event_id: i64,
    bounced_epoch: Option<i64>,
    /// Its reading is the one that speaks for the event.
    is_best: bool,
}

/// A mail (its row's number, or its URL) and one event that it shows: the numbers of both, when it bounced, why, which
/// address and list, and whether this reading is the one that speaks for it.
type Row<K> = (
    K,
    i64,
    i64,
    Option<i64>,
    String,
    Option<String>,
    Option<String>,
    bool,
);

/// By address and list.
type Candidates<'a> = BTreeMap<(Option<String>, Option<String>), Vec<Candidate<'a>>>;

/// Keeps of these mails, whose events are recorded, those that are among the newest, and lets go of what no longer is.
pub(super) async fn keep(db: &mut SqliteConnection, mails: &[MailToKeep]) -> Result<(), Trouble> {
    const DROP: &str = "DELETE FROM kept_mails WHERE id = $1";
    const ADD: &str = "INSERT INTO kept_mails (event_id, source_id, is_cut, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    if mails.is_empty() {
        return Ok(());
    }
    let mut candidates = Candidates::new();
    let mut dropped = kept(db, &mut candidates).await?;
    offered(db, mails, &mut candidates).await?;
    let mut added = Vec::new();
    for mut candidates in candidates.into_values() {
        candidates.sort_by_key(|one| {
            let age = (
                Reverse(one.bounced_epoch),
                Reverse(one.is_best),
                Reverse(one.row.is_some()),
            );
            (age, one.event_id, one.source_id)
        });
        let mut chosen: Vec<Candidate<'_>> = Vec::new();
        for one in candidates {
            let is_there =
                |other: &Candidate<'_>| other.event_id == one.event_id || other.source_id == one.source_id;
            match chosen.len() >= MOST || chosen.iter().any(is_there) {
                true => dropped.extend(one.row),
                false => chosen.push(one),
            }
        }
        added.extend(chosen.into_iter().filter(|one| one.row.is_none()));
    }
    for row in dropped {
        sqlx::query(DROP).bind(row).execute(&mut *db).await?;
    }
    for Candidate {
        mail,
        event_id,
        source_id,
        ..
    } in added
    {
        let Some(mail) = mail else { continue };
        let bytes = mail.bytes.get(..MAX_BYTES).unwrap_or(&mail.bytes);
        let query = sqlx::query(ADD)
            .bind(event_id)
            .bind(source_id)
            .bind(i64::from(mail.is_cut || bytes.len() < mail.bytes.len()))
            .bind(packed(bytes).map_err(|why| Trouble::row("mail", why))?);
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Adds the mails that are kept already. Gives the rows of those whose events are no blocks any more.
async fn kept(db: &mut SqliteConnection, candidates: &mut Candidates<'_>) -> Result<Vec<i64>, Trouble> {
    const SQL: &str = "SELECT k.id, k.source_id, k.event_id, e.bounced_epoch, e.reason, e.blocked_ip, e.blocklist,
        EXISTS (SELECT 1 FROM sightings g WHERE g.event_id = k.event_id AND g.source_id = k.source_id AND g.best = 1)
        FROM kept_mails k JOIN events e ON e.id = k.event_id";
    let rows: Vec<Row<i64>> = sqlx::query_as(SQL).fetch_all(db).await?;
    let mut strangers = Vec::new();
    for row in rows {
        let number = row.0;
        if !enter(candidates, row, (Some(number), None))? {
            strangers.push(number);
        }
    }
    Ok(strangers)
}

/// Adds the mails that are there to be kept, with each event that they show.
async fn offered<'a>(
    db: &mut SqliteConnection,
    mails: &'a [MailToKeep],
    candidates: &mut Candidates<'a>,
) -> Result<(), Trouble> {
    const SQL: &str = "SELECT s.url, s.id, e.id, e.bounced_epoch, e.reason, e.blocked_ip, e.blocklist, g.best
        FROM sources s JOIN sightings g ON g.source_id = s.id JOIN events e ON e.id = g.event_id WHERE s.url IN (";
    let by_url: HashMap<String, &MailToKeep> =
        mails.iter().map(|mail| (mail.source.to_string(), mail)).collect();
    let urls: Vec<&String> = by_url.keys().collect();
    for urls in urls.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new(SQL);
        let mut list = query.separated(", ");
        for url in urls {
            list.push_bind((*url).clone());
        }
        list.push_unseparated(")");
        let query = query.build_query_as::<Row<String>>().persistent(false);
        for row in query.fetch_all(&mut *db).await? {
            let mail = by_url.get(&row.0).copied();
            enter(candidates, row, (None, mail))?;
        }
    }
    Ok(())
}

/// Takes the mail of a row for a candidate; false when its event is no block (any more).
fn enter<'a, K>(
    candidates: &mut Candidates<'a>,
    (_, source_id, event_id, bounced_epoch, reason, ip, list, is_best): Row<K>,
    (row, mail): (Option<i64>, Option<&'a MailToKeep>),
) -> Result<bool, Trouble> {
    let reason = reason.parse().map_err(|why| Trouble::row("bounce", why))?;
    if !is_kept(ip.is_some(), reason) {
        return Ok(false);
    }
    candidates.entry((ip, list)).or_default().push(Candidate {
        row,
        mail,
        source_id,
        event_id,
        bounced_epoch,
        is_best,
    });
    Ok(true)
}

/// The mails kept about an address, or about blocks that name none; the newest first, each once.
pub(super) async fn mails(db: &mut SqliteConnection, ip: Option<IpAddr>) -> Result<Vec<KeptMail>, Trouble> {
    const SQL: &str = "SELECT s.url, k.event_id, k.is_cut, k.body, g.body FROM kept_mails k
        JOIN events e ON e.id = k.event_id JOIN sources s ON s.id = k.source_id
        JOIN sightings g ON g.event_id = e.id AND g.best = 1
        WHERE COALESCE(e.blocked_ip, '') = $1
        ORDER BY e.bounced_epoch IS NULL, e.bounced_epoch DESC, k.id";
    type Row = (String, i64, bool, Vec<u8>, String);
    let ip = ip.map_or_else(String::new, |ip| ip.to_canonical().to_string());
    let rows: Vec<Row> = sqlx::query_as(SQL).bind(ip).fetch_all(db).await?;
    let mut mails: Vec<KeptMail> = Vec::new();
    for (url, event_id, is_cut, packed, body) in rows {
        let event: Event = from_body("bounce", &body)?;
        let source: Source = url.parse().map_err(|why| Trouble::row("mail", why))?;
        let is_block = is_kept(event.verdict.blocked_ip.is_some(), event.verdict.reason);
        if !is_block || mails.iter().any(|mail| mail.source == source) {
            continue;
        }
        mails.push(KeptMail {
            source,
            event: event_id,
            blocklist: event.verdict.blocklist,
            bounced_at: event.times.bounced_at,
            bytes: unpacked(&packed).map_err(|why| Trouble::row("mail", why))?,
            is_cut,
        });
    }
    Ok(mails)
}

fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What was packed. No more than is ever kept: the file may be a stranger's.
pub(super) fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64;
    ZlibDecoder::new(packed).take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() > MAX_BYTES {
        true => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "longer than a mail that is kept",
        )),
        false => Ok(bytes),
    }
}
