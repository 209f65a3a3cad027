//! From nothing to a connection that is logged in: connect, TLS, greeting, capabilities, login.

use std::net::IpAddr;
use std::time::Duration;

use async_imap::imap_proto::Status;
use tokio::net::TcpStream;

use super::account::Account;
use super::command::Conn;
use super::error::Error;
use super::fault::Fault;
use super::fetch::HEAD_BYTES;
use super::guard::{Deadline, Guard};
use super::login::{Capabilities, login};
use super::settings::{Settings, Tls};
use super::tls::{Trust, Wire, connect, encrypt};

const SILENCE: Duration = Duration::from_secs(30);
/// So many times longer the server may be silent while it opens a folder.
const OPENING: u32 = 10;
/// A server that sends a byte now and then would else hold a run for ever. What was left the next run reads.
const TOTAL: Duration = Duration::from_secs(6 * 60 * 60);
const MAX_MESSAGE_BYTES: u32 = 4 * 1024 * 1024;
/// RFC822.SIZE is an estimate on Exchange unless EnableExactRFC822Size is set: so many times as much is let through.
const SIZE_SLACK: u64 = 2;
const LEAST_LITERAL_CAP: u64 = 1024 * 1024;

/// How long is waited, and how much is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For the greeting.
    pub(super) greeting: Duration,
    /// Between two bytes of the server later on.
    pub(super) silence: Duration,
    /// The same from opening a folder to its first mails: over a Maildir of 100,000 that nobody but us had opened Dovecot 2.3
    /// was seen to say nothing for minutes, at EXAMINE and at the first FETCH. Who comes again instead of waiting has it
    /// do the same work twice.
    pub(super) opening: Duration,
    /// For all of it.
    pub(super) total: Duration,
    /// Of a longer mail only the head is read.
    pub(super) max_message_bytes: u32,
    /// Mails that are held at a time.
    pub(super) batch_mails: usize,
    /// Bytes of mails that are held at a time.
    pub(super) batch_bytes: u64,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            greeting: Duration::from_secs(15),
            silence: settings.timeout.unwrap_or(SILENCE),
            opening: settings.timeout.unwrap_or(SILENCE).saturating_mul(OPENING),
            total: settings.max_time.unwrap_or(TOTAL),
            max_message_bytes: settings
                .max_message_size
                .unwrap_or(MAX_MESSAGE_BYTES)
                .max(HEAD_BYTES),
            // Fewer make a Dovecot that never saw a SELECT look through its Maildir more often than it reads mails.
            batch_mails: 1000,
            batch_bytes: 4 * 1024 * 1024,
        }
    }

    fn max_literal_bytes(self) -> u64 {
        (u64::from(self.max_message_bytes) * SIZE_SLACK).max(LEAST_LITERAL_CAP)
    }

    /// What a part may come to at most.
    pub(super) fn shelf_bytes(self) -> u64 {
        self.batch_bytes
            .saturating_add(self.max_message_bytes.into())
            .saturating_mul(SIZE_SLACK)
    }
}

/// Host, port, user and whether TLS begins with the first byte.
#[derive(Clone, Debug)]
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) user: &'a str,
    pub(super) tls: Tls,
}

impl<'a> Server<'a> {
    /// # Errors
    /// When the settings lack the host or the user.
    pub(super) fn of(settings: &'a Settings) -> Result<Self, Error> {
        let tls = settings.tls.unwrap_or_default();
        let default_port = match tls {
            Tls::Implicit => 993,
            Tls::Starttls | Tls::None => 143,
        };
        Ok(Self {
            host: settings
                .host
                .as_deref()
                .filter(|host| !host.is_empty())
                .ok_or(Error::NoHost)?,
            port: settings.port.unwrap_or(default_port),
            user: settings
                .user
                .as_deref()
                .filter(|user| !user.is_empty())
                .ok_or(Error::NoUser)?,
            tls,
        })
    }

