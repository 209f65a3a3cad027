//! The history: what was read, what was asked, and what follows from it over time.
//!
//! In: events with their verdicts and places, positions in folders, listings. Out: a [`History`] of a window.
//! One bounce is one event, however often and wherever it is found (`event.md`, last paragraph).
//! A position is saved in the same transaction as the events of all mails up to it.
//! Not here: how groups look (`report`), what is read next (`mailbox`).

mod answers;
mod bounces;
mod course;
mod error;
mod everything;
mod history;
mod identity;
mod inspect;
mod kept;
mod notes;
mod place;
mod record;
mod regroup;
mod rows;
mod settings;
mod state;
mod store;
mod upkeep;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::check::{Exchange, Listing, Names};
use crate::event::{
    Event, FolderRef, ListId, NotUnderstood, Position, ReceivingDomain, Source, Timestamp, Zone,
};

#[cfg(test)]
pub(crate) use bounces::bounces_of;
pub use bounces::{Bounce, Mail, Outcomes, Recipient};
pub use course::{Course, End, Spell};
pub use error::Error;
pub use everything::Everything;
pub use identity::is_one;
pub use inspect::{Fault, Holdings};
pub use kept::{KeptMail, MailToKeep, worth_keeping};
pub use notes::{NoRemark, Note, Remark};
pub use settings::Settings;
pub use state::{ListedNow, Observed, Refusal, State, listed_now, state};
pub use store::Ledger;

/// Everything that a report counts, from the ledger alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The bounces of the window, oldest first; [`Ledger::recorded`] has the whole of them.
    pub bounces: Vec<Bounce>,
    /// Every answer ever recorded about the blocked addresses of the window, oldest first.
    pub listings: Vec<Listing>,
    /// The newest names of each blocked address.
    pub names: Vec<Names>,
    /// The newest mail hosts of each domain of the window.
    pub exchanges: Vec<Exchange>,
    /// The user's notes about the blocked addresses of the window, oldest first.
    pub notes: Vec<Note>,
    /// The mails of the window that look like bounces and could not be understood, each once, oldest first.
    pub not_understood: Vec<NotUnderstood>,
    /// When the report before this one was made; `None` on the first run.
    pub last_report: Option<Timestamp>,
}

/// One event, with all the places where its bounce was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The most complete reading of it.
    pub event: Event,
    /// Every place; the event's own source is among them.
    pub sources: Vec<Source>,
    /// When this ledger first saw it.
    pub recorded_at: Timestamp,
}

/// What was read since the last time, to be recorded as a whole or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The events of the mails, with their verdicts.
    pub events: &'a [Event],
    /// Mails that look like bounces and gave no event.
    pub not_understood: &'a [NotUnderstood],
    /// Mails that are no bounces, even if an earlier version took them for some that it did not understand.
    pub no_bounces: &'a [Source],
    /// Mails of the events, of which the newest are kept; see [`worth_keeping`].
    pub mails: &'a [MailToKeep],
    /// How far the folder has been read with this.
    pub position: Option<&'a Position>,
    /// When this is.
    pub now: Timestamp,
}

/// Which bounces are asked for: by when their mail was sent (else by when it bounced), and where they lie.
/// A bounce that does not say when it was is in every window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment of the window; `None` is the beginning of time.
    pub since: Option<Timestamp>,
    /// The first moment after the window; `None` is the end of time.
    pub until: Option<Timestamp>,
    /// From then on bounces are too late to speak for the window's mail; `None`: they never are.
    pub late_until: Option<Timestamp>,
    /// Folders of which at least one shows the bounce; `None` takes all, files too.
    pub folders: Option<Vec<FolderRef>>,
    /// Of which series the report before is wanted; the unnamed one is empty.
    pub series: String,
    /// Whether this is the series' last report once more: what was new in it is new again.
    pub again: bool,
}

impl History {
    /// What its bounces say is blocked.
    #[must_use]
    pub fn blocked(&self) -> Blocked {
        let (mut ips, mut domains) = (BTreeSet::new(), BTreeSet::new());
        let (mut zones, mut lists) = (BTreeSet::new(), BTreeSet::new());
        for Bounce {
            verdict,
            receiving_domain,
            ..
        } in &self.bounces
        {
            if verdict.blocked_ip.is_some() || verdict.reason.is_block() {
                domains.insert(receiving_domain);
            }
            if let Some(ip) = verdict.blocked_ip {
                ips.insert(ip);
                zones.extend(&verdict.zone);
                lists.extend(&verdict.blocklist);
            }
        }
        Blocked {
            ips: ips.into_iter().collect(),
            zones: zones.into_iter().cloned().collect(),
            lists: lists.into_iter().cloned().collect(),
            domains: domains.into_iter().map(|domain| (**domain).clone()).collect(),
        }
    }
}

/// What the bounces of a window say is blocked: each address, zone and list once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// Our addresses that were refused.
    pub ips: Vec<IpAddr>,
    /// Zones that the replies about them name.
    pub zones: Vec<Zone>,
    /// Lists that the replies about them name.
    pub lists: Vec<ListId>,
    /// Domains that refused an address or blocked us.
    pub domains: Vec<ReceivingDomain>,
}
