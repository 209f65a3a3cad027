//! The history: what was read, what was asked, and what follows from it over time.
//!
//! In: events with their verdicts and places, positions in folders, listings. Out: a [`History`] of a window.
//! One bounce is one event, however often and wherever it is found (`event.md`, last paragraph).
//! A position is saved in the same transaction as the events of all mails up to it.
//! Not here: how groups look (`report`), what is read next (`mailbox`).

use crate::check::{Listing, Names};
use crate::event::{Event, Source, Timestamp};

/// Everything that an output needs, from the ledger alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The bounces of the window, oldest first.
    pub bounces: Vec<Recorded>,
    /// Every answer ever recorded about the blocked addresses of the window, oldest first.
    pub listings: Vec<Listing>,
    /// The newest names of each blocked address.
    pub names: Vec<Names>,
    /// Sources of mails that look like bounces and could not be understood.
    pub not_understood: Vec<Source>,
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
