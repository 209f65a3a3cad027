//! Keeps the events in step with the sightings: which of these are one bounce is worked out anew wherever one comes,
//! changes or goes. So the order in which mails are read leaves no trace.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;

use crate::event::{Event, Timestamp};
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::{MAX_APART_SECONDS, bounced_epoch, group, is_one};
use crate::ledger::rows;

/// A sighting that came, changed or went.
pub(super) struct Touched {
    /// Its number, unless it is gone from its bucket.
    pub(super) id: Option<i64>,
    /// The bucket that it is in or was in.
    pub(super) bucket: i64,
    pub(super) event: Event,
    /// Its mail came just now.
    pub(super) is_new: bool,
}

/// A sighting in its bucket.
struct Member {
    id: i64,
    event_id: Option<i64>,
    best: bool,
    recorded: (i64, String),
    event: Event,
}

/// Makes the events agree with the sightings again, and gives by how many there are more.
pub(super) async fn regroup(
    db: &mut SqliteConnection,
    touched: Vec<Touched>,
    mut left: BTreeSet<i64>,
    now: Timestamp,
) -> Result<usize, Trouble> {
    const DROP: &str = "DELETE FROM events WHERE id = $1
        AND NOT EXISTS (SELECT 1 FROM sightings WHERE event_id = $1)";
    let (lone, touched) = parted(db, touched).await?;
    rows::add_events(db, &lone, now).await?;
    let mut added = lone.len() as u64;
    let mut done = BTreeSet::new();
    for touched in touched {
        if touched.id.is_some_and(|id| done.contains(&id)) {
            continue;
        }
        let related = related(db, touched).await?;
        done.extend(related.iter().map(|member| member.id));
        added += regroup_related(db, related, &mut left).await?;
    }
    let mut dropped = 0;
    for event in left {
        dropped += sqlx::query(DROP)
            .bind(event)
            .execute(&mut *db)
            .await?
            .rows_affected();
    }
    Ok(usize::try_from(added.saturating_sub(dropped)).unwrap_or(usize::MAX))
}

/// The new sightings that stand alone, as most do: each is an event of its own. And all the others.
async fn parted(
    db: &mut SqliteConnection,
    touched: Vec<Touched>,
) -> Result<(Vec<(i64, Event)>, Vec<Touched>), Trouble> {
    let new: Vec<_> = touched
        .iter()
        .filter(|touched| touched.is_new)
        .filter_map(|touched| Some((touched.id?, touched.bucket, &touched.event)))
        .collect();
    let alone = rows::lone(db, &new).await?;
    let (mut lone, mut others) = (Vec::new(), Vec::new());
    for touched in touched {
        match touched.id.filter(|id| touched.is_new && alone.contains(id)) {
            Some(id) => lone.push((id, touched.event)),
            None => others.push(touched),
        }
    }
    Ok((lone, others))
}

/// The sightings that are one with this one, those that are one with these, and so on: nothing outside them has a say
/// in how they are grouped.
async fn related(db: &mut SqliteConnection, touched: Touched) -> Result<Vec<Member>, Trouble> {
    let mut related: BTreeMap<i64, Member> = BTreeMap::new();
    let mut ask = vec![touched.event];
    while let Some(event) = ask.pop() {
        for member in neighbours(db, touched.bucket, &event).await? {
            if let Entry::Vacant(place) = related.entry(member.id) {
                if touched.id != Some(member.id) {
                    ask.push(member.event.clone());
                }
                place.insert(member);
            }
        }
    }
    Ok(related.into_values().collect())
}

