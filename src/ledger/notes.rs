//! The user's own remarks about addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::SqliteConnection;

use crate::event::Timestamp;
use crate::ledger::error::Trouble;
use crate::ledger::history::moment;

/// What the user did about an address, such as "asked the hosting company, ticket 1234".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The address.
    pub ip: IpAddr,
    /// What was done.
    pub remark: Remark,
    /// When the user said so.
    pub noted_at: Timestamp,
}

/// The text of a [`Note`]: one line that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark(String);

/// A remark without a word in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the note is empty; write what was done, such as \"asked the hosting company, ticket 1234\"")]
pub struct NoRemark;

impl FromStr for Remark {
    type Err = NoRemark;

    /// Lines become one, apart by single blanks.
    fn from_str(text: &str) -> Result<Self, NoRemark> {
        let lines = text.split(ends_line).map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        match lines.is_empty() {
            true => Err(NoRemark),
            false => Ok(Self(lines.join(" "))),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a line may end here (Unicode Standard §5.8).
fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Keeps a note and gives whether any bounce speaks of its address.
pub(super) async fn add(db: &mut SqliteConnection, note: &Note) -> Result<bool, Trouble> {
    const ADD: &str = "INSERT INTO notes (ip, text, noted_at, noted_epoch) VALUES ($1, $2, $3, $4)";
    const BOUNCE: &str = "SELECT id FROM events WHERE blocked_ip = $1 LIMIT 1";
    let ip = note.ip.to_string();
    let query = sqlx::query(ADD)
        .bind(&ip)
        .bind(&note.remark.0)
        .bind(note.noted_at.to_rfc3339())
        .bind(note.noted_at.timestamp());
    query.execute(&mut *db).await?;
    let bounce: Option<(i64,)> = sqlx::query_as(BOUNCE).bind(ip).fetch_optional(db).await?;
    Ok(bounce.is_some())
}

/// The notes about an address, oldest first.
pub(super) async fn notes_of(db: &mut SqliteConnection, ip: IpAddr) -> Result<Vec<Note>, Trouble> {
    const SQL: &str = "SELECT text, noted_at FROM notes WHERE ip = $1 ORDER BY noted_epoch, id";
    let rows: Vec<(String, String)> = sqlx::query_as(SQL).bind(ip.to_string()).fetch_all(db).await?;
    let note = |(text, noted_at): (String, String)| {
        Ok(Note {
            ip,
            remark: text.parse().map_err(|why| Trouble::row("note", why))?,
            noted_at: moment(&noted_at)?,
        })
    };
    rows.into_iter().map(note).collect()
}

#[cfg(test)]
mod tests {
    use crate::ledger::notes::{NoRemark, Remark};

    #[test]
    fn a_remark_is_one_line_and_not_empty() {
        let text = "  asked the hosting company,\r\n\r\n\tticket  1234\u{2028}";
        let remark: Remark = text.parse().unwrap();
        assert_eq!(remark.to_string(), "asked the hosting company, ticket  1234");
        assert_eq!(" \n \u{3000}\r\n".parse::<Remark>(), Err(NoRemark));
    }
}
