//! Many rows in one statement: each statement goes to the database's thread and back, which costs as much as ten rows.
//!
//! The statements are not kept for another time: there is one for each number of rows, and each takes hundreds of kilobytes.

use std::collections::{BTreeSet, HashMap};

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::event::{Event, Timestamp};
use crate::ledger::bounces::Brief;
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::{MAX_APART_SECONDS, bounced_epoch, digest, is_one};

/// Times eleven columns it stays below the values that SQLite takes in one statement (32,766).
pub(super) const ROWS: usize = 500;

/// A mail that the ledger does not know yet.
pub(super) struct NewSource {
    pub(super) url: String,
    pub(super) folder_id: Option<i64>,
}

/// A reading of a mail that the ledger does not know yet.
pub(super) struct NewSighting {
    pub(super) source_id: i64,
    pub(super) bucket: Option<i64>,
    pub(super) event: Event,
}

/// The numbers of the mails that are known.
pub(super) async fn known_sources(
    db: &mut SqliteConnection,
    urls: &[String],
) -> Result<HashMap<String, i64>, Trouble> {
    let mut known = HashMap::new();
    for urls in urls.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT url, id FROM sources WHERE url IN (");
        let mut list = query.separated(", ");
        for url in urls {
            list.push_bind(url.clone());
        }
        list.push_unseparated(")");
        known.extend(
            query
                .build_query_as::<(String, i64)>()
                .persistent(false)
                .fetch_all(&mut *db)
                .await?,
        );
    }
    Ok(known)
}

/// Adds mails and gives their numbers, in the same order.
pub(super) async fn add_sources(
    db: &mut SqliteConnection,
    sources: &[NewSource],
    now: Timestamp,
) -> Result<Vec<i64>, Trouble> {
    const ADD: &str = "INSERT INTO sources (url, folder_id, recorded_at, recorded_epoch) ";
    let mut ids = Vec::with_capacity(sources.len());
    for sources in sources.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new(ADD);
        query.push_values(sources, |mut row, source| {
            row.push_bind(source.url.clone())
                .push_bind(source.folder_id)
                .push_bind(now.to_rfc3339())
                .push_bind(now.timestamp());
        });
        ids.extend(added(db, query, sources.len()).await?);
    }
    Ok(ids)
}

/// Adds readings and gives their numbers, in the same order.
pub(super) async fn add_sightings(
    db: &mut SqliteConnection,
    sightings: &[NewSighting],
    reader: i64,
) -> Result<Vec<i64>, Trouble> {
    const ADD: &str = "INSERT INTO sightings (source_id, reader, bucket, bounced_epoch, body) ";
    let mut ids = Vec::with_capacity(sightings.len());
    for sightings in sightings.chunks(ROWS) {
        let mut bodies = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            bodies.push(serde_json::to_string(&sighting.event).map_err(|why| Trouble::row("bounce", why))?);
        }
        let mut query = QueryBuilder::<Sqlite>::new(ADD);
        query.push_values(sightings.iter().zip(bodies), |mut row, (sighting, body)| {
            row.push_bind(sighting.source_id)
                .push_bind(reader)
                .push_bind(sighting.bucket)
                .push_bind(bounced_epoch(&sighting.event))
                .push_bind(body);
        });
        ids.extend(added(db, query, sightings.len()).await?);
    }
    Ok(ids)
}

/// Adds an event for each sighting that stands alone.
pub(super) async fn add_events(
    db: &mut SqliteConnection,
    lone: &[(i64, Event)],
    now: Timestamp,
) -> Result<(), Trouble> {
    const ADD: &str = "INSERT INTO events (recorded_at, recorded_epoch, bounced_epoch, window_epoch, action,
        reason, receiving_domain, blocked_ip, blocklist, zone, brief) ";
    // Of a list of values the columns are called so in SQLite and in PostgreSQL.
    const ASSIGN: [&str; 2] = [
        "UPDATE sightings SET event_id = v.column2, best = 1 FROM (",
        ") AS v WHERE sightings.id = v.column1",
    ];
    for lone in lone.chunks(ROWS) {
        let mut briefs = Vec::with_capacity(lone.len());
        for (_, event) in lone {
            briefs.push(brief(event)?);
        }
        let mut query = QueryBuilder::<Sqlite>::new(ADD);
        query.push_values(lone.iter().zip(briefs), |mut row, ((_, event), brief)| {
            row.push_bind(now.to_rfc3339())
                .push_bind(now.timestamp())
                .push_bind(bounced_epoch(event))
                .push_bind(event.times.sent_or_bounced().map(|at| at.timestamp()))
                .push_bind(event.action.to_string())
                .push_bind(event.verdict.reason.to_string())
                .push_bind(event.receiving_domain.as_str().to_owned())
                .push_bind(event.verdict.blocked_ip.map(|ip| ip.to_string()))
                .push_bind(event.verdict.blocklist.as_ref().map(ToString::to_string))
                .push_bind(event.verdict.zone.as_ref().map(ToString::to_string))
                .push_bind(brief);
        });
        let ids = added(db, query, lone.len()).await?;
        let [update, to] = ASSIGN;
        let mut query = QueryBuilder::<Sqlite>::new(update);
        query.push_values(lone.iter().zip(ids), |mut row, ((sighting, _), event)| {
            row.push_bind(*sighting).push_bind(event);
        });
        query.push(to).build().persistent(false).execute(&mut *db).await?;
    }
    Ok(())
}

