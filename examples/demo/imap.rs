//! An IMAP server over TLS for one account, on loopback, inside this process.
//!
//! The grammar of both directions is imap-codec's; here is only what the commands do (RFC 3501 §6), as far as a
//! reader of mail needs them. Nothing can be changed: no STORE, no APPEND, and SELECT opens as EXAMINE does.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;

use imap_codec::encode::Encoder;
use imap_codec::fragmentizer::{FragmentInfo, Fragmentizer, LiteralAnnouncement};
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::auth::{AuthMechanism, AuthenticateData};
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::core::{Atom, LiteralMode, QuotedChar, Tag, Vec1};
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;
use imap_codec::imap_types::flag::{Flag, FlagNameAttribute};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox as Name};
use imap_codec::imap_types::response::{
    Capability, Code, CommandContinuationRequest, Data, Greeting, Response, Status, StatusKind,
};
use imap_codec::imap_types::sequence::SequenceSet;
use imap_codec::{AuthenticateDataCodec, CommandCodec, GreetingCodec, ResponseCodec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::mailbox::{Folder, Mailbox};

const MAX_COMMAND_BYTES: u32 = 64 * 1024;

/// Who may log in.
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Serves the mailbox to whoever connects, until it is dropped.
///
/// # Errors
/// When the listener fails; a client that goes away or talks nonsense ends its own session alone.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    account: Arc<Account>,
    mailbox: Arc<Mailbox>,
) -> io::Result<()> {
    let mut sessions = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await?;
        let (tls, account, mailbox) = (tls.clone(), Arc::clone(&account), Arc::clone(&mailbox));
        sessions.spawn(async move {
            client.set_nodelay(true)?;
            Session {
                stream: tls.accept(client).await?,
                lines: Fragmentizer::new(MAX_COMMAND_BYTES),
                state: State::Stranger,
                account,
                mailbox,
            }
            .run()
            .await
        });
        while sessions.try_join_next().is_some() {}
    }
}

struct Session {
    stream: TlsStream<TcpStream>,
    lines: Fragmentizer,
    state: State,
    account: Arc<Account>,
    mailbox: Arc<Mailbox>,
}

#[derive(Clone, Copy)]
enum State {
    Stranger,
    Known,
    /// In the folder of this number.
    Inside(usize),
}

/// How a command ended: the tagged line.
struct Outcome(StatusKind, Option<Code<'static>>, &'static str);

const DONE: Outcome = Outcome(StatusKind::Ok, None, "done");

impl Session {
    async fn run(mut self) -> io::Result<()> {
        let greeting =
            Greeting::ok(Some(Code::Capability(capabilities())), "demo server ready").map_err(other)?;
        self.stream
            .write_all(&GreetingCodec::default().encode(&greeting).dump())
            .await?;
        self.stream.flush().await?;
        while let Some(command) = self.next_command().await? {
            let last = matches!(command.body, CommandBody::Logout);
            let Outcome(kind, code, text) = self.obey(command.body).await?;
            self.send(Response::Status(
                Status::new(Some(command.tag), kind, code, text).map_err(other)?,
            ))
            .await?;
            self.stream.flush().await?;
            if last {
                return self.stream.shutdown().await;
            }
        }
        Ok(())
    }

