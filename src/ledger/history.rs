//! Reads the ledger: what a report needs, what is to be asked, where a scan goes on.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use crate::event::{
    Event, FolderRef, ListId, NotUnderstood, Position, Reason, ReceivingDomain, Source, Timestamp, Uid,
    UidValidity, Zone,
};
use crate::ledger::error::Trouble;
use crate::ledger::{Blocked, History, Recorded, Window, answers};

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

pub(super) async fn blocked(db: &mut SqliteConnection, window: &Window) -> Result<Blocked, Trouble> {
    const SQL: &str =
        "SELECT DISTINCT e.blocked_ip, e.zone, e.blocklist, e.reason, e.receiving_domain, s.folder_id
        FROM events e JOIN sightings g ON g.event_id = e.id JOIN sources s ON s.id = g.source_id
        WHERE e.window_epoch IS NULL OR (e.window_epoch >= $1 AND e.window_epoch < $2)";
    type Row = (
        Option<String>,
        Option<String>,
        Option<String>,
        String,
        String,
        Option<i64>,
    );
    let folders = Folders::of(db, window).await?;
    let (since, until) = epochs(window);
    let rows: Vec<Row> = sqlx::query_as(SQL).bind(since).bind(until).fetch_all(db).await?;
    let (mut ips, mut zones, mut lists) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut domains = BTreeSet::new();
    for (ip, zone, list, reason, domain, _) in rows.into_iter().filter(|row| folders.hold(row.5)) {
        let reason: Reason = reason.parse().map_err(|why| Trouble::row("reason", why))?;
        if ip.is_some() || reason.is_block() {
            domains.insert(ReceivingDomain::from_stored(domain));
        }
        let Some(ip) = ip else { continue };
        let ip: IpAddr = ip.parse().map_err(|why| Trouble::row("blocked address", why))?;
        ips.insert(ip);
        zones.extend(zone.map(Zone::from));
        lists.extend(list.map(ListId));
    }
    Ok(Blocked {
        ips: ips.into_iter().collect(),
        zones: zones.into_iter().collect(),
        lists: lists.into_iter().collect(),
        domains: domains.into_iter().collect(),
    })
}

