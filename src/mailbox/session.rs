//! From nothing to a connection that is logged in: connect, TLS, greeting, capabilities, login.

use std::net::IpAddr;
use std::time::Duration;

use async_imap::imap_proto::Status;

use super::command::{Conn, Fault};
use super::error::Error;
use super::guard::Guard;
use super::login::{Capabilities, login, password, sendable};
use super::settings::{Settings, Tls};
use super::tls::{Trust, Wire, connect, encrypt};

/// How long is waited, and how much is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For the greeting.
    pub(super) greeting: Duration,
    /// Between two bytes of the server later on.
    pub(super) silence: Duration,
    /// Mails that are held at a time.
    pub(super) batch_mails: usize,
    /// Bytes of mails that are held at a time.
    pub(super) batch_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            // Fewer make a Dovecot that never saw a SELECT look through its Maildir more often than it reads mails.
            batch_mails: 1000,
            batch_bytes: 8 * 1024 * 1024,
        }
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

/// Logs in. No literal may be longer than `max_literal_bytes`.
pub(super) async fn log_in(
    settings: &Settings,
    limits: Limits,
    max_literal_bytes: u64,
) -> Result<(Conn, Capabilities), Error> {
    let server = Server::of(settings)?;
    let secret = password(settings).await?;
    sendable(server.user, &secret)?;
    let guarded = |wire| Conn::new(Guard::new(wire, max_literal_bytes, limits.greeting));
    let mut capabilities = Capabilities::default();
    let (mut conn, status) = greeted(settings, &server, guarded, &mut capabilities).await?;
    conn.guard().silence = limits.silence;
    if !capabilities.is_known() {
        capability(&mut conn, &server, &mut capabilities).await?;
    }
    if status != Status::PreAuth {
        if capabilities.has("LOGINDISABLED") && !capabilities.has("AUTH=PLAIN") {
            return Err(Error::LoginDisabled { at: server.at() });
        }
        let logged_in = login(&mut conn, &mut capabilities, server.user, &secret).await;
        logged_in.map_err(|fault| Error::Login {
            at: server.at(),
            user: server.user.to_owned(),
            hint: login_hint(&fault),
            fault,
        })?;
    }
    introduce(&mut conn, &server, &capabilities).await?;
    Ok((conn, capabilities))
}

/// Connects up to the point where a password may be sent; PREAUTH when none is needed.
async fn greeted(
    settings: &Settings,
    server: &Server<'_>,
    guarded: impl Fn(Wire) -> Conn,
    capabilities: &mut Capabilities,
) -> Result<(Conn, Status), Error> {
    let (tcp, address) = connect(server.host, server.port).await?;
    let trust = Trust {
        ca_file: settings.ca_file.as_deref(),
        fingerprint: settings.tls_fingerprint,
    };
    if server.tls == Tls::None && !settings.allow_plaintext && !is_loopback(address.ip()) {
        return Err(Error::Plaintext {
            host: server.host.to_owned(),
        });
    }
    let wire = match server.tls {
        Tls::Implicit => encrypt(tcp, server.host, server.port, trust).await?,
        Tls::Starttls | Tls::None => Wire::Plain(tcp),
    };
    let mut conn = guarded(wire);
    let status = conn.greeting(|answer| capabilities.learn(answer)).await;
    let status = status.map_err(|fault| Error::Greeting {
        at: server.at(),
        hint: match (&fault, server.tls) {
            (Fault::Timeout(_) | Fault::Lost, Tls::Starttls | Tls::None) => {
                "; on port 993, use --tls implicit"
            }
            _ => "",
        },
        fault,
    })?;
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
        Some(Wire::Plain(tcp)) => {
            let wire = encrypt(tcp, server.host, server.port, trust).await?;
            Ok((guarded(wire), status))
        }
        Some(Wire::Tls(_)) | None => Err(Error::Injected { at }),
    }
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

fn login_hint(fault: &Fault) -> &'static str {
    match fault {
        Fault::No { code, .. } => match code.as_deref() {
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
