//! What an IMAP server did instead of answering OK, and what may be done after it.

use std::fmt;
use std::io;
use std::time::Duration;

use super::sift::Tripped;
use super::tls;

/// A server's words are shown up to here.
const MAX_TEXT_CHARS: usize = 300;

/// What an IMAP server did instead of answering OK.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The connection ended before the answer did.
    #[error("the connection was lost")]
    Lost,
    /// The server said good-bye.
    #[error("the server ended the connection: {0}")]
    Bye(Text),
    /// The server refused (RFC 9051 §7.1.2).
    #[error("the server refused: {text}{remedy}", remedy = remedy(text))]
    No {
        /// The response code, such as `NONEXISTENT` or `AUTHENTICATIONFAILED`.
        code: Option<String>,
        /// Its words.
        text: Text,
    },
    /// The server did not accept the command (RFC 9051 §7.1.3).
    #[error("the server did not accept the command: {0}{remedy}", remedy = remedy(.0))]
    Bad(Text),
    /// The answer is not IMAP as we know it. Its text is kept back: it holds other people's mail.
    #[error("unexpected answer from the server")]
    Protocol,
    /// The server said nothing for so long.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// An answer is larger than anything that was asked for.
    #[error("the server sends {0}")]
    TooBig(String),
    /// All answers together are larger than their sizes given before.
    #[error("the server sent more than {0} bytes where it had announced less")]
    Overfull(u64),
    /// The folder's UIDs are others than they were (RFC 9051 §2.3.1.1).
    #[error("the server numbered the mails anew while they were read")]
    Renumbered,
    /// The time for all of it is over.
    #[error("the time that --max-time allows is over ({})", humantime::format_duration(*.0))]
    OutOfTime(Duration),
    /// TLS failed after it was set up.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server lacks what a reader cannot do without.
    #[error("{0}")]
    Unusable(&'static str),
    /// Reading or writing failed otherwise.
    #[error("the connection failed: {0}")]
    Broken(io::ErrorKind),
}

/// A server's words with their control characters made visible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "(no reason given)"
        } else {
            &self.0
        })
    }
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        let shown = text.trim().chars().take(MAX_TEXT_CHARS);
        Self(
            shown
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect(),
        )
    }
}

impl Fault {
    /// async-imap gives a parse error, whose text is the whole buffer, as an error of kind `Other`.
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(tripped) = inner.and_then(|inner| inner.downcast_ref::<Tripped>()) {
            return match tripped {
                Tripped::Silence(silence) => Self::Timeout(*silence),
                Tripped::Deadline(given) => Self::OutOfTime(*given),
                Tripped::Literal { .. } | Tripped::Line(_) => Self::TooBig(tripped.to_string()),
            };
        }
        if let Some(text) = tls::failure(error) {
            return Self::Tls(text);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Lost,
            io::ErrorKind::Other => Self::Protocol,
            kind => Self::Broken(kind),
        }
    }

    /// Whether the connection can still be used after it.
    pub(super) fn is_usable_after(&self) -> bool {
        matches!(
            self,
            Self::No { .. } | Self::Bad(_) | Self::Unusable(_) | Self::Overfull(_)
        )
    }

    /// Whether the server asks to be asked more slowly, or later: whatever the command was, it is not to blame.
    pub(super) fn is_throttling(&self) -> bool {
        // Gmail means its daily bandwidth by OVERQUOTA: `NO [OVERQUOTA] Account exceeded command or bandwidth limits.`
        self.ordered_pause().is_some() || self.has_code(&["THROTTLED", "LIMIT", "INUSE", "OVERQUOTA"])
    }

    /// Whether the same command may succeed later on (RFC 5530 §3).
    pub(super) fn is_temporary(&self) -> bool {
        self.is_throttling() || self.has_code(&["UNAVAILABLE"])
    }

    /// `NO Request is throttled. Suggested Backoff Time: 299910 milliseconds` (Microsoft 365; seen behind BAD and BYE, too)
    pub(super) fn ordered_pause(&self) -> Option<Duration> {
        let (Self::No { text, .. } | Self::Bad(text) | Self::Bye(text)) = self else {
            return None;
        };
        let lower = text.0.to_ascii_lowercase();
        let (_, after) = lower.split_once("suggested backoff time:")?;
        let digits: String = after
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        Some(Duration::from_millis(digits.parse().ok()?))
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        let code = match self {
            Self::No { code, .. } => code.clone(),
            Self::Bad(text) | Self::Bye(text) => leading_code(&text.0),
            _ => None,
        };
        code.is_some_and(|code| codes.contains(&code.as_str()))
    }
}

/// Microsoft 365 lets somebody in and then refuses every command: `BAD User is authenticated but not connected.` (imapsync #411,
/// MailKit #1494, node-imap #689)
fn remedy(text: &Text) -> &'static str {
    match text.0.contains("authenticated but not connected") {
        true => {
            "; Microsoft means that this user may not open this mailbox: check the user name (a shared mailbox is \
             USER@DOMAIN\\ALIAS) and that IMAP is switched on for it"
        }
        false => "",
    }
}

/// imap-proto leaves codes that it does not know in the text: `[AUTHENTICATIONFAILED] Authentication failed.` (Dovecot 2.3).
pub(super) fn leading_code(text: &str) -> Option<String> {
    let code = text.strip_prefix('[')?.split([']', ' ']).next()?;
    (!code.is_empty()).then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, Text};

    #[test]
    fn what_microsoft_says_after_the_login_is_explained() {
        let said = "User is authenticated but not connected.";
        let told = Fault::Bad(Text::new(said)).to_string();
        assert!(
            told.contains(said) && told.contains(r"USER@DOMAIN\ALIAS"),
            "{told}"
        );
        let other = Fault::Bad(Text::new("Unknown command")).to_string();
        assert!(!other.contains("Microsoft"), "{other}");
    }

    #[test]
    fn a_server_that_wants_a_pause_is_understood() {
        // As Microsoft 365 said it in imapsync #272 and parsedmarc #179.
        let said = "Request is throttled. Suggested Backoff Time: 299910 milliseconds";
        for fault in [
            Fault::No {
                code: None,
                text: Text::new(said),
            },
            Fault::Bad(Text::new(said)),
            Fault::Bye(Text::new(said)),
        ] {
            assert_eq!(fault.ordered_pause(), Some(Duration::from_millis(299_910)));
            assert!(fault.is_throttling());
        }
        for (said, throttling, temporary) in [
            ("[THROTTLED] slow down", true, true),
            ("[LIMIT] too many connections", true, true),
            ("[INUSE] mailbox is locked", true, true),
            // As Gmail said it in ha-email-sensor #16.
            (
                "[OVERQUOTA] Account exceeded command or bandwidth limits.",
                true,
                true,
            ),
            ("[unavailable] FETCH Server error", false, true),
            ("[SERVERBUG] Internal error occurred", false, false),
            ("Suggested Backoff Time: soon", false, false),
            ("", false, false),
        ] {
            let fault = Fault::Bye(Text::new(said));
            assert_eq!(
                (fault.is_throttling(), fault.is_temporary()),
                (throttling, temporary),
                "{said}"
            );
        }
    }
}
