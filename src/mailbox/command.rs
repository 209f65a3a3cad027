//! One way to talk to an IMAP server: a command succeeds when its own tag comes back with OK, and in no other way.
//!
//! async-imap's own methods give an empty or short result where the server refused, said BYE or closed the connection in the
//! middle (chatmail/async-imap #95), so that only its stream and its parser are used. Commands are written here rather than by
//! its `Session`, for that exists only after the login, and its trace log would hold the password.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Outcome, Response, ResponseCode, Status};
use tokio::io::AsyncWriteExt;

use crate::event::UidValidity;

use super::guard::{Guard, Tripped};
use super::tls::{self, Wire};

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
    #[error("the server refused: {text}")]
    No {
        /// The response code, such as `NONEXISTENT` or `AUTHENTICATIONFAILED`.
        code: Option<String>,
        /// Its words.
        text: Text,
    },
    /// The server did not accept the command (RFC 9051 §7.1.3).
    #[error("the server did not accept the command: {0}")]
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

/// The tag of a command that was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(String);

/// An answer by what it means for the commands under way.
enum Answer {
    /// With its status where it is an `OK` or `PREAUTH`.
    Untagged(Option<Status>),
    Done(Tag, Result<(), Fault>),
    Continue,
    Bye(Text),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    client: Client<Guard>,
    sent: u64,
    received: u64,
    /// Outcomes that came while another command was waited for.
    done: BTreeMap<Tag, Result<(), Fault>>,
    open: Vec<Tag>,
    dead: bool,
    /// The server has asked for a slower pace with its last OK.
    hurried: bool,
    /// That of the folder that is open.
    pub(super) uid_validity: Option<UidValidity>,
}

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
    /// Whether the connection can still be used after it.
    pub(super) fn is_usable_after(&self) -> bool {
        matches!(
            self,
            Self::No { .. } | Self::Bad(_) | Self::Unusable(_) | Self::Overfull(_)
        )
    }

    /// Whether the server asks to be asked more slowly, or later: whatever the command was, it is not to blame.
    pub(super) fn is_throttling(&self) -> bool {
        self.ordered_pause().is_some() || self.has_code(&["THROTTLED", "LIMIT", "INUSE"])
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

impl Conn {
    pub(super) fn new(guard: Guard) -> Self {
        Self {
            client: Client::new(guard),
            sent: 0,
            received: 0,
            done: BTreeMap::new(),
            open: Vec::new(),
            dead: false,
            hurried: false,
            uid_validity: None,
        }
    }

    /// Whether the server has asked for a slower pace since this was last looked at.
    pub(super) fn take_hurried(&mut self) -> bool {
        std::mem::take(&mut self.hurried)
    }

    /// The guard, to set its limits.
    pub(super) fn guard(&mut self) -> &mut Guard {
        self.client.get_mut()
    }

    /// The connection below, for STARTTLS; `None` when the server has sent more than was asked for.
    pub(super) fn into_wire(self) -> Option<Wire> {
        self.client.into_inner().into_wire(self.received)
    }

    /// The first answer of all; whether the server takes us for logged in already (PREAUTH).
    pub(super) async fn greeting(&mut self, mut on: impl FnMut(&Response<'_>)) -> Result<Status, Fault> {
        let answer = self.receive(&mut on).await?;
        match answer {
            Answer::Untagged(Some(Status::Ok)) => Ok(Status::Ok),
            Answer::Untagged(Some(Status::PreAuth)) => Ok(Status::PreAuth),
            Answer::Bye(text) => Err(self.die(Fault::Bye(text))),
            Answer::Untagged(_) | Answer::Done(..) | Answer::Continue => Err(self.die(Fault::Protocol)),
        }
    }

    /// Sends a command and hands each untagged answer to `on` until it is done.
    pub(super) async fn command(&mut self, text: &str, on: impl FnMut(&Response<'_>)) -> Result<(), Fault> {
        let tag = self.send(text).await?;
        self.finish(&tag, on).await
    }

    /// Sends a command; `finish` waits for its end.
    pub(super) async fn send(&mut self, text: &str) -> Result<Tag, Fault> {
        self.sent += 1;
        let tag = Tag(format!("b{}", self.sent));
        self.write(format!("{} {text}\r\n", tag.0)).await?;
        self.open.push(tag.clone());
        Ok(tag)
    }

    /// Waits for a command's end.
    pub(super) async fn finish(&mut self, tag: &Tag, mut on: impl FnMut(&Response<'_>)) -> Result<(), Fault> {
        loop {
            if let Some(outcome) = self.done.remove(tag) {
                return outcome;
            }
            let answer = self.receive(&mut on).await?;
            self.sort(answer)?;
        }
    }

    /// Waits until the server asks for the rest of a command and gives it.
    pub(super) async fn go_on(
        &mut self,
        tag: &Tag,
        rest: String,
        mut on: impl FnMut(&Response<'_>),
    ) -> Result<(), Fault> {
        loop {
            if let Some(outcome) = self.done.remove(tag) {
                outcome?;
                return Err(self.die(Fault::Protocol));
            }
            match self.receive(&mut on).await? {
                Answer::Continue => return self.write(rest + "\r\n").await,
                answer => self.sort(answer)?,
            }
        }
    }

    fn sort(&mut self, answer: Answer) -> Result<(), Fault> {
        match answer {
            Answer::Untagged(_) => Ok(()),
            Answer::Done(tag, outcome) => {
                let Some(at) = self.open.iter().position(|open| *open == tag) else {
                    return Err(self.die(Fault::Protocol));
                };
                self.done.insert(self.open.swap_remove(at), outcome);
                Ok(())
            }
            Answer::Bye(text) => Err(self.die(Fault::Bye(text))),
            Answer::Continue => Err(self.die(Fault::Protocol)),
        }
    }

    /// Reads one answer; what is no BYE goes to `on`.
    async fn receive(&mut self, on: &mut impl FnMut(&Response<'_>)) -> Result<Answer, Fault> {
        if self.dead {
            return Err(Fault::Lost);
        }
        match self.client.read_response().await {
            Ok(Some(response)) => {
                self.received += 1;
                let answer = sorted(response.parsed());
                self.hurried |= is_hurried(response.parsed());
                let renumbered = uid_validity_of(response.parsed())
                    .is_some_and(|said| self.uid_validity.is_some_and(|known| known.0.get() != said));
                if renumbered {
                    return Err(self.die(Fault::Renumbered));
                }
                if !matches!(answer, Answer::Bye(_)) {
                    on(response.parsed());
                }
                Ok(answer)
            }
            Ok(None) => Err(self.die(Fault::Lost)),
            Err(error) => Err(self.die(fault_of(&error))),
        }
    }

    /// In one piece: async-imap writes tag, space, text and line end as four packets.
    async fn write(&mut self, line: String) -> Result<(), Fault> {
        if self.dead {
            return Err(Fault::Lost);
        }
        let guard = self.client.get_mut();
        let written = match guard.write_all(line.as_bytes()).await {
            Ok(()) => guard.flush().await,
            Err(error) => Err(error),
        };
        written.map_err(|error| self.die(fault_of(&error)))
    }

    fn die(&mut self, fault: Fault) -> Fault {
        self.dead = true;
        fault
    }
}

fn sorted(response: &Response<'_>) -> Answer {
    match response {
        Response::Done { tag, status, outcome } => {
            let end = match status {
                Status::Ok => Ok(()),
                Status::No => Err(Fault::No {
                    code: code_of(outcome),
                    text: text_of(outcome),
                }),
                Status::Bad => Err(Fault::Bad(text_of(outcome))),
                // RFC 9051 §9 has no such tagged answer.
                Status::PreAuth | Status::Bye => Err(Fault::Protocol),
            };
            Answer::Done(Tag(tag.0.clone()), end)
        }
        Response::Data { status, outcome } => match status {
            Status::Bye => Answer::Bye(text_of(outcome)),
            Status::Ok => Answer::Untagged(Some(Status::Ok)),
            Status::PreAuth => Answer::Untagged(Some(Status::PreAuth)),
            Status::No | Status::Bad => Answer::Untagged(None),
        },
        Response::Continue(_) => Answer::Continue,
        // The enum is the parser's and open: everything else is untagged data for the caller.
        _ => Answer::Untagged(None),
    }
}

/// async-imap gives a parse error, whose text is the whole buffer, as an error of kind `Other`.
fn fault_of(error: &io::Error) -> Fault {
    let inner = error.get_ref();
    if let Some(tripped) = inner.and_then(|inner| inner.downcast_ref::<Tripped>()) {
        return match tripped {
            Tripped::Silence(silence) => Fault::Timeout(*silence),
            Tripped::Deadline(given) => Fault::OutOfTime(*given),
            Tripped::Literal { .. } | Tripped::Line(_) => Fault::TooBig(tripped.to_string()),
        };
    }
    if let Some(text) = tls::failure(error) {
        return Fault::Tls(text);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Fault::Lost,
        io::ErrorKind::Other => Fault::Protocol,
        kind => Fault::Broken(kind),
    }
}

fn text_of(outcome: &Outcome<'_>) -> Text {
    Text::new(outcome.information.as_deref().unwrap_or_default())
}

/// `* OK [UIDVALIDITY 8] UIDs valid`: it belongs to EXAMINE, and in any other place it may be another's mail that comes next.
fn uid_validity_of(response: &Response<'_>) -> Option<u32> {
    match response {
        Response::Data { outcome, .. } => match outcome.code {
            Some(ResponseCode::UidValidity(validity)) => Some(validity),
            _ => None,
        },
        _ => None,
    }
}

/// `b7 OK Success [THROTTLED]` (Gmail, node-imap #593)
fn is_hurried(response: &Response<'_>) -> bool {
    match response {
        Response::Done {
            status: Status::Ok,
            outcome,
            ..
        } => outcome
            .information
            .as_deref()
            .is_some_and(|text| text.contains("[THROTTLED]")),
        _ => false,
    }
}

fn code_of(outcome: &Outcome<'_>) -> Option<String> {
    leading_code(outcome.information.as_deref()?)
}

/// imap-proto leaves codes that it does not know in the text: `[AUTHENTICATIONFAILED] Authentication failed.` (Dovecot 2.3).
fn leading_code(text: &str) -> Option<String> {
    let code = text.strip_prefix('[')?.split([']', ' ']).next()?;
    (!code.is_empty()).then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, Text};

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
