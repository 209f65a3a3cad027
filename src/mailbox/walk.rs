//! The steps of reading an account: connect again, open a folder, read header fields, read bodies. Each can fail, and can then
//! be taken again: what it has learnt stays.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::time::sleep;

use crate::event::{FolderRef, Position};

use super::batch::{Batch, Open};
use super::command::Conn;
use super::fault::Fault;
use super::fetch::{self, Body, IN_FLIGHT, Kind, Shelf};
use super::imap::{Inbox, Step, Trouble, folder_gap};
use super::numbers;
use super::retry::{Finding, Suspects};
use super::session::Limits;

/// UIDs whose header fields are asked for at a time.
const HEADER_WINDOW: usize = 4000;

impl Inbox {
    pub(super) async fn step(&mut self) -> Result<Step, Trouble> {
        match &self.open {
            None if self.todo.is_empty() => return Ok(Step::Done),
            Some(open) if open.left() == 0 => {
                self.open = None;
                self.patience.progress();
                return Ok(Step::On);
            }
            None | Some(_) => {}
        }
        let Some(conn) = &mut self.conn else {
            return self.reconnect().await;
        };
        if conn.take_hurried() {
            let pause = self.patience.pause(None);
            sleep(pause.unwrap_or_default()).await;
        }
        let limits = self.account.limits;
        match &mut self.open {
            None => self.begin().await,
            Some(open) if open.known.is_empty() => {
                read_headers(conn, open, self.scope.may_be).await?;
                conn.guard().silence = limits.silence;
                self.patience.progress();
                Ok(Step::On)
            }
            Some(open) => {
                read_bodies(conn, open, limits).await?;
                conn.guard().silence = limits.silence;
                self.patience.progress();
                Ok(self
                    .settled()
                    .map_or(Step::On, |batch| Step::Read(Box::new(batch))))
            }
        }
    }

    /// What can be handed on of the open folder.
    pub(super) fn settled(&mut self) -> Option<Batch> {
        let batch = self.open.as_mut()?.settle(self.account.limits.max_message_bytes);
        (batch.tally.asked() > 0).then_some(batch)
    }

    async fn reconnect(&mut self) -> Result<Step, Trouble> {
        let (mut conn, _capabilities) = self.account.log_in(self.deadline).await.map_err(Trouble::Away)?;
        let limits = self.account.limits;
        let examined = match &self.open {
            Some(open) => {
                conn.guard().silence = limits.opening;
                let examined = numbers::examine(&mut conn, &open.wire).await;
                if !open.known.is_empty() {
                    conn.guard().silence = limits.silence;
                }
                Some(examined)
            }
            None => None,
        };
        // Also after a refusal, which may concern this folder alone.
        self.conn = Some(conn);
        let examined = examined.transpose().map_err(Trouble::Folder)?;
        let same = match (&self.open, examined) {
            (Some(open), Some(examined)) => examined.uid_validity == Some(open.validity),
            _ => true,
        };
        if let Some(open) = self.open.take_if(|_| !same) {
            // The mails have other UIDs now: all of them are looked at once more.
            self.total -= open.left();
            self.todo.push_front((open.folder, open.wire));
        }
        Ok(Step::On)
    }

    /// Opens a folder; a batch when there is something to say before its first mail.
    async fn begin(&mut self) -> Result<Step, Trouble> {
        let Some((folder, wire)) = self.todo.front().cloned() else {
            return Ok(Step::Done);
        };
        let (open, batch) = self.examined(folder, wire).await.map_err(Trouble::Folder)?;
        tracing::debug!(folder = open.folder.folder, uids = open.uids.len(), "opened");
        self.todo.pop_front();
        self.openings = 0;
        self.total += open.left();
        self.open = Some(open);
        Ok(batch.map_or(Step::On, |batch| Step::Read(Box::new(batch))))
    }