    /// The next command; `None` when the client has gone. What is no command is answered with BAD.
    async fn next_command(&mut self) -> io::Result<Option<Command<'static>>> {
        while self.next_line().await? {
            match self.lines.decode_message(&CommandCodec::default()) {
                Ok(command) => return Ok(Some(command.into_static())),
                Err(_) => {
                    let tag = self.lines.decode_tag().map(IntoStatic::into_static);
                    self.send(bad(tag)?).await?;
                    self.stream.flush().await?;
                }
            }
        }
        Ok(None)
    }

    /// Reads one line with its literals; false when the client has gone.
    async fn next_line(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        loop {
            match self.lines.progress() {
                None => match self.stream.read(&mut bytes).await? {
                    0 => return Ok(false),
                    length => self.lines.enqueue_bytes(bytes.get(..length).unwrap_or_default()),
                },
                Some(FragmentInfo::Line {
                    announcement:
                        Some(LiteralAnnouncement {
                            mode: LiteralMode::Sync,
                            ..
                        }),
                    ..
                }) => self.go_ahead("go ahead").await?,
                Some(_) if self.lines.is_message_complete() => return Ok(true),
                Some(_) => {}
            }
        }
    }

    async fn go_ahead(&mut self, text: &'static str) -> io::Result<()> {
        let request = CommandContinuationRequest::basic(None, text).map_err(other)?;
        self.send(Response::CommandContinuationRequest(request)).await?;
        self.stream.flush().await
    }

    async fn send(&mut self, response: Response<'_>) -> io::Result<()> {
        self.stream
            .write_all(&ResponseCodec::default().encode(&response).dump())
            .await
    }

    async fn obey(&mut self, body: CommandBody<'static>) -> io::Result<Outcome> {
        match (body, self.state) {
            (CommandBody::Capability, _) => self.tell(Data::Capability(capabilities())).await,
            (CommandBody::Noop | CommandBody::Check, _) => Ok(DONE),
            (CommandBody::Id { .. }, _) => self.tell(Data::Id { parameters: None }).await,
            (CommandBody::Logout, _) => {
                self.send(Response::Status(
                    Status::bye(None, "until next time").map_err(other)?,
                ))
                .await?;
                Ok(DONE)
            }
            (CommandBody::Login { username, password }, State::Stranger) => {
                Ok(self.log_in(username.as_ref(), password.declassify().as_ref()))
            }
            (
                CommandBody::Authenticate {
                    mechanism: AuthMechanism::Plain,
                    initial_response,
                },
                State::Stranger,
            ) => {
                let response = initial_response.map(|response| response.declassify().to_vec());
                self.authenticate(response).await
            }
            (CommandBody::List { mailbox_wildcard, .. }, State::Known | State::Inside(_)) => {
                self.list(&mailbox_wildcard).await
            }
            (
                CommandBody::Examine { mailbox } | CommandBody::Select { mailbox },
                State::Known | State::Inside(_),
            ) => self.examine(&mailbox).await,
            (CommandBody::Close | CommandBody::Unselect, State::Inside(_)) => {
                self.state = State::Known;
                Ok(DONE)
            }
            (CommandBody::Search { criteria, uid, .. }, State::Inside(folder)) => {
                let found = self.folder(folder)?.search(criteria.as_ref(), uid);
                self.tell(Data::Search(found)).await
            }
            (
                CommandBody::Fetch {
                    sequence_set,
                    macro_or_item_names,
                    uid,
                },
                State::Inside(folder),
            ) => self.fetch(folder, &sequence_set, &macro_or_item_names, uid).await,
            _ => Ok(Outcome(StatusKind::Bad, None, "not here, not now")),
        }
    }

    async fn tell(&mut self, data: Data<'_>) -> io::Result<Outcome> {
        self.send(Response::Data(data)).await?;
        Ok(DONE)
    }

    fn log_in(&mut self, user: &[u8], password: &[u8]) -> Outcome {
        if user == self.account.user.as_bytes() && password == self.account.password.as_bytes() {
            self.state = State::Known;
            Outcome(StatusKind::Ok, Some(Code::Capability(capabilities())), "welcome")
        } else {
            Outcome(StatusKind::No, None, "wrong user or password")
        }
    }

    /// AUTHENTICATE PLAIN (RFC 4616): `authorisation NUL user NUL password`, at once (SASL-IR) or on demand.
    async fn authenticate(&mut self, at_once: Option<Vec<u8>>) -> io::Result<Outcome> {
        let response = match at_once {
            Some(response) => response,
            None => {
                let empty = CommandContinuationRequest::base64(&b""[..]);
                self.send(Response::CommandContinuationRequest(empty)).await?;
                self.stream.flush().await?;
                self.next_line().await?;
                match self.lines.decode_message(&AuthenticateDataCodec::default()) {
                    Ok(AuthenticateData::Continue(data)) => data.declassify().to_vec(),
                    Ok(AuthenticateData::Cancel) | Err(_) => {
                        return Ok(Outcome(StatusKind::Bad, None, "cancelled"));
                    }
                }
            }
        };
        let mut parts = response.split(|byte| *byte == 0).skip(1);
        let (user, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Ok(self.log_in(user, password))
    }

    async fn list(&mut self, pattern: &ListMailbox<'_>) -> io::Result<Outcome> {
        let pattern = match pattern {
            ListMailbox::Token(token) => token.as_ref(),
            ListMailbox::String(string) => string.as_ref(),
        };
        let mailbox = Arc::clone(&self.mailbox);
        let slash = QuotedChar::try_from('/').map_err(other)?;
        for folder in mailbox
            .folders
            .iter()
            .filter(|folder| matches(pattern, folder.name.as_bytes()))
        {
            let mark = folder
                .special_use
                .map(Atom::try_from)
                .transpose()
                .map_err(other)?;
            let items = mark.into_iter().map(FlagNameAttribute::from).collect();
            let mailbox = Name::try_from(folder.name.as_str()).map_err(other)?;
            self.send(Response::Data(Data::List {
                items,
                delimiter: Some(slash),
                mailbox,
            }))
            .await?;
        }
        Ok(DONE)
    }

    async fn examine(&mut self, name: &Name<'_>) -> io::Result<Outcome> {
        let wanted = match name {
            Name::Inbox => "INBOX",
            Name::Other(other) => std::str::from_utf8(other.as_ref()).unwrap_or_default(),
        };
        let mailbox = Arc::clone(&self.mailbox);
        let Some(number) = mailbox.folders.iter().position(|folder| folder.name == wanted) else {
            self.state = State::Known;
            return Ok(Outcome(StatusKind::No, None, "no such folder"));
        };
        self.state = State::Inside(number);
        let folder = self.folder(number)?;
        let (count, next) = (folder.count(), folder.uid_next());
        let validity = folder.uid_validity;
        self.tell(Data::Flags(vec![Flag::Seen, Flag::Answered, Flag::Flagged]))
            .await?;
        self.tell(Data::Exists(count)).await?;
        self.tell(Data::Recent(0)).await?;
        for code in [Code::UidValidity(validity), Code::UidNext(next)] {
            let line = Status::ok(None, Some(code), "so it is").map_err(other)?;
            self.send(Response::Status(line)).await?;
        }
        Ok(Outcome(
            StatusKind::Ok,
            Some(Code::ReadOnly),
            "look, but do not touch",
        ))
    }

    async fn fetch(
        &mut self,
        folder: usize,
        set: &SequenceSet,
        asked: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> io::Result<Outcome> {
        let mailbox = Arc::clone(&self.mailbox);
        let folder = mailbox
            .folders
            .get(folder)
            .ok_or_else(|| other("no such folder"))?;
        for (seq, mail) in folder.chosen(set, by_uid) {
            let items = mail.items(asked, by_uid).map_err(other)?;
            self.send(Response::Data(Data::Fetch { seq, items })).await?;
        }
        Ok(DONE)
    }

    fn folder(&self, number: usize) -> io::Result<&Folder> {
        self.mailbox
            .folders
            .get(number)
            .ok_or_else(|| other("no such folder"))
    }
}

fn bad(tag: Option<Tag<'static>>) -> io::Result<Response<'static>> {
    Status::bad(tag, None, "this is no command that I know")
        .map(Response::Status)
        .map_err(other)
}

fn capabilities() -> Vec1<Capability<'static>> {
    let plain = Capability::Auth(AuthMechanism::Plain);
    let all = vec![
        Capability::Imap4Rev1,
        Capability::SaslIr,
        plain,
        Capability::LiteralPlus,
        Capability::Id,
    ];
    Vec1::try_from(all).unwrap_or_else(|_| Vec1::from(Capability::Imap4Rev1))
}

/// `*` matches anything, `%` all but the delimiter (RFC 3501 §6.3.8).
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((wild @ (b'*' | b'%'), rest)) => (0..=name.len())
            .take_while(|taken| *wild == b'*' || !name.get(..*taken).unwrap_or_default().contains(&b'/'))
            .any(|taken| matches(rest, name.get(taken..).unwrap_or_default())),
        Some((letter, rest)) => name
            .split_first()
            .is_some_and(|(first, more)| first == letter && matches(rest, more)),
    }
}

fn other(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(why)
}

/// A number that IMAP allows.
pub(crate) fn number(of: usize) -> NonZeroU32 {
    u32::try_from(of)
        .ok()
        .and_then(NonZeroU32::new)
        .unwrap_or(NonZeroU32::MIN)
}