/// The sightings of a bucket that are one with an event. One without a date may be one with any.
async fn neighbours(db: &mut SqliteConnection, bucket: i64, event: &Event) -> Result<Vec<Member>, Trouble> {
    const NEAR: &str = "SELECT g.id, g.event_id, g.best, s.recorded_epoch, s.recorded_at, g.body
        FROM sightings g JOIN sources s ON s.id = g.source_id
        WHERE g.bucket = $1 AND g.bounced_epoch >= $2 AND g.bounced_epoch <= $3
        UNION ALL SELECT g.id, g.event_id, g.best, s.recorded_epoch, s.recorded_at, g.body
        FROM sightings g JOIN sources s ON s.id = g.source_id
        WHERE g.bucket = $1 AND g.bounced_epoch IS NULL";
    const ALL: &str = "SELECT g.id, g.event_id, g.best, s.recorded_epoch, s.recorded_at, g.body
        FROM sightings g JOIN sources s ON s.id = g.source_id WHERE g.bucket = $1";
    type Row = (i64, Option<i64>, bool, i64, String, String);
    let query = match bounced_epoch(event) {
        Some(at) => sqlx::query_as(NEAR)
            .bind(bucket)
            .bind(at.saturating_sub(MAX_APART_SECONDS))
            .bind(at.saturating_add(MAX_APART_SECONDS)),
        None => sqlx::query_as(ALL).bind(bucket),
    };
    let rows: Vec<Row> = query.fetch_all(&mut *db).await?;
    let mut neighbours = Vec::new();
    for (id, event_id, best, epoch, at, body) in rows {
        let member = Member {
            id,
            event_id,
            best,
            recorded: (epoch, at),
            event: from_body("bounce", &body)?,
        };
        if is_one(&member.event, event) {
            neighbours.push(member);
        }
    }
    Ok(neighbours)
}

/// Sorts related sightings into events and gives how many had to be added. An event keeps its number while one of its
/// sightings is left.
async fn regroup_related(
    db: &mut SqliteConnection,
    related: Vec<Member>,
    left: &mut BTreeSet<i64>,
) -> Result<u64, Trouble> {
    const ASSIGN: &str = "UPDATE sightings SET event_id = $2, best = $3 WHERE id = $1";
    let events: Vec<Event> = related.iter().map(|member| member.event.clone()).collect();
    let mut claimed = BTreeSet::new();
    let mut added = 0;
    for group in group(&events) {
        let members: Vec<&Member> = group.iter().filter_map(|&index| related.get(index)).collect();
        let Some(best) = members.first() else { continue };
        let known = members
            .iter()
            .filter_map(|member| member.event_id)
            .filter(|id| !claimed.contains(id))
            .min();
        let is_right = |member: &&Member| member.event_id == known && member.best == (member.id == best.id);
        claimed.extend(known);
        if known.is_some() && members.iter().all(is_right) {
            continue;
        }
        let recorded = members
            .iter()
            .map(|member| &member.recorded)
            .min()
            .unwrap_or(&best.recorded);
        let id = event(db, known, &best.event, recorded).await?;
        claimed.insert(id);
        added += u64::from(known.is_none());
        for member in &members {
            left.extend(member.event_id.filter(|old| *old != id));
            let query = sqlx::query(ASSIGN)
                .bind(member.id)
                .bind(id)
                .bind(i64::from(member.id == best.id));
            query.execute(&mut *db).await?;
        }
    }
    Ok(added)
}

/// Writes the columns of an event, known or new, and gives its number.
async fn event(
    db: &mut SqliteConnection,
    known: Option<i64>,
    event: &Event,
    (recorded_epoch, recorded_at): &(i64, String),
) -> Result<i64, Trouble> {
    const ADD: &str = "INSERT INTO events (recorded_at, recorded_epoch, bounced_epoch, window_epoch, action,
        reason, receiving_domain, blocked_ip, blocklist, zone, brief)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    const CHANGE: &str = "UPDATE events SET recorded_at = $1, recorded_epoch = $2, bounced_epoch = $3,
        window_epoch = $4, action = $5, reason = $6, receiving_domain = $7, blocked_ip = $8, blocklist = $9,
        zone = $10, brief = $11 WHERE id = $12 RETURNING id";
    let sql = if known.is_some() { CHANGE } else { ADD };
    let mut query = sqlx::query_as(sql)
        .bind(recorded_at)
        .bind(recorded_epoch)
        .bind(bounced_epoch(event))
        .bind(event.times.sent_or_bounced().map(|at| at.timestamp()))
        .bind(event.action.to_string())
        .bind(event.verdict.reason.to_string())
        .bind(event.receiving_domain.as_str())
        .bind(event.verdict.blocked_ip.map(|ip| ip.to_string()))
        .bind(event.verdict.blocklist.as_ref().map(ToString::to_string))
        .bind(event.verdict.zone.as_ref().map(ToString::to_string))
        .bind(rows::brief(event)?);
    if let Some(known) = known {
        query = query.bind(known);
    }
    let (id,): (i64,) = query.fetch_one(&mut *db).await?;
    Ok(id)
}