    async fn examined(&mut self, folder: FolderRef, wire: String) -> Result<(Open, Option<Batch>), Fault> {
        let limits = self.account.limits;
        let conn = self.conn.as_mut().ok_or(Fault::Lost)?;
        conn.guard().silence = limits.opening;
        let examined = numbers::examine(conn, &wire).await?;
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
        let asked = numbers::asked(conn, examined, last, since).await?;
        let read_since = match before {
            Some(known) => known.read_since,
            None => since.filter(|_| asked.left_out_older),
        };
        let mut batch = Batch::default();
        if asked.unnamed > 0 {
            let why = format!("the server counts {} mails more than it names", asked.unnamed);
            batch.gaps.push(folder_gap(&self.account, &folder, why));
        }
        let unbroken = asked.unnamed == 0;
        if asked.uids.is_empty() && before.is_none() && unbroken {
            batch.position = Some(Position {
                folder: folder.clone(),
                uid_validity: validity,
                last_uid: None,
                read_since,
                unread: Vec::new(),
            });
        }
        // What could not be read is tried again, behind what is new: should it fail once more, that is read all the same.
        let missed: BTreeSet<u32> = before
            .iter()
            .flat_map(|known| &known.unread)
            .map(|uid| uid.0.get())
            .collect();
        let open = Open {
            folder,
            wire,
            validity,
            read_since,
            uids: asked.uids.into_iter().chain(missed.iter().copied()).collect(),
            seen: BTreeMap::new(),
            unclear: Suspects::default(),
            known: VecDeque::new(),
            shelf: Shelf::of(self.account.limits.shelf_bytes()),
            unread: Suspects::default(),
            flights: VecDeque::new(),
            unbroken,
            last,
            missed,
        };
        let says_something = batch.position.is_some() || !batch.gaps.is_empty();
        Ok((open, says_something.then_some(batch)))
    }
}

async fn read_headers(conn: &mut Conn, open: &mut Open, may_be: fn(&[u8]) -> bool) -> Result<(), Trouble> {
    let window = open.next_window(HEADER_WINDOW);
    let outcome = fetch::headers(conn, &window, may_be, &mut open.seen).await;
    let mut missing = window.iter().filter(|uid| !open.seen.contains_key(uid));
    let (suspect, missing) = (missing.next().copied(), missing.count());
    let Err(fault) = outcome else {
        open.unclear.passed(window.len());
        open.learn();
        return Ok(());
    };
    let missing = missing + usize::from(suspect.is_some());
    let finding = blame(&mut open.unclear, &fault, window.len(), missing);
    if let (Finding::Guilty, Some(uid)) = (finding, suspect) {
        open.seen.insert(uid, Kind::UNKNOWN);
    }
    open.learn();
    Err(Trouble::Range(fault, finding))
}

async fn read_bodies(conn: &mut Conn, open: &mut Open, limits: Limits) -> Result<(), Trouble> {
    // A range under suspicion goes alone.
    let depth = if open.unread.any() { 1 } else { IN_FLIGHT };
    let mut outcome = Ok(());
    while outcome.is_ok() && open.flights.len() < depth {
        let part = open.next_part(limits);
        if part.len() == 0 {
            break;
        }
        open.shelf.want(&part);
        let sent = fetch::send_part(conn, &part).await;
        let (tags, sent) = sent.map_or_else(|fault| (Vec::new(), Err(fault)), |tags| (tags, Ok(())));
        open.flights.push_back((part, tags));
        outcome = sent;
    }
    let Some((part, tags)) = open.flights.pop_front() else {
        return Ok(());
    };
    if outcome.is_ok() {
        outcome = fetch::receive_part(conn, &part, &tags, &mut open.shelf).await;
    }
    let Err(mut fault) = outcome else {
        open.unread.passed(part.len());
        return Ok(());
    };
    for (_part, tags) in std::mem::take(&mut open.flights) {
        if fault.is_usable_after()
            && let Err(lost) = fetch::drain(conn, &tags, &mut open.shelf).await
        {
            fault = lost;
        }
    }
    open.shelf.want_nothing();
    if matches!(fault, Fault::Overfull(_)) {
        open.distrust_sizes(limits.max_message_bytes);
    }
    let missing: Vec<u32> = part.uids().filter(|&uid| !open.shelf.has(uid)).collect();
    let finding = blame(&mut open.unread, &fault, part.len(), missing.len());
    if let (Finding::Guilty, Some(&uid)) = (finding, missing.first()) {
        open.shelf.put(uid, Body::Failed(fault.to_string()));
    }
    Err(Trouble::Range(fault, finding))
}

/// A server that wants to be asked more slowly says nothing about the range.
fn blame(suspects: &mut Suspects, fault: &Fault, asked: usize, missing: usize) -> Finding {
    match fault.is_throttling() && missing == asked {
        true => Finding::Again,
        false => suspects.failed(asked, missing),
    }
}