pub(super) async fn history(db: &mut SqliteConnection, window: &Window) -> Result<History, Trouble> {
    let folders = Folders::of(db, window).await?;
    let bounces = bounces(db, window, &folders).await?;
    let ips: BTreeSet<IpAddr> = bounces
        .iter()
        .filter_map(|bounce| bounce.event.verdict.blocked_ip)
        .collect();
    let domains: BTreeSet<&ReceivingDomain> = bounces
        .iter()
        .map(|bounce| &bounce.event.receiving_domain)
        .collect();
    let (mut listings, mut names, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
    for ip in ips {
        listings.extend(answers::listings_of(db, ip).await?);
        names.extend(answers::names_of(db, ip).await?);
    }
    for domain in domains {
        exchanges.extend(answers::exchange_of(db, domain).await?);
    }
    listings.sort_by_key(|listing| listing.checked_at);
    Ok(History {
        bounces,
        listings,
        names,
        exchanges,
        not_understood: not_understood(db, window, &folders).await?,
        last_report: last_report(db).await?,
    })
}

async fn bounces(
    db: &mut SqliteConnection,
    window: &Window,
    folders: &Folders,
) -> Result<Vec<Recorded>, Trouble> {
    const COUNT: &str = "SELECT count(*) FROM events e
        WHERE e.window_epoch IS NULL OR (e.window_epoch >= $1 AND e.window_epoch < $2)";
    const EVENTS: &str = "SELECT e.id, e.recorded_at, g.body, s.folder_id
        FROM events e JOIN sightings g ON g.event_id = e.id AND g.best = 1 JOIN sources s ON s.id = g.source_id
        WHERE e.window_epoch IS NULL OR (e.window_epoch >= $1 AND e.window_epoch < $2)";
    type Row = (i64, String, String, Option<i64>);
    let (since, until) = epochs(window);
    let mut elsewhere = elsewhere(db, window, folders).await?;
    let count = sqlx::query_as(COUNT).bind(since).bind(until);
    let (count,): (i64,) = count.fetch_one(&mut *db).await?;
    let mut bounces = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let mut rows = sqlx::query_as(EVENTS).bind(since).bind(until).fetch(db);
    while let Some((id, recorded_at, body, folder)) = rows.try_next().await? {
        let (id, recorded_at, body, folder): Row = (id, recorded_at, body, folder);
        let others = elsewhere.remove(&id).unwrap_or_default();
        if !others.shown && !folders.hold(folder) {
            continue;
        }
        let event = from_body::<Event>("bounce", &body)?;
        bounces.push(Recorded {
            sources: others.and(&event.source)?,
            event,
            recorded_at: moment(&recorded_at)?,
        });
    }
    // In place: a stable sort would take half as much memory once more.
    bounces.sort_unstable_by(|a, b| oldest_first(&a.event, &b.event));
    Ok(bounces)
}

/// Places of a bounce beside that of its best reading.
#[derive(Default)]
struct Places {
    urls: Vec<String>,
    /// One of them is in a folder of the window.
    shown: bool,
}

impl Places {
    /// All places, in the order of their addresses.
    fn and(self, best: &Source) -> Result<Vec<Source>, Trouble> {
        let mut urls = self.urls;
        if urls.is_empty() {
            return Ok(vec![best.clone()]);
        }
        urls.push(best.to_string());
        urls.sort_unstable();
        urls.dedup();
        urls.iter().map(|url| source(url)).collect()
    }
}

/// Where the bounces of the window lie as well. Few have a second place.
async fn elsewhere(
    db: &mut SqliteConnection,
    window: &Window,
    folders: &Folders,
) -> Result<HashMap<i64, Places>, Trouble> {
    const SQL: &str = "SELECT e.id, s.url, s.folder_id
        FROM events e JOIN sightings g ON g.event_id = e.id AND g.best = 0 JOIN sources s ON s.id = g.source_id
        WHERE e.window_epoch IS NULL OR (e.window_epoch >= $1 AND e.window_epoch < $2)";
    let (since, until) = epochs(window);
    let mut places: HashMap<i64, Places> = HashMap::new();
    let mut rows = sqlx::query_as(SQL).bind(since).bind(until).fetch(db);
    while let Some((event, url, folder)) = rows.try_next().await? {
        let (event, url, folder): (i64, String, Option<i64>) = (event, url, folder);
        let of_event = places.entry(event).or_default();
        of_event.urls.push(url);
        of_event.shown |= folders.hold(folder);
    }
    Ok(places)
}

/// By the time that the window goes by, those without one last; then by whatever tells them apart, so that the order in
/// which mails were read does not show.
fn oldest_first(a: &Event, b: &Event) -> Ordering {
    let times = |event: &Event| {
        let at = event.times.sent_or_bounced();
        (at.is_none(), at, event.times.bounced_at)
    };
    times(a)
        .cmp(&times(b))
        .then_with(|| a.source.cmp(&b.source))
        .then_with(|| a.recipient.cmp(&b.recipient))
        .then_with(|| format!("{a:?}").cmp(&format!("{b:?}")))
}

/// A mail that some reading understood is not among them, whichever came first. A copy in another folder is the same mail:
/// it has the same Message-ID, the same date and the same shape.
async fn not_understood(
    db: &mut SqliteConnection,
    window: &Window,
    folders: &Folders,
) -> Result<Vec<NotUnderstood>, Trouble> {
    const SQL: &str =
        "SELECT s.url, s.folder_id, n.body FROM not_understood n JOIN sources s ON s.id = n.source_id
        WHERE NOT EXISTS (SELECT 1 FROM sightings g WHERE g.source_id = s.id) ORDER BY s.id";
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

async fn last_report(db: &mut SqliteConnection) -> Result<Option<Timestamp>, Trouble> {
    const SQL: &str =
        "SELECT made_at FROM report_marks WHERE series = '' ORDER BY made_epoch DESC, id DESC LIMIT 1";
    let row: Option<(String,)> = sqlx::query_as(SQL).fetch_optional(db).await?;
    row.map(|(made_at,)| moment(&made_at)).transpose()
}

/// The folders of a window, as the ledger numbers them; `None` when the window takes all.
struct Folders(Option<BTreeSet<i64>>);

impl Folders {
    async fn of(db: &mut SqliteConnection, window: &Window) -> Result<Self, Trouble> {
        let Some(wanted) = &window.folders else {
            return Ok(Self(None));
        };
        let wanted: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
        let known: Vec<(i64, String)> = sqlx::query_as("SELECT id, url FROM folders")
            .fetch_all(db)
            .await?;
        let numbers = known.into_iter().filter(|(_, url)| wanted.contains(url));
        Ok(Self(Some(numbers.map(|(id, _)| id).collect())))
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

pub(super) fn from_body<T: DeserializeOwned>(what: &'static str, body: &str) -> Result<T, Trouble> {
    serde_json::from_str(body).map_err(|why| Trouble::row(what, why))
}

pub(super) fn moment(text: &str) -> Result<Timestamp, Trouble> {
    text.parse().map_err(|why| Trouble::row("time", why))
}

fn source(url: &str) -> Result<Source, Trouble> {
    url.parse().map_err(|why| Trouble::row("source", why))
}
