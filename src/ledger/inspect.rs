//! Looks whether a ledger holds what it promises, and changes nothing.
//!
//! Page by page: a ledger may hold a million events.

use futures::TryStreamExt;
use sqlx::SqliteConnection;

use crate::event::Event;
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::bounced_epoch;
use crate::ledger::{kept, rows};

/// The first version with the mail hosts of domains, with briefs, and with mails kept whole.
const WITH_EXCHANGES: usize = 4;
const WITH_BRIEFS: usize = 5;
const WITH_KEPT_MAILS: usize = 7;

/// What a ledger holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The version of its tables.
    pub schema: usize,
    /// How many bounces.
    pub bounces: i64,
    /// How many mails that gave a bounce, or should have.
    pub mails: i64,
    /// How many answers of the DNS.
    pub answers: i64,
}

/// One thing in a ledger that is not as it ought to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The database's own check says so; then nothing else is looked at.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A row names one that is not there.
    #[error("{table} {row}: its row in {parent} is missing")]
    Dangling {
        /// The table of the row.
        table: String,
        /// The row's number.
        row: i64,
        /// The table of what it names.
        parent: String,
    },
    /// An event without a reading that speaks for it, or with more than one.
    #[error("events {event}: {best} readings speak for it, and it needs one")]
    Readings {
        /// The event's number.
        event: i64,
        /// How many do.
        best: i64,
    },
    /// An event's best reading is no bounce.
    #[error("events {event}: the reading that speaks for it cannot be read: {why}")]
    Unreadable {
        /// The event's number.
        event: i64,
        /// Why.
        why: String,
    },
    /// An event's columns and its best reading contradict each other.
    #[error("events {event}: {} not what its reading says", columns.join(", "))]
    Contradiction {
        /// The event's number.
        event: i64,
        /// The columns.
        columns: Vec<&'static str>,
    },
    /// A mail that was kept whole cannot be had.
    #[error("kept_mails {row}: the mail cannot be unpacked: {why}")]
    Packed {
        /// The row's number.
        row: i64,
        /// Why.
        why: String,
    },
}

/// Looks through the whole ledger of this version and hands over each fault as it is found.
pub(super) async fn inspect(
    db: &mut SqliteConnection,
    schema: usize,
    tell: &mut impl FnMut(Fault),
) -> Result<Holdings, Trouble> {
    if damages(db, tell).await? {
        return Ok(Holdings {
            schema,
            ..Holdings::default()
        });
    }
    dangling(db, tell).await?;
    events(db, schema, tell).await?;
    if schema >= WITH_KEPT_MAILS {
        kept_mails(db, tell).await?;
    }
    holdings(db, schema).await
}

/// Whether the database's own check finds anything.
async fn damages(db: &mut SqliteConnection, tell: &mut impl FnMut(Fault)) -> Result<bool, Trouble> {
    let mut is_damaged = false;
    let mut rows = sqlx::query_as("PRAGMA integrity_check").fetch(db);
    while let Some(row) = rows.try_next().await? {
        let (lines,): (String,) = row;
        // A row may hold several lines, the first of them a heading: "*** in database main ***".
        for line in lines.lines().filter(|line| !line.starts_with("***")) {
            if line != "ok" {
                is_damaged = true;
                tell(Fault::Damaged(line.to_owned()));
            }
        }
    }
    Ok(is_damaged)
}

/// Rows that name rows which are not there: a sighting its event or mail, a position its folder.
async fn dangling(db: &mut SqliteConnection, tell: &mut impl FnMut(Fault)) -> Result<(), Trouble> {
    let mut rows = sqlx::query_as("PRAGMA foreign_key_check").fetch(db);
    while let Some(dangling) = rows.try_next().await? {
        let (table, row, parent, _): (String, i64, String, i64) = dangling;
        tell(Fault::Dangling { table, row, parent });
    }
    Ok(())
}

/// An event as its columns have it, and the best reading of it.
struct Row {
    id: i64,
    bounced_epoch: Option<i64>,
    window_epoch: Option<i64>,
    action: String,
    reason: String,
    receiving_domain: String,
    blocked_ip: Option<String>,
    blocklist: Option<String>,
    zone: Option<String>,
    brief: Option<String>,
    best: i64,
    body: Option<String>,
}

/// The same, in the order in which the statement names the columns.
type Columns = (
    i64,
    Option<i64>,
    Option<i64>,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<String>,
);

impl From<Columns> for Row {
    fn from(columns: Columns) -> Self {
        let (id, bounced_epoch, window_epoch, action, reason, receiving_domain, ..) = columns;
        let (.., blocked_ip, blocklist, zone, brief, best, body) = columns;
        Self {
            id,
            bounced_epoch,
            window_epoch,
            action,
            reason,
            receiving_domain,
            blocked_ip,
            blocklist,
            zone,
            brief,
            best,
            body,
        }
    }
}

