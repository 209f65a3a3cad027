//! What crosses the borders between the rooms: a [`Message`] goes in, an [`Event`] comes out.
//!
//! One event is one recipient that one bounce reports on. Its fields stand here in the order and under the names in
//! which NDJSON and the detail CSV write them; a field is `None` when the bounce does not say.
//! Names follow RFC 5321 (reply), RFC 3463 (status), RFC 3464 (report fields) and RFC 5092 (sources).
//! Not here: how a bounce is read (`bounce`), what a reply means (`catalogue`).

mod codes;
mod names;
mod not_understood;
mod source;
mod words;

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};

pub use codes::{ReplyCode, Status};
pub use names::{ListId, ReceivingDomain, Zone};
pub use not_understood::{NotUnderstood, Shape, Sign};
pub use source::{FolderRef, Position, Source, Uid, UidValidity};
pub use words::{Action, Format, Reason, SmtpCommand};

/// A point in time with the offset that the mail gave it.
pub type Timestamp = DateTime<FixedOffset>;

/// A mail as a connector hands it over: raw, with the place where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it lies.
    pub source: Source,
    /// When the mailbox took it in (IMAP INTERNALDATE, RFC 9051 §2.3.3); the stand-in for a missing Date.
    pub received_at: Option<Timestamp>,
    /// The mail as it was sent (RFC 5322), at most cut at its end.
    pub bytes: Vec<u8>,
}

/// One recipient that one bounce reports on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where the bounce lies.
    pub source: Source,
    /// Message-ID of the bounce, without angle brackets.
    pub message_id: Option<String>,
    /// `bounced_at`, `sent_at` and `delay_seconds`.
    #[serde(flatten)]
    pub times: Times,
    /// What wrote the bounce.
    pub format: Format,
    /// Host that gave up (RFC 3464 §2.2.2).
    pub reporting_mta: Option<String>,
    /// What the returned original says of itself.
    #[serde(flatten)]
    pub original: Original,
    /// The failed address; the original recipient where only that is known.
    pub recipient: String,
    /// Domain of `recipient`.
    pub receiving_domain: ReceivingDomain,
    /// Name of the host that refused, as the bounce writes it.
    pub remote_host: Option<String>,
    /// Address of the host that refused.
    pub remote_ip: Option<IpAddr>,
    /// What became of the mail.
    pub action: Action,
    /// Enhanced status code.
    pub status: Option<Status>,
    /// SMTP reply code.
    pub smtp_code: Option<ReplyCode>,
    /// The command that the reply answered.
    pub smtp_command: Option<SmtpCommand>,
    /// The refusing host's words, unfolded to one line, nothing cut.
    pub reply: Option<String>,
    /// What the catalogue says of the reply; `Verdict::default()` until it was asked.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// When the original was sent and when its bounce was written. The delay is always their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "TimesRow", from = "TimesRow")]
pub struct Times {
    /// The bounce's Date, else the INTERNALDATE.
    pub bounced_at: Option<Timestamp>,
    /// The returned original's Date, else the report's Arrival-Date or the transcript's words.
    pub sent_at: Option<Timestamp>,
}

impl Times {
    /// How late the bounce came; negative where clocks disagree.
    #[must_use]
    pub fn delay(self) -> Option<TimeDelta> {
        Some(self.bounced_at? - self.sent_at?)
    }

    /// The time that a window is held against: sending, else bouncing.
    #[must_use]
    pub fn sent_or_bounced(self) -> Option<Timestamp> {
        self.sent_at.or(self.bounced_at)
    }
}

#[derive(Serialize, Deserialize)]
struct TimesRow {
    bounced_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    delay_seconds: Option<i64>,
}

impl From<Times> for TimesRow {
    fn from(times: Times) -> Self {
        let Times { bounced_at, sent_at } = times;
        Self {
            bounced_at,
            sent_at,
            delay_seconds: times.delay().map(|delay| delay.num_seconds()),
        }
    }
}

impl From<TimesRow> for Times {
    fn from(row: TimesRow) -> Self {
        Self {
            bounced_at: row.bounced_at,
            sent_at: row.sent_at,
        }
    }
}

/// Header fields of the returned original.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Its Message-ID, without angle brackets.
    #[serde(rename = "original_message_id")]
    pub message_id: Option<String>,
    /// The address in its From.
    #[serde(rename = "original_from")]
    pub from: Option<String>,
    /// Its Subject, decoded.
    #[serde(rename = "original_subject")]
    pub subject: Option<String>,
    /// What clients called themselves to the servers that it passed. The ledger keeps it; no output has it.
    #[serde(rename = "original_helos", default, skip_serializing_if = "Vec::is_empty")]
    pub helos: Vec<Helo>,
}

/// What a client called itself to a server (RFC 5321 §4.1.1.1), by a `Received` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helo {
    /// The client's address.
    pub ip: IpAddr,
    /// The name that it gave, in lower case; a stranger's text.
    pub name: String,
}

/// What a rule of the catalogue says of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Why the mail failed.
    pub reason: Reason,
    /// Our address that the reply refuses, canonical (RFC 5952; IPv4 in IPv6 made plain).
    pub blocked_ip: Option<IpAddr>,
    /// The list, or the operator that keeps it, as far as the reply says.
    pub blocklist: Option<ListId>,
    /// The DNSBL zone that the reply speaks of.
    pub zone: Option<Zone>,
    /// The operator's own code, such as `S3150`.
    pub code: Option<String>,
    /// Where the reply says that removal is asked for: `http(s)://…` or `mailto:…`.
    pub removal: Option<String>,
}

impl Default for Verdict {
    fn default() -> Self {
        Self {
            reason: Reason::Undefined,
            blocked_ip: None,
            blocklist: None,
            zone: None,
            code: None,
            removal: None,
        }
    }
}

/// Something that could not be read. It goes on to the report and makes the exit status 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing.
    pub at: Place,
    /// Why, and the remedy where one is known: a lower-case fragment.
    pub why: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

/// What a [`Gap`] is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A whole account, by its name.
    Account(String),
    /// A folder of an account.
    Folder {
        /// The account's name.
        account: String,
        /// The folder's name, decoded.
        folder: String,
    },
    /// One mail.
    Message(Source),
    /// A file or a directory.
    Path(std::path::PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Folder { account, folder } => write!(f, "account {account}, folder {folder}"),
            Self::Message(source) => write!(f, "{source}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A text that is not what its place asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct Malformed {
    what: &'static str,
    text: String,
}
