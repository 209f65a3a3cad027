//! Walks the folders of an IMAP account, batch by batch; each UID asked for is accounted for.

use std::collections::VecDeque;

use crate::event::{FolderRef, Gap, Place, Position, Timestamp};

use super::batch::{Batch, Open};
use super::command::{Conn, Fault};
use super::error::Error;
use super::fetch::{self, HEAD_BYTES};
use super::folders;
use super::session::{Limits, Server, log_in};
use super::settings::{Settings, Tls};

const MAX_MESSAGE_BYTES: u32 = 4 * 1024 * 1024;
/// RFC822.SIZE is an estimate on Exchange unless EnableExactRFC822Size is set: as much more is let through.
const SIZE_SLACK: u64 = 2;
const LEAST_LITERAL_CAP: u64 = 1024 * 1024;
/// UIDs whose header fields are asked for at a time.
const HEADER_WINDOW: usize = 4000;

/// What of a mailbox is read.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Mails that came in more than a day before this are left out.
    pub since: Option<Timestamp>,
    /// Read every folder from its start, whatever was read before.
    pub full: bool,
    /// Whether header fields (a part of the header, as raw bytes) are those of a mail worth reading.
    pub may_be: fn(&[u8]) -> bool,
}

impl Scope {
    /// Whether a folder that was read up to this position lacks nothing that this scope asks for.
    fn goes_on_at(&self, known: &Position) -> bool {
        let reaches_back = match (known.read_since, self.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(read), Some(asked)) => read <= asked,
        };
        // Without a UID there is nothing to go on at: everything would be new, whatever its date.
        reaches_back && known.last_uid.is_some() && !self.full
    }
}

/// An account that is being read.
#[derive(Debug)]
pub struct Inbox {
    conn: Conn,
    account: String,
    folders: Vec<FolderRef>,
    /// Folders still to be opened, with their names on the wire.
    todo: VecDeque<(FolderRef, String)>,
    open: Option<Open>,
    gaps: Vec<Gap>,
    total: u64,
    scope: Scope,
    positions: Vec<Position>,
    max_message_bytes: u32,
    limits: Limits,
    ended: bool,
}

/// Logs in and finds the folders; nothing is read yet.
///
/// # Errors
/// When the server cannot be reached, is not to be trusted, does not let us in, or has none of the folders.
pub async fn open(settings: &Settings, scope: Scope, positions: Vec<Position>) -> Result<Inbox, Error> {
    open_within(settings, scope, positions, Limits::default()).await
}

pub(super) async fn open_within(
    settings: &Settings,
    scope: Scope,
    positions: Vec<Position>,
    limits: Limits,
) -> Result<Inbox, Error> {
    let server = Server::of(settings)?;
    let max_message_bytes = settings
        .max_message_size
        .unwrap_or(MAX_MESSAGE_BYTES)
        .max(HEAD_BYTES);
    let max_literal_bytes = (u64::from(max_message_bytes) * SIZE_SLACK).max(LEAST_LITERAL_CAP);
    let (mut conn, capabilities) = log_in(settings, limits, max_literal_bytes).await?;
    let all = folders::list(&mut conn, &capabilities)
        .await
        .map_err(|fault| Error::Command {
            at: server.at(),
            command: "LIST",
            fault,
        })?;
    let choice = folders::choose(&all, &settings.folders);
    let existing = folders::names(&all);
    if choice.folders.is_empty() {
        let asked = match choice.missing.is_empty() {
            true => vec!["INBOX".to_owned()],
            false => choice.missing,
        };
        return Err(Error::NoFolder { asked, existing });
    }
    let account = settings.account_name();
    let missing = |folder: String| Gap {
        why: format!("there is no such folder; there are: {existing}"),
        at: Place::Folder {
            account: account.clone(),
            folder,
        },
    };
    let gaps = choice.missing.into_iter().map(missing).collect();
    let reference = |name: String| FolderRef {
        implicit_tls: server.tls == Tls::Implicit,
        user: server.user.to_owned(),
        host: server.host.to_owned(),
        port: server.port,
        folder: name,
    };
    let todo: VecDeque<_> = choice
        .folders
        .into_iter()
        .map(|folder| (reference(folder.name), folder.wire))
        .collect();
    Ok(Inbox {
        folders: todo.iter().map(|(folder, _wire)| folder.clone()).collect(),
        account,
        conn,
        todo,
        open: None,
        gaps,
        total: 0,
        scope,
        positions,
        max_message_bytes,
        limits,
        ended: false,
    })
}

impl Inbox {
    /// The folders that are read, in their order.
    #[must_use]
    pub fn folders(&self) -> &[FolderRef] {
        &self.folders
    }

    /// Takes out what was found missing before the first mail: folders that were asked for and do not exist.
    pub fn gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    /// How many UIDs are known so far to be looked at; it grows with each folder that is opened.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Reads on; `None` when all folders are done, or after a batch whose gaps say why no more can come.
    pub async fn next_batch(&mut self) -> Option<Batch> {
        loop {
            if self.ended {
                return None;
            }
            let Some(open) = &mut self.open else {
                let (folder, wire) = self.todo.pop_front()?;
                if let Some(batch) = self.begin(folder, &wire).await {
                    return Some(batch);
                }
                continue;
            };
            if open.known.is_empty() {
                if open.uids.is_empty() {
                    self.open = None;
                    continue;
                }
                let window: Vec<u32> = open.uids.drain(..open.uids.len().min(HEADER_WINDOW)).collect();
                let (known, outcome) = fetch::headers(&mut self.conn, &window, self.scope.may_be).await;
                open.known.extend(known);
                match outcome {
                    Ok(()) => {}
                    Err(fault) if fault.is_usable_after() => open.refused = Some(fault),
                    Err(fault) => return Some(self.broken_off(Batch::default(), &fault)),
                }
            }
            return Some(self.read().await);
        }
    }

