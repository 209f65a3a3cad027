//! The closed sets of words that events are written in.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

/// Why a mail failed. The names are the Sisimai project's reasons in kebab-case; the last two are ours.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the words are documented at https://libsisimai.org/en/reason/"
)]
pub enum Reason {
    AuthFailure,
    BadReputation,
    Blocked,
    ContentError,
    EmailTooLarge,
    ExceedLimit,
    Expired,
    FailedStarttls,
    Feedback,
    Filtered,
    HasMoved,
    HostUnknown,
    MailboxFull,
    MailerError,
    NetworkError,
    NoRelaying,
    NotAccept,
    #[serde(rename = "not-compliant-rfc")]
    #[strum(serialize = "not-compliant-rfc")]
    NotCompliantRfc,
    OnHold,
    PolicyViolation,
    RateLimited,
    Rejected,
    RequirePtr,
    SecurityError,
    SpamDetected,
    Suppressed,
    Suspend,
    SyntaxError,
    SystemError,
    SystemFull,
    Undefined,
    UserUnknown,
    Vacation,
    VirusDetected,
    /// A deferral that only asks to come again later.
    Greylisted,
    /// The receiver's own check failed; nobody lists us.
    ReceiverFault,
}

impl Reason {
    /// Whether the sending address was refused, so that the event belongs in a group even where it names no address.
    #[must_use]
    pub fn is_block(self) -> bool {
        matches!(
            self,
            Self::Blocked | Self::BadReputation | Self::RequirePtr | Self::RateLimited | Self::ReceiverFault
        )
    }
}

/// What became of the mail (RFC 3464 §2.3.3).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not yet delivered; the sender goes on trying.
    Delayed,
    /// Arrived.
    Delivered,
    /// Handed to a host that makes no reports.
    Relayed,
    /// Handed to several addresses behind the recipient's.
    Expanded,
}

/// What wrote a bounce: the mail server whose text was recognised, else the kind of report.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Format {
    /// A delivery status report whose writer is not recognised.
    Rfc3464,
    /// Postfix and what is built on it.
    Postfix,
    /// qmail and its children.
    Qmail,
    /// sendmail and what copies its transcript.
    Sendmail,
    /// Exim.
    Exim,
    /// Exchange and Microsoft 365.
    Exchange,
    /// Gmail and Google Workspace.
    Gmail,
    /// OpenSMTPD.
    Opensmtpd,
    /// Courier.
    Courier,
    /// dma, the DragonFly Mail Agent.
    Dma,
    /// Domino and Notes.
    Domino,
    /// A notification of Amazon SES.
    Ses,
    /// A feedback report (RFC 5965): a user called the mail spam.
    Arf,
    /// A person's automatic answer (RFC 3834).
    AutoReply,
    /// Looks like a bounce and holds a recipient, but no reader knows its writer.
    Generic,
}

/// The SMTP command that a reply answered (RFC 5321 §4.1.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    EnumIter,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive)]
pub enum SmtpCommand {
    /// None yet: the reply was the greeting, or there was no connection.
    Conn,
    /// `HELO`.
    Helo,
    /// `EHLO`.
    Ehlo,
    /// `LHLO` (RFC 2033).
    Lhlo,
    /// `STARTTLS` (RFC 3207).
    Starttls,
    /// `AUTH` (RFC 4954).
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA` or the end of it.
    Data,
    /// `BDAT` (RFC 3030).
    Bdat,
    /// `RSET`.
    Rset,
    /// `QUIT`.
    Quit,
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use crate::event::Reason;

    #[test]
    fn a_reason_is_the_same_word_in_json_and_in_text() {
        for reason in Reason::iter() {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
            assert_eq!(reason.to_string().parse(), Ok(reason));
        }
    }
}
