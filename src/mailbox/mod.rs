//! Walks mailboxes and hands over the mails that may be bounces.
//!
//! In: one account's [`Settings`] and how far it was read ([`crate::event::Position`]), or a path. Out: each candidate as a
//! [`crate::event::Message`], and a [`crate::event::Gap`] for everything that could not be read.
//! Follows RFC 9051 and RFC 3501 (IMAP), RFC 6154 (`\Junk`), RFC 4155 (mbox).
//! Nothing in a mailbox ever changes: EXAMINE and BODY.PEEK only.
//! Not here: which mail is a candidate (`bounce::may_be`, given as [`Scope::may_be`]), what is remembered (`ledger`).

mod eml;
mod files;
mod maildir;
mod mbox;
mod settings;

pub use files::files;
pub use settings::{Fingerprint, NoFingerprint, Settings, Tls};
