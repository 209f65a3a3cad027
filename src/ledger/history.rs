//! Reads the ledger: what a report needs, what is to be asked, where a scan goes on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use futures::TryStreamExt;
use serde::Deserialize;
use sqlx::SqliteConnection;

use crate::event::{
    Event, FolderRef, NotUnderstood, Position, ReceivingDomain, Source, Timestamp, Uid, UidValidity,
};
use crate::ledger::bounces::{Bounces, speakers};
use crate::ledger::error::Trouble;
use crate::ledger::{Bounce, History, Recorded, Window, answers, notes, rows};

/// What a database file holds.
pub(super) enum Found {
    Nothing,
    Foreign,
    Ledger { version: i64, program: String },
}

pub(super) async fn version(db: &mut SqliteConnection) -> Result<Found, Trouble> {
    const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    const VERSION: &str = "SELECT version, program FROM ledger_schema ORDER BY version DESC LIMIT 1";
    let tables: Vec<(String,)> = sqlx::query_as(TABLES).fetch_all(&mut *db).await?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|(name,)| name == "ledger_schema") {
        return Ok(Found::Foreign);
    }
    let newest: Option<(i64, String)> = sqlx::query_as(VERSION).fetch_optional(db).await?;
    let (version, program) = newest.ok_or_else(|| Trouble::row("version", "there is none"))?;
    Ok(Found::Ledger { version, program })
}

pub(super) async fn positions(db: &mut SqliteConnection) -> Result<Vec<Position>, Trouble> {
    const SQL: &str =
        "SELECT f.implicit_tls, f.login, f.host, f.port, f.folder, p.uid_validity, p.last_uid, p.read_since,
        p.unread FROM positions p JOIN folders f ON f.id = p.folder_id ORDER BY f.url";
    type Row = (
        bool,
        String,
        String,
        i64,
        String,
        i64,
        Option<i64>,
        Option<String>,
        Option<String>,
    );
    let rows: Vec<Row> = sqlx::query_as(SQL).fetch_all(db).await?;
    rows.into_iter()
        .map(
            |(implicit_tls, user, host, port, folder, validity, last_uid, read_since, unread)| {
                let strange = |why| Trouble::row("position", why);
                let undated = |why| Trouble::row("position", why);
                let number = |number: i64| u32::try_from(number).and_then(TryInto::try_into).map_err(strange);
                Ok(Position {
                    folder: FolderRef {
                        implicit_tls,
                        user,
                        host,
                        port: u16::try_from(port).map_err(strange)?,
                        folder,
                    },
                    uid_validity: UidValidity(number(validity)?),
                    last_uid: last_uid.map(number).transpose()?.map(Uid),
                    unread: unread
                        .unwrap_or_default()
                        .split_ascii_whitespace()
                        .map(|uid| uid.parse().map(Uid).map_err(|why| Trouble::row("position", why)))
                        .collect::<Result<_, _>>()?,
                    read_since: read_since
                        .map(|at| Timestamp::parse_from_rfc3339(&at))
                        .transpose()
                        .map_err(undated)?,
                })
            },
        )
        .collect()
}

pub(super) async fn history(db: &mut SqliteConnection, window: &Window) -> Result<History, Trouble> {
    let folders = Folders::of(db, window).await?;
    let mut history = History {
        bounces: bounces(db, window, &folders).await?,
        not_understood: not_understood(db, window, &folders).await?,
        last_report: last_report(db, window).await?,
        ..History::default()
    };
    answers(db, &mut history).await?;
    for ip in blocked_ips(&history.bounces) {
        history.notes.extend(notes::notes_of(db, ip).await?);
    }
    history.notes.sort_by_key(|note| note.noted_at);
    Ok(history)
}

fn blocked_ips(bounces: &[Bounce]) -> BTreeSet<IpAddr> {
    let ips = bounces.iter().map(|bounce| bounce.verdict.blocked_ip);
    ips.flatten().collect()
}