/// A statement that ends with `IN (`, and the numbers that it is about.
pub(super) fn with_ids(statement: &'static str, ids: &[i64]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(statement);
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    list.push_unseparated(")");
    query
}

/// What a report counts of an event, as the ledger keeps it.
pub(super) fn brief(event: &Event) -> Result<String, Trouble> {
    let strange = |why| Trouble::row("bounce", why);
    let body = serde_json::to_string(event).map_err(strange)?;
    serde_json::to_string(&Brief::of(event, digest(&body))).map_err(strange)
}

/// Writes the briefs that an earlier version did not know.
pub(super) async fn add_briefs(db: &mut SqliteConnection) -> Result<(), Trouble> {
    // The order of the tables is that of the loops.
    const NEXT: &str = "SELECT e.id, g.body FROM events e CROSS JOIN sightings g
        ON g.event_id = e.id AND g.best = 1 WHERE e.id > $1 ORDER BY e.id LIMIT 500";
    const SET: [&str; 2] = [
        "UPDATE events SET brief = v.column2 FROM (",
        ") AS v WHERE events.id = v.column1",
    ];
    let mut last = i64::MIN;
    loop {
        let events: Vec<(i64, String)> = sqlx::query_as(NEXT).bind(last).fetch_all(&mut *db).await?;
        let Some((id, _)) = events.last() else {
            return Ok(());
        };
        last = *id;
        let mut briefs = Vec::with_capacity(events.len());
        for (id, body) in &events {
            briefs.push((*id, brief(&from_body("bounce", body)?)?));
        }
        let [update, to] = SET;
        let mut query = QueryBuilder::<Sqlite>::new(update);
        query.push_values(briefs, |mut row, (event, brief)| {
            row.push_bind(event).push_bind(brief);
        });
        query.push(to).build().persistent(false).execute(&mut *db).await?;
    }
}

/// Which of these sightings no other is one with; each has its number and its bucket.
pub(super) async fn lone(
    db: &mut SqliteConnection,
    sightings: &[(i64, i64, &Event)],
) -> Result<BTreeSet<i64>, Trouble> {
    // The order of the tables is that of the loops: a look into the index for each that is wanted.
    const NEAR: &str = ") SELECT w.id, g.id, g.body FROM wanted w CROSS JOIN sightings g
        WHERE g.bucket = w.bucket AND g.bounced_epoch >= w.first AND g.bounced_epoch <= w.last AND g.id <> w.id
        UNION ALL SELECT w.id, g.id, g.body FROM wanted w CROSS JOIN sightings g
        WHERE g.bucket = w.bucket AND g.bounced_epoch IS NULL AND g.id <> w.id";
    let events: HashMap<i64, &Event> = sightings.iter().map(|&(id, _, event)| (id, event)).collect();
    let mut lone: BTreeSet<i64> = events.keys().copied().collect();
    for wanted in sightings.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new("WITH wanted (id, bucket, first, last) AS (");
        query.push_values(wanted, |mut row, (id, bucket, event)| {
            // One without a date may be one with any.
            let (first, last) = bounced_epoch(event).map_or((i64::MIN, i64::MAX), |at| {
                (
                    at.saturating_sub(MAX_APART_SECONDS),
                    at.saturating_add(MAX_APART_SECONDS),
                )
            });
            row.push_bind(*id)
                .push_bind(*bucket)
                .push_bind(first)
                .push_bind(last);
        });
        query.push(NEAR);
        let near = query
            .build_query_as::<(i64, i64, String)>()
            .persistent(false)
            .fetch_all(&mut *db)
            .await?;
        for (id, other, body) in near {
            let Some(event) = events.get(&id).filter(|_| lone.contains(&id)) else {
                continue;
            };
            let one = match events.get(&other) {
                Some(known) => is_one(event, known),
                None => is_one(event, &from_body("bounce", &body)?),
            };
            if one {
                lone.remove(&id);
            }
        }
    }
    Ok(lone)
}

/// The numbers of the rows that an INSERT adds. They grow in the order of its values, in which order they are returned
/// is not said.
async fn added(
    db: &mut SqliteConnection,
    mut insert: QueryBuilder<Sqlite>,
    rows: usize,
) -> Result<Vec<i64>, Trouble> {
    insert.push(" RETURNING id");
    let mut ids: Vec<i64> = insert
        .build_query_scalar()
        .persistent(false)
        .fetch_all(db)
        .await?;
    ids.sort_unstable();
    match ids.len() == rows {
        true => Ok(ids),
        false => Err(Trouble::row("table", "not all rows were added")),
    }
}
