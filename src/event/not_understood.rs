//! Mails that look like bounces and gave no event: kept, so that somebody can see them and send a sample.

use serde::{Deserialize, Serialize};

use crate::event::{Source, Timestamp};

/// A mail that has the outer signs of a bounce and that no reader understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotUnderstood {
    /// Where it lies.
    pub source: Source,
    /// Its Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// Its Date, else the INTERNALDATE.
    pub bounced_at: Option<Timestamp>,
    /// What it looks like; `None` where an earlier version recorded the mail and kept its place alone.
    pub shape: Option<Shape>,
}

/// What a mail looks like, the same for all mails that one program writes, and without anything of a person in it:
/// addresses, names, numbers and the subjects of others are left out or stand as `<address>`, `<name>`, `<n>`, `<text>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// What makes it look like a bounce, each sign once.
    pub signs: Vec<Sign>,
    /// The role that its From names, such as `mailer-daemon`; `None` where it names none.
    pub from: Option<String>,
    /// Its Subject, without what is not the program's own.
    pub subject: Option<String>,
    /// The program that its X-Mailer or User-Agent names.
    pub mailer: Option<String>,
    /// Its parts: `multipart/report; report-type=feedback-report (text/plain, message/feedback-report)`.
    pub parts: String,
}

/// An outer sign of a bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// `Return-Path: <>` (RFC 5321 §4.5.5).
    NullSender,
    /// It is from MAILER-DAEMON or another address that mail servers write bounces under.
    Daemon,
    /// `multipart/report` of a delivery report or a kind that has no other use (RFC 6522).
    Report,
    /// `X-Failed-Recipients` (Exim, Gmail).
    FailedRecipients,
}
