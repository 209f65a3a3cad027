//! bounceaudit, room by room, in the order in which a bounce passes through them:
//!
//! 1. [`mailbox`] walks an IMAP mailbox (or files) and hands over each mail that may be a bounce: a [`event::Message`].
//! 2. [`bounce`] reads it: an [`event::Event`] for each recipient that it reports on.
//! 3. [`catalogue`] says what the reply in it means: the reason, the blocked IP, the list, who may ask for removal.
//! 4. [`check`] asks DNS blocklists about the blocked IPs: a [`check::Listing`] for each address and zone.
//! 5. [`ledger`] remembers all of it, so that nothing is counted twice and changes are seen.
//! 6. [`report`] groups by blocked IP and receiving domain, and writes the table, the CSVs and NDJSON.
//!
//! [`commands`] ties them together, one file for each subcommand; [`config`] and [`cli`] say what the user asked for.

pub mod bounce;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod event;
pub mod ledger;
pub mod mailbox;
pub mod report;
