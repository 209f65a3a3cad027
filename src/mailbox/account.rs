//! An account: its password is found, its server let us in, its folders are chosen.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::event::{FolderRef, Gap, Place, Position, Timestamp};

use super::batch::Tally;
use super::command::Conn;
use super::error::Error;
use super::fault::Fault;
use super::folders::{self, Folder};
use super::guard::Deadline;
use super::imap::Inbox;
use super::login::{Secret, password, sendable};
use super::retry::Patience;
use super::session::{Limits, Server};
use super::settings::{Settings, Tls};

/// A pause that somebody who looks on should know of.
const LONG_PAUSE: Duration = Duration::from_secs(60);

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
    pub(super) fn goes_on_at(&self, known: &Position) -> bool {
        let reaches_back = match (known.read_since, self.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(read), Some(asked)) => read <= asked,
        };
        // Without a UID there is nothing to go on at: everything would be new, whatever its date.
        reaches_back && known.last_uid.is_some() && !self.full
    }
}

/// An account whose password is known.
#[derive(Debug)]
pub struct Account {
    pub(super) settings: Settings,
    pub(super) secret: Secret,
    pub(super) limits: Limits,
    #[cfg(test)]
    pub(super) dial: Option<super::faults::Dial>,
}

impl Account {
    /// Finds out the password; nothing is connected yet.
    ///
    /// # Errors
    /// When the settings lack something, or there is no password.
    pub async fn unlock(settings: Settings) -> Result<Self, Error> {
        Server::of(&settings)?;
        let secret = password(&settings).await?;
        Self::with(settings, secret)
    }

    pub(super) fn with(settings: Settings, secret: Secret) -> Result<Self, Error> {
        sendable(Server::of(&settings)?.user, &secret)?;
        Ok(Self {
            limits: Limits::of(&settings),
            settings,
            secret,
            #[cfg(test)]
            dial: None,
        })
    }

    /// What the account is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.settings.account_name()
    }

    /// Logs in and finds the folders; nothing is read yet.
    ///
    /// # Errors
    /// When the server cannot be reached, is not to be trusted, does not let us in, or has none of the folders.
    pub async fn open(self, scope: Scope, positions: Vec<Position>) -> Result<Inbox, Error> {
        let given = self.limits.total;
        let deadline = Instant::now().checked_add(given).map(|at| Deadline { at, given });
        let mut patience = Patience::new(RandomState::new().hash_one(self.name()));
        let (conn, all) = self.listed_at_last(deadline, &mut patience).await?;
        let choice = folders::choose(&all, &self.settings.folders);
        let existing = folders::names(&all);
        if choice.folders.is_empty() {
            let asked = match choice.missing.is_empty() {
                true => vec!["INBOX".to_owned()],
                false => choice.missing,
            };
            return Err(Error::NoFolder { asked, existing });
        }
        let name = self.name();
        let missing = |folder: String| Gap {
            why: format!("there is no such folder; there are: {existing}"),
            at: Place::Folder {
                account: name.clone(),
                folder,
            },
        };
        let gaps = choice.missing.into_iter().map(missing).collect();
        let server = Server::of(&self.settings)?;
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
            account: self,
            conn: Some(conn),
            todo,
            openings: 0,
            open: None,
            gaps,
            total: 0,
            tally: Tally::default(),
            scope,
            positions,
            patience,
            deadline,
            trouble: None,
            ended: false,
        })
    }

    /// Waits as long as the server itself calls its trouble temporary; anything else is for the user to see at once.
    async fn listed_at_last(
        &self,
        deadline: Option<Deadline>,
        patience: &mut Patience,
    ) -> Result<(Conn, Vec<Folder>), Error> {
        loop {
            match self.listed(deadline).await {
                Err(error) if error.fault().is_some_and(Fault::is_temporary) => {
                    if !(patience.tire() && wait(patience, deadline, error.fault()).await) {
                        return Err(error);
                    }
                }
                listed => {
                    patience.progress();
                    return listed;
                }
            }
        }
    }

    async fn listed(&self, deadline: Option<Deadline>) -> Result<(Conn, Vec<Folder>), Error> {
        let (mut conn, capabilities) = self.log_in(deadline).await?;
        let listed = folders::list(&mut conn, &capabilities).await;
        let at = Server::of(&self.settings)?.at();
        let all = listed.map_err(|fault| Error::Command {
            at,
            command: "LIST",
            fault,
        })?;
        Ok((conn, all))
    }
}

/// Waits before another try, as long as the server ordered; false when there is no time for that.
pub(super) async fn wait(patience: &mut Patience, deadline: Option<Deadline>, fault: Option<&Fault>) -> bool {
    let Some(pause) = patience.pause(fault.and_then(Fault::ordered_pause)) else {
        return false;
    };
    let until = Instant::now() + pause;
    if deadline.is_some_and(|deadline| deadline.at <= until) {
        return false;
    }
    if pause > LONG_PAUSE {
        tracing::warn!(seconds = pause.as_secs(), "the server asks for a pause");
    }
    tracing::debug!(?pause, fault = fault.map(tracing::field::display), "another try");
    sleep_until(until).await;
    true
}
