//! One way to talk to an IMAP server: a command succeeds when its own tag comes back with OK, and in no other way.
//!
//! async-imap's own methods give an empty or short result where the server refused, said BYE or closed the connection in the
//! middle (chatmail/async-imap #95), so that only its stream and its parser are used. Commands are written here rather than by
//! its `Session`, for that exists only after the login, and its trace log would hold the password.

use std::collections::BTreeMap;

use async_imap::Client;
use async_imap::imap_proto::{Outcome, Response, ResponseCode, Status};
use tokio::io::AsyncWriteExt;

use crate::event::UidValidity;

use super::fault::{Fault, Text, leading_code};
use super::guard::Guard;
use super::tls::Wire;

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
            Err(error) => Err(self.die(Fault::of(&error))),
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
        written.map_err(|error| self.die(Fault::of(&error)))
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