    /// Says good-bye to the server.
    pub async fn close(mut self) {
        // The answer is BYE and then the end, which is a fault in any other place.
        if let Err(fault) = self.conn.command("LOGOUT", |_untagged| {}).await {
            tracing::debug!(%fault, "LOGOUT");
        }
    }

    /// Opens a folder; a batch when there is something to say before its first mail.
    async fn begin(&mut self, folder: FolderRef, wire: &str) -> Option<Batch> {
        let (open, batch) = match self.examined(folder.clone(), wire).await {
            Ok(opened) => opened,
            Err(fault) => {
                let why = format!("could not be opened: {fault}");
                let mut batch = Batch::default();
                batch.gaps.push(self.folder_gap(&folder, why));
                return Some(match fault.is_usable_after() {
                    true => batch,
                    false => self.broken_off(batch, &fault),
                });
            }
        };
        tracing::debug!(folder = folder.folder, uids = open.uids.len(), "opened");
        self.total += open.uids.len() as u64;
        self.open = Some(open);
        batch
    }

    async fn examined(&mut self, folder: FolderRef, wire: &str) -> Result<(Open, Option<Batch>), Fault> {
        let examined = fetch::examine(&mut self.conn, wire).await?;
        let validity = examined
            .uid_validity
            .ok_or(Fault::Unusable("the server gives no UIDVALIDITY"))?;
        let before = self.positions.iter().find(|known| {
            known.folder == folder && known.uid_validity == validity && self.scope.goes_on_at(known)
        });
        let last = before
            .and_then(|known| known.last_uid)
            .map_or(0, |uid| uid.0.get());
        // What is new since a position is read whatever its date, so that the position goes on to say what it said.
        let since = self.scope.since.filter(|_| before.is_none());
        let asked = fetch::asked(&mut self.conn, examined, last, since).await?;
        let read_since = match before {
            Some(known) => known.read_since,
            None => since.filter(|_| asked.left_out_older),
        };
        let mut batch = Batch::default();
        if asked.unnamed > 0 {
            let why = format!("the server counts {} mails more than it names", asked.unnamed);
            batch.gaps.push(self.folder_gap(&folder, why));
        }
        let unbroken = asked.unnamed == 0;
        if asked.uids.is_empty() && before.is_none() && unbroken {
            batch.position = Some(Position {
                folder: folder.clone(),
                uid_validity: validity,
                last_uid: None,
                read_since,
            });
        }
        let open = Open {
            folder,
            validity,
            read_since,
            uids: asked.uids.into(),
            known: VecDeque::new(),
            refused: None,
            unbroken,
        };
        let says_something = batch.position.is_some() || !batch.gaps.is_empty();
        Ok((open, says_something.then_some(batch)))
    }

    /// The next batch out of what the header pass found: bounded in mails and in bytes.
    async fn read(&mut self) -> Batch {
        let Some(open) = &mut self.open else {
            return Batch::default();
        };
        let part = open.next_part(self.limits, self.max_message_bytes);
        let most = self
            .limits
            .batch_bytes
            .saturating_add(self.max_message_bytes.into())
            * SIZE_SLACK;
        let (found, outcome) = fetch::bodies(&mut self.conn, &part.whole, &part.heads, most).await;
        let mut batch = open.settle(part.known, found, outcome.is_ok(), self.max_message_bytes);
        let refused = open.refused.take_if(|_| batch.tally.failed > 0);
        let fault = match outcome {
            Ok(()) => refused,
            Err(fault) if fault.is_usable_after() => Some(fault),
            Err(fault) => return self.broken_off(batch, &fault),
        };
        if let (Some(fault), Some(open)) = (fault, &self.open) {
            let why = format!("{} mails could not be read: {fault}", batch.tally.failed);
            batch.gaps.push(self.folder_gap(&open.folder, why));
        }
        batch
    }

    /// The last batch: what was not read any more, folder by folder, and why.
    fn broken_off(&mut self, mut batch: Batch, fault: &Fault) -> Batch {
        self.ended = true;
        if let Some(open) = self.open.take() {
            let left = (open.known.len() + open.uids.len()) as u64;
            batch.tally.failed += left;
            let why = match batch.tally.failed {
                0 => format!("it is not sure that nothing is missing: {fault}"),
                failed => format!("{failed} mails could not be read: {fault}"),
            };
            batch.gaps.push(self.folder_gap(&open.folder, why));
        }
        let left = std::mem::take(&mut self.todo);
        let unread = left
            .iter()
            .map(|(folder, _wire)| self.folder_gap(folder, format!("was not read: {fault}")));
        batch.gaps.extend(unread);
        batch
    }

    fn folder_gap(&self, folder: &FolderRef, why: String) -> Gap {
        let (account, folder) = (self.account.clone(), folder.folder.clone());
        let at = Place::Folder { account, folder };
        Gap { at, why }
    }
}
