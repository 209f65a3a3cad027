//! Walks mailboxes and hands over the mails that may be bounces.
//!
//! In: one account's [`Settings`] and how far it was read ([`crate::event::Position`]), or a path. Out: each candidate as a
//! [`crate::event::Message`], and a [`crate::event::Gap`] for everything that could not be read.
//! Follows RFC 9051 and RFC 3501 (IMAP), RFC 6154 (`\Junk`), RFC 4155 (mbox).
//! Nothing in a mailbox ever changes: EXAMINE and BODY.PEEK only.
//! Not here: which mail is a candidate (`bounce::may_be`, given as [`Scope::may_be`]), what is remembered (`ledger`).

mod account;
mod batch;
mod certificate;
mod command;
mod eml;
mod error;
mod fault;
#[cfg(test)]
mod faults;
mod fetch;
mod files;
mod folders;
mod guard;
mod imap;
mod login;
mod maildir;
mod mbox;
mod numbers;
mod retry;
mod session;
mod settings;
mod sift;
mod tls;
mod uids;
mod utf7;
mod walk;

pub use account::{Account, Scope};
pub use batch::{Batch, Tally};
pub use certificate::Rejected;
pub use error::Error;
pub use fault::{Fault, Text};
pub use fetch::HEADER_FIELDS;
pub use files::files;
pub use imap::Inbox;
pub use login::NoPassword;
pub use settings::{Fingerprint, NoFingerprint, Settings, Tls};
pub use tls::Unconnected;
