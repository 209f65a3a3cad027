//! The program against real servers: Dovecot over TLS, rbldnsd behind unbound. A server that is missing fails its tests.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod accounts;
mod browser;
mod demo;
mod dns;
mod draft;
mod faults;
mod files;
mod folders;
mod help;
mod history;
mod kills;
mod language;
mod ledger;
mod mailbox;
mod mask;
mod news;
mod office;
mod own_catalogue;
mod people;
mod refusals;
mod servers;
mod strange;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/unpacked.rs"]
mod unpacked;
mod workbook;
