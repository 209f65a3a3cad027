//! Writes what is asked and reported, brings an older ledger up to date, and lets go of what is old.

use sqlx::SqliteConnection;

use crate::check::Checked;
use crate::event::Timestamp;
use crate::ledger::error::Trouble;
use crate::ledger::rows;

/// The version that added them; SQL alone cannot write them.
const WITH_BRIEFS: i64 = 5;

pub(super) async fn migrate(
    db: &mut SqliteConnection,
    version: i64,
    step: &'static str,
) -> Result<(), Trouble> {
    sqlx::raw_sql(step).execute(&mut *db).await?;
    if version == WITH_BRIEFS {
        rows::add_briefs(db).await?;
    }
    let mark = sqlx::query("INSERT INTO ledger_schema (version, program) VALUES ($1, $2)")
        .bind(version)
        .bind(env!("CARGO_PKG_VERSION"));
    mark.execute(db).await?;
    Ok(())
}

pub(super) async fn record_checks(db: &mut SqliteConnection, checked: &Checked) -> Result<(), Trouble> {
    const LISTING: &str = "INSERT INTO checks (ip, zone, checked_at, checked_epoch, result, body)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    const NAMES: &str = "INSERT INTO names (ip, checked_at, checked_epoch, body)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    const EXCHANGE: &str = "INSERT INTO exchanges (domain, checked_at, checked_epoch, body)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    for listing in &checked.listings {
        let query = sqlx::query(LISTING)
            .bind(listing.ip.to_string())
            .bind(listing.zone.as_str())
            .bind(listing.checked_at.to_rfc3339())
            .bind(listing.checked_at.timestamp())
            .bind(listing.answer.word())
            .bind(serde_json::to_string(listing).map_err(|why| Trouble::row("check", why))?);
        query.execute(&mut *db).await?;
    }
    for names in &checked.names {
        let query = sqlx::query(NAMES)
            .bind(names.ip.to_string())
            .bind(names.checked_at.to_rfc3339())
            .bind(names.checked_at.timestamp())
            .bind(serde_json::to_string(names).map_err(|why| Trouble::row("name", why))?);
        query.execute(&mut *db).await?;
    }
    for exchange in &checked.exchanges {
        let query = sqlx::query(EXCHANGE)
            .bind(exchange.domain.as_str())
            .bind(exchange.checked_at.to_rfc3339())
            .bind(exchange.checked_at.timestamp())
            .bind(serde_json::to_string(exchange).map_err(|why| Trouble::row("mail host", why))?);
        query.execute(&mut *db).await?;
    }
    Ok(())
}

pub(super) async fn mark_report(
    db: &mut SqliteConnection,
    series: &str,
    now: Timestamp,
) -> Result<(), Trouble> {
    const SQL: &str = "INSERT INTO report_marks (series, made_at, made_epoch) VALUES ($1, $2, $3)";
    let query = sqlx::query(SQL)
        .bind(series)
        .bind(now.to_rfc3339())
        .bind(now.timestamp());
    query.execute(db).await?;
    Ok(())
}

/// Drops the events from before `oldest` and what only they needed. A bounce that claims to be younger than the day on
/// which it was recorded is as old as that day.
pub(super) async fn prune(db: &mut SqliteConnection, oldest: i64) -> Result<u64, Trouble> {
    const OLD: [&str; 3] = [
        "DELETE FROM not_understood WHERE recorded_epoch < $1",
        "DELETE FROM sightings WHERE event_id IN (SELECT id FROM events
            WHERE recorded_epoch < $1 OR COALESCE(bounced_epoch, window_epoch, recorded_epoch) < $1)",
        "DELETE FROM events
            WHERE recorded_epoch < $1 OR COALESCE(bounced_epoch, window_epoch, recorded_epoch) < $1",
    ];
    // Readings that a better one stood in front of go with it, and mails that nothing speaks of any more.
    const ORPHANS: [&str; 2] = [
        "DELETE FROM sightings WHERE event_id IS NULL AND NOT EXISTS (SELECT 1 FROM sightings g
            WHERE g.source_id = sightings.source_id AND g.event_id IS NOT NULL)",
        "DELETE FROM sources WHERE NOT EXISTS (SELECT 1 FROM sightings g WHERE g.source_id = sources.id)
            AND NOT EXISTS (SELECT 1 FROM not_understood n WHERE n.source_id = sources.id)",
    ];
    let mut events = 0;
    for sql in OLD {
        let done = sqlx::query(sql).bind(oldest).execute(&mut *db).await?;
        events = done.rows_affected();
    }
    for sql in ORPHANS {
        sqlx::query(sql).execute(&mut *db).await?;
    }
    for sql in UNSPOKEN {
        sqlx::query(sql).bind(oldest).execute(&mut *db).await?;
    }
    Ok(events)
}

/// What is old and about an address or a domain that no event speaks of any more; and old times of reports, but for the
/// last of each series, by which the next report knows what is new.
const UNSPOKEN: [&str; 5] = [
    "DELETE FROM checks WHERE checked_epoch < $1
        AND ip NOT IN (SELECT blocked_ip FROM events WHERE blocked_ip IS NOT NULL)",
    "DELETE FROM names WHERE checked_epoch < $1
        AND ip NOT IN (SELECT blocked_ip FROM events WHERE blocked_ip IS NOT NULL)",
    "DELETE FROM notes WHERE noted_epoch < $1
        AND ip NOT IN (SELECT blocked_ip FROM events WHERE blocked_ip IS NOT NULL)",
    "DELETE FROM exchanges WHERE checked_epoch < $1
        AND domain NOT IN (SELECT receiving_domain FROM events)",
    "DELETE FROM report_marks WHERE made_epoch < $1 AND EXISTS (SELECT 1 FROM report_marks m
        WHERE m.series = report_marks.series AND m.made_epoch > report_marks.made_epoch)",
];
