//! Tests: a server in the same process that does what real ones were seen to do, and what they will not do on demand. Whatever
//! it does, each mail is either delivered or told of.

mod going_on;
mod login;
mod mails;
mod script;
mod server;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::event::Position;

use super::account::{Account, Scope};
use super::batch::Tally;
use super::error::Error;
use super::imap::Inbox;
use super::login::Secret;
use super::settings::{Settings, Tls};
use super::tls::{Unconnected, Wire};

use script::Script;
use server::Server;

/// The way to a server, in place of the network.
#[derive(Clone)]
pub(super) struct Dial(Arc<Server>);

impl Dial {
    fn to(server: &Arc<Server>) -> Self {
        Self(Arc::clone(server))
    }

    pub(super) fn connect(&self) -> Result<Wire, Unconnected> {
        let before = self.0.connected();
        if before >= self.0.script().accepted {
            return Err(Unconnected::Refused {
                at: "mail.example.jp:143".to_owned(),
                why: io::ErrorKind::ConnectionRefused.into(),
            });
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let server = Arc::clone(&self.0);
        tokio::spawn(async move { server.serve(far, before).await });
        Ok(Wire::Memory(near))
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial")
    }
}

/// Reads an account from a server; `change` says what differs from the usual settings.
async fn opened(
    server: &Arc<Server>,
    change: impl FnOnce(&mut Settings, &mut Scope),
    positions: Vec<Position>,
) -> Result<Inbox, Error> {
    let mut settings = Settings {
        host: Some("mail.example.jp".to_owned()),
        user: Some("postmaster".to_owned()),
        tls: Some(Tls::None),
        folders: vec!["INBOX".to_owned(), "Junk".to_owned()],
        ..Settings::default()
    };
    let mut scope = Scope {
        since: None,
        full: false,
        may_be: |header| header.starts_with(b"From: MAILER-DAEMON"),
    };
    change(&mut settings, &mut scope);
    let mut account = Account::with(settings, Secret::new("hunter2"))?;
    account.dial = Some(Dial::to(server));
    account.open(scope, positions).await
}

#[derive(Debug, Default)]
struct Outcome {
    tally: Tally,
    total: u64,
    batches: usize,
    gaps: Vec<String>,
    /// Mails read whole, and heads.
    mails: Vec<String>,
    /// The most bytes of a batch.
    bytes: usize,
    positions: Vec<Position>,
    connections: usize,
    logins: usize,
}

/// Reads to the end. Each UID must be counted exactly once, and no mail come twice.
async fn drained(server: &Server, mut inbox: Inbox) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(batch) = inbox.next_batch().await {
        let mails = || batch.messages.iter().chain(&batch.heads);
        outcome.batches += 1;
        outcome.gaps.extend(batch.gaps.iter().map(ToString::to_string));
        outcome.mails.extend(mails().map(|mail| mail.source.to_string()));
        outcome.bytes = outcome.bytes.max(mails().map(|mail| mail.bytes.len()).sum());
        if let Some(position) = batch.position {
            outcome.positions.retain(|known| known.folder != position.folder);
            outcome.positions.push(position);
        }
        outcome.tally += batch.tally;
    }
    outcome.total = inbox.total();
    outcome.connections = server.connections();
    outcome.logins = server.logins();
    assert!(inbox.next_batch().await.is_none());
    assert_eq!(outcome.tally, inbox.tally());
    assert_eq!(
        outcome.tally.asked(),
        outcome.total,
        "each UID is counted once: {outcome:?}"
    );
    let different: BTreeSet<_> = outcome.mails.iter().collect();
    assert_eq!(
        different.len(),
        outcome.mails.len(),
        "no mail comes twice: {outcome:?}"
    );
    outcome
}

async fn read(script: Script) -> Outcome {
    let server = Server::of(script);
    let inbox = opened(&server, |_, _| {}, Vec::new()).await.unwrap();
    drained(&server, inbox).await
}

/// Up to which UID a folder is accounted for.
fn reached(outcome: &Outcome, folder: &str) -> Option<u32> {
    let position = outcome
        .positions
        .iter()
        .find(|position| position.folder.folder == folder)?;
    Some(position.last_uid.unwrap().0.get())
}

/// Which UIDs before that the next run tries again.
fn missed(outcome: &Outcome, folder: &str) -> Vec<u32> {
    let of_folder = outcome
        .positions
        .iter()
        .filter(|position| position.folder.folder == folder);
    of_folder
        .flat_map(|position| position.unread.iter().map(|uid| uid.0.get()))
        .collect()
}

/// The UIDs that came from a folder.
fn uids(outcome: &Outcome, folder: &str) -> BTreeSet<u32> {
    let of_folder = outcome.mails.iter().filter(|source| source.contains(folder));
    of_folder
        .map(|source| source.rsplit('=').next().unwrap().parse().unwrap())
        .collect()
}
