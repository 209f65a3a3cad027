//! Reads what the DNS answered: all of it for a report, the newest for the next run.

use std::net::IpAddr;

use sqlx::SqliteConnection;

use crate::check::{Exchange, Known, Listing, Names};
use crate::event::ReceivingDomain;
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;

/// Of each address and zone, and of each domain, the newest answer.
pub(super) async fn known(
    db: &mut SqliteConnection,
    ips: &[IpAddr],
    domains: &[ReceivingDomain],
) -> Result<Known, Trouble> {
    const SQL: &str = "SELECT body FROM checks c WHERE ip = $1 AND NOT EXISTS (SELECT 1 FROM checks d
        WHERE d.ip = c.ip AND d.zone = c.zone
        AND (d.checked_epoch > c.checked_epoch OR (d.checked_epoch = c.checked_epoch AND d.id > c.id)))";
    let mut known = Known::default();
    for ip in ips {
        let rows: Vec<(String,)> = sqlx::query_as(SQL)
            .bind(ip.to_string())
            .fetch_all(&mut *db)
            .await?;
        for (body,) in rows {
            known.listings.push(from_body("check", &body)?);
        }
        known.names.extend(names_of(db, *ip).await?);
    }
    for domain in domains {
        known.exchanges.extend(exchange_of(db, domain).await?);
    }
    Ok(known)
}

pub(super) async fn listings_of(db: &mut SqliteConnection, ip: IpAddr) -> Result<Vec<Listing>, Trouble> {
    const SQL: &str = "SELECT body FROM checks WHERE ip = $1 ORDER BY checked_epoch, id";
    let rows: Vec<(String,)> = sqlx::query_as(SQL).bind(ip.to_string()).fetch_all(db).await?;
    rows.iter().map(|(body,)| from_body("check", body)).collect()
}

pub(super) async fn names_of(db: &mut SqliteConnection, ip: IpAddr) -> Result<Option<Names>, Trouble> {
    const SQL: &str = "SELECT body FROM names WHERE ip = $1 ORDER BY checked_epoch DESC, id DESC LIMIT 1";
    let row: Option<(String,)> = sqlx::query_as(SQL)
        .bind(ip.to_string())
        .fetch_optional(db)
        .await?;
    row.map(|(body,)| from_body("name", &body)).transpose()
}

pub(super) async fn exchange_of(
    db: &mut SqliteConnection,
    domain: &ReceivingDomain,
) -> Result<Option<Exchange>, Trouble> {
    const SQL: &str =
        "SELECT body FROM exchanges WHERE domain = $1 ORDER BY checked_epoch DESC, id DESC LIMIT 1";
    let row: Option<(String,)> = sqlx::query_as(SQL)
        .bind(domain.as_str())
        .fetch_optional(db)
        .await?;
    row.map(|(body,)| from_body("mail host", &body)).transpose()
}