    pub(super) fn at(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Account {
    /// Logs in.
    pub(super) async fn log_in(&self, deadline: Option<Deadline>) -> Result<(Conn, Capabilities), Error> {
        let server = Server::of(&self.settings)?;
        let mut capabilities = Capabilities::default();
        let (mut conn, status) = self.greeted(&server, deadline, &mut capabilities).await?;
        conn.guard().silence = self.limits.silence;
        if !capabilities.is_known() {
            capability(&mut conn, &server, &mut capabilities).await?;
        }
        if status != Status::PreAuth {
            if capabilities.has("LOGINDISABLED") && !capabilities.has("AUTH=PLAIN") {
                return Err(Error::LoginDisabled { at: server.at() });
            }
            let logged_in = login(&mut conn, &mut capabilities, server.user, &self.secret).await;
            logged_in.map_err(|fault| Error::Login {
                at: server.at(),
                user: server.user.to_owned(),
                hint: login_hint(&fault, &capabilities),
                fault,
            })?;
        }
        introduce(&mut conn, &server, &capabilities).await?;
        Ok((conn, capabilities))
    }

    /// Connects up to the point where a password may be sent; PREAUTH when none is needed.
    async fn greeted(
        &self,
        server: &Server<'_>,
        deadline: Option<Deadline>,
        capabilities: &mut Capabilities,
    ) -> Result<(Conn, Status), Error> {
        let limits = self.limits;
        let guarded = |wire| {
            Conn::new(Guard::new(
                wire,
                limits.max_literal_bytes(),
                limits.greeting,
                deadline,
            ))
        };
        #[cfg(test)]
        if let Some(dial) = &self.dial {
            let mut conn = guarded(dial.connect()?);
            let status = greeting(&mut conn, server, capabilities).await?;
            return Ok((conn, status));
        }
        let (tcp, address) = connect(server.host, server.port).await?;
        if server.tls == Tls::None && !self.settings.allow_plaintext && !is_loopback(address.ip()) {
            return Err(Error::Plaintext {
                host: server.host.to_owned(),
            });
        }
        let wire = match server.tls {
            Tls::Implicit => self.encrypted(tcp, server).await?,
            Tls::Starttls | Tls::None => Wire::Plain(tcp),
        };
        let mut conn = guarded(wire);
        let status = greeting(&mut conn, server, capabilities).await?;
        if server.tls != Tls::Starttls {
            return Ok((conn, status));
        }
        if status == Status::PreAuth {
            return Err(Error::Preauth { at: server.at() });
        }
        let at = server.at();
        match conn.command("STARTTLS", |_untagged| {}).await {
            Ok(()) => {}
            Err(Fault::No { .. } | Fault::Bad(_)) => return Err(Error::NoStarttls { at }),
            Err(fault) => {
                return Err(Error::Command {
                    at,
                    command: "STARTTLS",
                    fault,
                });
            }
        }
        // What was said in the clear counts for nothing now (RFC 9051 §6.2.1).
        *capabilities = Capabilities::default();
        match conn.into_wire() {
            Some(Wire::Plain(tcp)) => Ok((guarded(self.encrypted(tcp, server).await?), status)),
            _ => Err(Error::Injected { at }),
        }
    }

    async fn encrypted(&self, tcp: TcpStream, server: &Server<'_>) -> Result<Wire, Error> {
        let trust = Trust {
            ca_file: self.settings.ca_file.as_deref(),
            fingerprint: self.settings.tls_fingerprint,
        };
        Ok(encrypt(tcp, server.host, server.port, trust).await?)
    }
}

async fn greeting(
    conn: &mut Conn,
    server: &Server<'_>,
    capabilities: &mut Capabilities,
) -> Result<Status, Error> {
    let status = conn.greeting(|answer| capabilities.learn(answer)).await;
    status.map_err(|fault| Error::Greeting {
        at: server.at(),
        hint: match (&fault, server.tls) {
            (Fault::Timeout(_) | Fault::Lost, Tls::Starttls | Tls::None) => {
                "; on port 993, use --tls implicit"
            }
            _ => "",
        },
        fault,
    })
}

async fn capability(
    conn: &mut Conn,
    server: &Server<'_>,
    capabilities: &mut Capabilities,
) -> Result<(), Error> {
    let asked = conn
        .command("CAPABILITY", |answer| capabilities.learn(answer))
        .await;
    asked.map_err(|fault| Error::Command {
        at: server.at(),
        command: "CAPABILITY",
        fault,
    })
}

/// Some providers open no folder for a client that has not said its name (163.com: `SELECT Unsafe Login`; RFC 2971).
async fn introduce(conn: &mut Conn, server: &Server<'_>, capabilities: &Capabilities) -> Result<(), Error> {
    if !capabilities.has("ID") {
        return Ok(());
    }
    match conn
        .command("ID (\"name\" \"bounceaudit\")", |_untagged| {})
        .await
    {
        Ok(()) => Ok(()),
        Err(fault) if fault.is_usable_after() => {
            tracing::debug!(%fault, "ID was refused");
            Ok(())
        }
        Err(fault) => Err(Error::Command {
            at: server.at(),
            command: "ID",
            fault,
        }),
    }
}

fn login_hint(fault: &Fault, capabilities: &Capabilities) -> &'static str {
    match fault {
        Fault::No { code, .. } => match code.as_deref() {
            // Exchange Online offers PLAIN and has refused every password since 2022 (parsedmarc #111).
            None | Some("AUTHENTICATIONFAILED") if capabilities.has("AUTH=XOAUTH2") => {
                "; check user name (often the whole address) and password: Gmail and Yahoo want an app password here, \
                 Microsoft 365 takes none at all (OAuth 2.0 alone, which this version does not speak)"
            }
            None | Some("AUTHENTICATIONFAILED") => {
                "; check user name (often the whole address) and password (some providers ask for an app password)"
            }
            Some("UNAVAILABLE" | "INUSE" | "LIMIT") => "; try again later",
            Some(_) => "",
        },
        _ => "",
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::{Limits, Settings};

    /// The documented batch size of another tool was 10, and nothing was read: the default was 0 (parsedmarc #463).
    #[test]
    fn the_defaults_are_those_that_the_help_names() {
        let command = Settings::augment_args(clap::Command::new("scan"));
        let help = |name: &str| {
            let option = command
                .get_arguments()
                .find(|argument| argument.get_long() == Some(name));
            option.unwrap().get_help().unwrap().to_string()
        };
        let limits = Limits::of(&Settings::default());
        let span = |span| humantime::format_duration(span).to_string();
        for (option, default) in [
            ("timeout", span(limits.silence)),
            ("max-time", span(limits.total)),
            ("max-message-size", limits.max_message_bytes.to_string()),
        ] {
            assert!(
                help(option).contains(&format!("[default: {default}")),
                "{option}: {default}"
            );
        }
        assert_eq!(limits.opening, limits.silence * 10);
        assert!(help("timeout").contains("ten times as long"));
    }
}