/// Reads anew what the DNS said of what is blocked.
pub(super) async fn answers(db: &mut SqliteConnection, history: &mut History) -> Result<(), Trouble> {
    let bounces = &history.bounces;
    let domains: BTreeSet<&ReceivingDomain> =
        bounces.iter().map(|bounce| &*bounce.receiving_domain).collect();
    let (mut listings, mut names, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
    for ip in blocked_ips(bounces) {
        listings.extend(answers::listings_of(db, ip).await?);
        names.extend(answers::names_of(db, ip).await?);
    }
    for domain in domains {
        exchanges.extend(answers::exchange_of(db, domain).await?);
    }
    listings.sort_by_key(|listing| listing.checked_at);
    history.listings = listings;
    history.names = names;
    history.exchanges = exchanges;
    Ok(())
}

/// Those in the window and those without a time, which are in every one.
async fn bounces(
    db: &mut SqliteConnection,
    window: &Window,
    folders: &Folders,
) -> Result<Vec<Bounce>, Trouble> {
    let (since, until) = epochs(window);
    let shown = folders.show(db, (since, until)).await?;
    let mut bounces = Bounces::default();
    let mut recorded = Recent::default();
    for (select, from) in [(DATED, since), (UNDATED, 0)] {
        // The last one that was read.
        let mut last = (from, 0);
        loop {
            let query = sqlx::query_as(select).bind(last.0).bind(last.1).bind(until);
            let (lines,): (Option<String>,) = query.bind("\n").fetch_one(&mut *db).await?;
            let Some(lines) = lines else { break };
            for line in lines.lines() {
                let strange = || Trouble::row("bounce", "a column is missing");
                let mut columns = line.splitn(4, ' ');
                let mut column = || columns.next().ok_or_else(strange);
                let number = |text: &str| text.parse::<i64>().map_err(|why| Trouble::row("number", why));
                let (epoch, id) = (number(column()?)?, number(column()?)?);
                let (recorded_at, brief) = (column()?, column()?);
                last = last.max((epoch, id));
                if shown.as_ref().is_none_or(|shown| shown.contains(&id)) {
                    bounces.add(id, recorded.moment(recorded_at)?, brief)?;
                }
            }
        }
    }
    let mut bounces = bounces.in_order();
    let speakers = speakers(&bounces, window.late_until);
    let ids: Vec<i64> = speakers
        .iter()
        .filter_map(|at| Some(bounces.get(*at)?.id))
        .collect();
    let mut replies = replies(db, &ids).await?;
    for at in speakers {
        if let Some(bounce) = bounces.get_mut(at) {
            bounce.reply = replies.remove(&bounce.id).flatten();
        }
    }
    Ok(bounces)
}

/// Some hundred events in one row, each on a line: a row of its own would go from the database's thread to this one, which
/// costs more than all else. Each of the two has its index; for both at once SQLite would go through all events.
const DATED: &str =
    "SELECT string_agg(CAST(window_epoch AS TEXT) || ' ' || CAST(id AS TEXT) || ' ' || recorded_at || ' ' || brief, $4)
    FROM (SELECT window_epoch, id, recorded_at, brief FROM events
        WHERE (window_epoch, id) > ($1, $2) AND window_epoch < $3 ORDER BY window_epoch, id LIMIT 500) AS some";
const UNDATED: &str = "SELECT string_agg('0 ' || CAST(id AS TEXT) || ' ' || recorded_at || ' ' || brief, $4)
    FROM (SELECT id, recorded_at, brief FROM events
        WHERE window_epoch IS NULL AND id > $2 ORDER BY id LIMIT 500) AS some";

async fn replies(
    db: &mut SqliteConnection,
    events: &[i64],
) -> Result<HashMap<i64, Option<Box<str>>>, Trouble> {
    #[derive(Deserialize)]
    struct Said {
        reply: Option<Box<str>>,
    }
    let mut replies = HashMap::with_capacity(events.len());
    for events in events.chunks(rows::ROWS) {
        let select = "SELECT event_id, body FROM sightings WHERE best = 1 AND event_id IN (";
        let mut query = rows::with_ids(select, events);
        let rows: Vec<(i64, String)> = query
            .build_query_as()
            .persistent(false)
            .fetch_all(&mut *db)
            .await?;
        for (event, body) in rows {
            replies.insert(event, from_body::<Said>("bounce", &body)?.reply);
        }
    }
    Ok(replies)
}

/// Thousands of rows are recorded at the same moment.
#[derive(Default)]
struct Recent(String, Timestamp);

impl Recent {
    fn moment(&mut self, text: &str) -> Result<Timestamp, Trouble> {
        if self.0 != text {
            *self = Self(text.to_owned(), moment(text)?);
        }
        Ok(self.1)
    }
}

/// The numbers of the bounces that come next.
pub(super) async fn ids_after(db: &mut SqliteConnection, last: i64) -> Result<Vec<i64>, Trouble> {
    const SQL: &str = "SELECT id FROM events WHERE id > $1 ORDER BY id LIMIT 500";
    Ok(sqlx::query_scalar(SQL).bind(last).fetch_all(db).await?)
}

/// The whole of some bounces, in the order of their numbers as they are given.
pub(super) async fn recorded(db: &mut SqliteConnection, ids: &[i64]) -> Result<Vec<Recorded>, Trouble> {
    type Row = (i64, bool, String, String, Option<String>);
    let mut recorded: HashMap<i64, Recorded> = HashMap::with_capacity(ids.len());
    let mut others: HashMap<i64, Vec<Source>> = HashMap::new();
    for ids in ids.chunks(rows::ROWS) {
        let select = "SELECT e.id, g.best, e.recorded_at, s.url, CASE g.best WHEN 1 THEN g.body END
            FROM events e JOIN sightings g ON g.event_id = e.id JOIN sources s ON s.id = g.source_id WHERE e.id IN (";
        let mut query = rows::with_ids(select, ids);
        let query = query.build_query_as::<Row>().persistent(false);
        for (id, best, recorded_at, url, body) in query.fetch_all(&mut *db).await? {
            match body.filter(|_| best) {
                Some(body) => {
                    let event: Event = from_body("bounce", &body)?;
                    let bounce = Recorded {
                        sources: vec![event.source.clone()],
                        event,
                        recorded_at: moment(&recorded_at)?,
                    };
                    recorded.insert(id, bounce);
                }
                None => others.entry(id).or_default().push(source(&url)?),
            }
        }
    }
    for (id, others) in others {
        if let Some(bounce) = recorded.get_mut(&id) {
            bounce.sources.extend(others);
            bounce.sources.sort_by_cached_key(ToString::to_string);
            bounce.sources.dedup();
        }
    }
    Ok(ids.iter().filter_map(|id| recorded.remove(id)).collect())
}

/// A mail that some reading understood is not among them, whichever came first. A copy in another folder is the same mail:
/// it has the same Message-ID, the same date and the same shape.
async fn not_understood(
    db: &mut SqliteConnection,
    window: &Window,
    folders: &Folders,
) -> Result<Vec<NotUnderstood>, Trouble> {
    const SQL: &str =
        "SELECT s.url, s.folder_id, n.body FROM not_understood n CROSS JOIN sources s ON s.id = n.source_id
        WHERE NOT EXISTS (SELECT 1 FROM sightings g WHERE g.source_id = n.source_id) ORDER BY n.source_id";
    let (since, until) = epochs(window);
    let rows: Vec<(String, Option<i64>, Option<String>)> = sqlx::query_as(SQL).fetch_all(db).await?;
    let (mut mails, mut seen) = (Vec::new(), BTreeSet::new());
    for (url, _, body) in rows.into_iter().filter(|row| folders.hold(row.1)) {
        let mail = match body {
            Some(body) => from_body::<NotUnderstood>("mail", &body)?,
            None => NotUnderstood {
                source: source(&url)?,
                message_id: None,
                bounced_at: None,
                shape: None,
            },
        };
        let inside = |at: Timestamp| (since..until).contains(&at.timestamp());
        let mut is_copy = |mail: &NotUnderstood| {
            (mail.message_id.is_some() || mail.bounced_at.is_some())
                && !seen.insert((mail.message_id.clone(), mail.bounced_at, mail.shape.clone()))
        };
        if mail.bounced_at.is_none_or(inside) && !is_copy(&mail) {
            mails.push(mail);
        }
    }
    mails.sort_by(|a, b| (a.bounced_at, &a.source).cmp(&(b.bounced_at, &b.source)));
    Ok(mails)
}

/// When the report before was made.
async fn last_report(db: &mut SqliteConnection, window: &Window) -> Result<Option<Timestamp>, Trouble> {
    const SQL: &str = "SELECT made_at FROM report_marks WHERE series = $1
        ORDER BY made_epoch DESC, id DESC LIMIT 1 OFFSET $2";
    let row: Option<(String,)> = sqlx::query_as(SQL)
        .bind(&window.series)
        .bind(i64::from(window.again))
        .fetch_optional(db)
        .await?;
    row.map(|(made_at,)| moment(&made_at)).transpose()
}

/// The folders of a window, as the ledger numbers them; `None` when it takes all that there are.
struct Folders(Option<BTreeSet<i64>>);

impl Folders {
    async fn of(db: &mut SqliteConnection, window: &Window) -> Result<Self, Trouble> {
        const FILES: &str = "SELECT id FROM sources WHERE folder_id IS NULL LIMIT 1";
        const MAILS: &str = "SELECT id FROM sources WHERE folder_id = $1 LIMIT 1";
        let Some(wanted) = &window.folders else {
            return Ok(Self(None));
        };
        let wanted: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
        let known: Vec<(i64, String)> = sqlx::query_as("SELECT id, url FROM folders")
            .fetch_all(&mut *db)
            .await?;
        let (inside, outside): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|(_, url)| wanted.contains(url));
        let mut others = sqlx::query_as::<_, (i64,)>(FILES)
            .fetch_optional(&mut *db)
            .await?;
        for (folder, _) in outside {
            let mail = sqlx::query_as(MAILS)
                .bind(folder)
                .fetch_optional(&mut *db)
                .await?;
            others = others.or(mail);
        }
        Ok(Self(
            others.map(|_| inside.into_iter().map(|(id, _)| id).collect()),
        ))
    }

    /// The events of a window that lie in one of them, in whichever copy; `None`: all do.
    async fn show(
        &self,
        db: &mut SqliteConnection,
        (since, until): (i64, i64),
    ) -> Result<Option<HashSet<i64>>, Trouble> {
        const DATED: &str = "SELECT e.id, s.folder_id
            FROM events e JOIN sightings g ON g.event_id = e.id JOIN sources s ON s.id = g.source_id
            WHERE e.window_epoch >= $1 AND e.window_epoch < $2";
        const UNDATED: &str = "SELECT e.id, s.folder_id
            FROM events e JOIN sightings g ON g.event_id = e.id JOIN sources s ON s.id = g.source_id
            WHERE e.window_epoch IS NULL";
        if self.0.is_none() {
            return Ok(None);
        }
        let mut shown = HashSet::new();
        for query in [
            sqlx::query_as(DATED).bind(since).bind(until),
            sqlx::query_as(UNDATED),
        ] {
            let mut rows = query.fetch(&mut *db);
            while let Some((event, folder)) = rows.try_next().await? {
                if self.hold(folder) {
                    shown.insert(event);
                }
            }
        }
        Ok(Some(shown))
    }

    fn hold(&self, folder: Option<i64>) -> bool {
        let Some(numbers) = &self.0 else { return true };
        folder.is_some_and(|folder| numbers.contains(&folder))
    }
}

/// The first second of a window and the first after it.
fn epochs(window: &Window) -> (i64, i64) {
    let epoch = |at: Timestamp| at.timestamp();
    (
        window.since.map_or(i64::MIN, epoch),
        window.until.map_or(i64::MAX, epoch),
    )
}

pub(super) fn from_body<'a, T: Deserialize<'a>>(what: &'static str, body: &'a str) -> Result<T, Trouble> {
    serde_json::from_str(body).map_err(|why| Trouble::row(what, why))
}

pub(super) fn moment(text: &str) -> Result<Timestamp, Trouble> {
    text.parse().map_err(|why| Trouble::row("time", why))
}

fn source(url: &str) -> Result<Source, Trouble> {
    url.parse().map_err(|why| Trouble::row("source", why))
}
