//! How bad things are, for the colours of the terminal and of the page.

use crate::check::Answer;
use crate::ledger::State;

/// How bad a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// An address of ours is refused or listed.
    Bad,
    /// Something is amiss, or could not be told.
    Warn,
    /// It is over, or never was.
    Good,
}

impl Severity {
    pub(super) fn of_state(state: State) -> Self {
        match state {
            State::Relisted | State::New | State::Ongoing => Self::Bad,
            State::ReceiverFault | State::Unknown => Self::Warn,
            State::Cleared => Self::Good,
        }
    }

    pub(super) fn of_answer(answer: &Answer) -> Self {
        match answer.is_listed() {
            Some(true) => Self::Bad,
            Some(false) => Self::Good,
            None => Self::Warn,
        }
    }
}
