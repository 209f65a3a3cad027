//! A mailbox of 200 mails, read through and through, against the table of what was put into it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Local};

use crate::office::Office;
use crate::support::dovecot::Dovecot;

/// Joined by single spaces, in no order that the manual names.
const LISTS: [&str; 6] = [
    "reasons",
    "blocklists",
    "codes",
    "senders",
    "zones_listed",
    "provider",
];

type Row = BTreeMap<String, String>;

fn table(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Files of the Maildir: their names hold the flags, and moving one from `new` to `cur` is a change too.
fn mail_files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(mail_files(&path));
        } else if path.parent().unwrap().ends_with("cur") || path.parent().unwrap().ends_with("new") {
            found.insert(path.to_str().unwrap().to_owned());
        }
    }
    found
}

fn smoke(office: &Office) -> Dovecot {
    let server = Dovecot::start(&office.certificate("localhost"));
    let now = Local::now().timestamp().to_string();
    let (maildir, truth) = (server.maildir(), office.path("truth"));
    office.script(&[OsStr::new("fill"), maildir.as_ref(), truth.as_ref(), now.as_ref()]);
    server.take_over();
    server
}

#[test]
fn smoke_test() {
    let office = Office::new();
    let server = smoke(&office);
    let files = mail_files(&server.maildir());
    let state = office.state_of(&server);
    assert_eq!(state.lines().count(), 203);
    assert_eq!(office.state_of(&server), state);
    assert_eq!(mail_files(&server.maildir()), files);
    println!("{:?}", table(&office.path("truth/groups.csv")).len());
}