async fn events(
    db: &mut SqliteConnection,
    schema: usize,
    tell: &mut impl FnMut(Fault),
) -> Result<(), Trouble> {
    const NEXT: &str = "SELECT e.id, e.bounced_epoch, e.window_epoch, e.action, e.reason, e.receiving_domain,
        e.blocked_ip, e.blocklist, e.zone, e.brief,
        (SELECT COUNT(*) FROM sightings g WHERE g.event_id = e.id AND g.best = 1) AS best,
        (SELECT MIN(g.body) FROM sightings g WHERE g.event_id = e.id AND g.best = 1) AS body
        FROM events e WHERE e.id > $1 ORDER BY e.id LIMIT 500";
    const NEXT_WITHOUT_BRIEF: &str =
        "SELECT e.id, e.bounced_epoch, e.window_epoch, e.action, e.reason, e.receiving_domain,
        e.blocked_ip, e.blocklist, e.zone, NULL AS brief,
        (SELECT COUNT(*) FROM sightings g WHERE g.event_id = e.id AND g.best = 1) AS best,
        (SELECT MIN(g.body) FROM sightings g WHERE g.event_id = e.id AND g.best = 1) AS body
        FROM events e WHERE e.id > $1 ORDER BY e.id LIMIT 500";
    let with_briefs = schema >= WITH_BRIEFS;
    let next = if with_briefs { NEXT } else { NEXT_WITHOUT_BRIEF };
    let mut last = i64::MIN;
    loop {
        let rows: Vec<Columns> = sqlx::query_as(next).bind(last).fetch_all(&mut *db).await?;
        let Some(row) = rows.last() else {
            return Ok(());
        };
        last = row.0;
        let rows = rows.into_iter().map(Row::from);
        rows.filter_map(|row| fault(&row, with_briefs))
            .for_each(&mut *tell);
    }
}

fn fault(row: &Row, with_briefs: bool) -> Option<Fault> {
    let event = row.id;
    let body = row.body.as_deref().filter(|_| row.best == 1);
    let Some(body) = body else {
        let best = row.best;
        return Some(Fault::Readings { event, best });
    };
    match contradictions(row, body, with_briefs) {
        Ok(columns) if columns.is_empty() => None,
        Ok(columns) => Some(Fault::Contradiction { event, columns }),
        Err(trouble) => Some(Fault::Unreadable {
            event,
            why: trouble.why(),
        }),
    }
}

/// The columns of an event that are not what its best reading says.
fn contradictions(row: &Row, body: &str, with_briefs: bool) -> Result<Vec<&'static str>, Trouble> {
    let event: Event = from_body("bounce", body)?;
    let brief = rows::brief(&event)?;
    let verdict = &event.verdict;
    let ip = verdict.blocked_ip.map(|ip| ip.to_string());
    let blocklist = verdict.blocklist.as_ref().map(ToString::to_string);
    let zone = verdict.zone.as_ref().map(ToString::to_string);
    let window = event.times.sent_or_bounced().map(|at| at.timestamp());
    let agree = [
        ("bounced_epoch", row.bounced_epoch == bounced_epoch(&event)),
        ("window_epoch", row.window_epoch == window),
        ("action", row.action == event.action.to_string()),
        ("reason", row.reason == verdict.reason.to_string()),
        (
            "receiving_domain",
            row.receiving_domain == event.receiving_domain.as_str(),
        ),
        ("blocked_ip", row.blocked_ip == ip),
        ("blocklist", row.blocklist == blocklist),
        ("zone", row.zone == zone),
        (
            "brief",
            !with_briefs || row.brief.as_deref() == Some(brief.as_str()),
        ),
    ];
    let wrong = agree.into_iter().filter(|(_, agrees)| !agrees);
    Ok(wrong.map(|(column, _)| column).collect())
}

/// That each belongs to an event and a mail, `dangling` has seen.
async fn kept_mails(db: &mut SqliteConnection, tell: &mut impl FnMut(Fault)) -> Result<(), Trouble> {
    let mut rows = sqlx::query_as("SELECT id, body FROM kept_mails ORDER BY id").fetch(db);
    while let Some(kept) = rows.try_next().await? {
        let (row, body): (i64, Vec<u8>) = kept;
        if let Err(why) = kept::unpacked(&body) {
            let why = why.to_string();
            tell(Fault::Packed { row, why });
        }
    }
    Ok(())
}

async fn holdings(db: &mut SqliteConnection, schema: usize) -> Result<Holdings, Trouble> {
    const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM sources),
        (SELECT COUNT(*) FROM checks) + (SELECT COUNT(*) FROM names)";
    const EXCHANGES: &str = "SELECT COUNT(*) FROM exchanges";
    let (bounces, mails, mut answers): (i64, i64, i64) = sqlx::query_as(COUNTS).fetch_one(&mut *db).await?;
    if schema >= WITH_EXCHANGES {
        let (exchanges,): (i64,) = sqlx::query_as(EXCHANGES).fetch_one(db).await?;
        answers += exchanges;
    }
    Ok(Holdings {
        schema,
        bounces,
        mails,
        answers,
    })
}
