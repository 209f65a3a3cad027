//! A mailbox of 200 mails, read through and through, against the table of what was put into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use chrono::{DateTime, Utc};
use hickory_resolver::proto::rr::Name;
use serde::Deserialize;

use crate::office::Office;
use crate::support::dns::{Servers, TEST_ENTRY, Zones};
use crate::support::dovecot::Dovecot;

/// Says to everybody that the resolver is not welcome.
const REFUSES: &str =
    "0/1 :127.255.255.254:Error: open resolver\n128/1 :127.255.255.254:Error: open resolver\n";
/// Joined by single spaces, in no order that the manual names.
const LISTS: [&str; 6] = [
    "reasons",
    "blocklists",
    "codes",
    "senders",
    "zones_listed",
    "provider",
];

pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn table(path: &Path) -> Vec<Row> {
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

/// The Dovecot of a postmaster, filled by the script.
pub(crate) fn filled(office: &Office) -> Dovecot {
    let server = Dovecot::start(&office.certificate("localhost"));
    let (maildir, truth, now) = (server.maildir(), office.path("truth"), now());
    office.script(&["fill".as_ref(), maildir.as_ref(), truth.as_ref(), now.as_ref()]);
    server.take_over();
    server
}

fn now() -> String {
    Utc::now().timestamp().to_string()
}

/// The blocklists and names that the script tells of.
#[derive(Deserialize)]
struct Dns {
    zones: BTreeMap<String, BTreeMap<IpAddr, String>>,
    no_test_entry: Vec<String>,
    refusing: String,
    names: BTreeMap<IpAddr, String>,
    own: Vec<String>,
}

impl Dns {
    fn of(office: &Office) -> Self {
        serde_json::from_slice(&fs::read(office.path("truth/zones.json")).unwrap()).unwrap()
    }

    fn start(&self) -> Servers {
        let mut zones = Zones::default().ipv4(&self.refusing, REFUSES);
        for (zone, listed) in &self.zones {
            let (mut ipv4, mut ipv6) = (String::new(), String::new());
            if !self.no_test_entry.contains(zone) {
                ipv4.push_str(TEST_ENTRY);
            }
            for (ip, code) in listed {
                let lines = if ip.is_ipv4() { &mut ipv4 } else { &mut ipv6 };
                writeln!(lines, "{ip} :{code}:listed for this test").unwrap();
            }
            zones = zones.ipv4(zone, &ipv4);
            if !ipv6.is_empty() {
                zones = zones.ipv6(zone, &ipv6);
            }
        }
        for (ip, name) in &self.names {
            let (kind, arpa) = if ip.is_ipv4() {
                ("A", Name::from(*ip))
            } else {
                ("AAAA", Name::from(*ip))
            };
            zones = zones
                .record(&format!("{arpa} PTR {name}."))
                .record(&format!("{name}. {kind} {ip}"));
        }
        zones.start()
    }

    fn zone_options(&self) -> impl Iterator<Item = &str> {
        let zones = self.zones.keys().chain([&self.refusing]);
        zones.flat_map(|zone| ["--zone", zone])
    }
}

fn same(found: &[Row], truth: &[Row], key: [&str; 2]) {
    let named = |rows: &[Row]| -> BTreeMap<(String, String), Row> {
        let of = |row: &Row| (row[key[0]].clone(), row[key[1]].clone());
        rows.iter().map(|row| (of(row), row.clone())).collect()
    };
    let (by_name, truth_by_name) = (named(found), named(truth));
    let mut wrong = Vec::new();
    for (name, row) in &truth_by_name {
        let Some(answer) = by_name.get(name) else {
            wrong.push(format!("{name:?}: no such row"));
            continue;
        };
        for (column, expected) in row {
            let cell = answer.get(column).map(|cell| in_order(column, cell));
            if cell != Some(in_order(column, expected)) {
                wrong.push(format!(
                    "{name:?} {column}: {cell:?}, but the mails say {expected:?}"
                ));
            }
        }
    }
    wrong.extend(
        by_name
            .keys()
            .filter(|name| !truth_by_name.contains_key(*name))
            .map(|name| format!("{name:?}: a row too many")),
    );
    assert!(
        wrong.is_empty(),
        "{} cells of {}:\n{}",
        wrong.len(),
        truth.len() * truth[0].len(),
        wrong.join("\n")
    );
    assert_eq!(found.len(), truth.len());
}

/// Cells that hold several values, sorted; times as one instant however they are written.
fn in_order(column: &str, cell: &str) -> String {
    if LISTS.contains(&column) {
        let mut words: Vec<_> = cell.split(' ').collect();
        words.sort_unstable();
        return words.join(" ");
    }
    cell.to_owned()
}

const FOLDERS: [&str; 6] = [
    "--folder",
    "INBOX",
    "--folder",
    "Junk",
    "--folder",
    "エラーメール",
];
pub(crate) const SHARED: [&str; 7] = [
    "--config",
    "config.toml",
    "--ca-file",
    "ca.pem",
    "--ledger",
    "ledger.db",
    "--utc",
];

#[test]
fn two_hundred_mails_become_the_tables_of_what_was_put_into_them() {
    let office = Office::new();
    let server = filled(&office);
    let dns = Dns::of(&office);
    let lists = dns.start();
    fs::write(
        office.path("config.toml"),
        format!("own_addresses = {:?}\n", dns.own),
    )
    .unwrap();
    let resolver = lists.resolver.to_string();
    let mut options = [&SHARED[..], &FOLDERS[..]].concat();
    options.extend([
        "--dns",
        &resolver,
        "--csv",
        "groups.csv",
        "--checks-csv",
        "checks.csv",
    ]);
    options.extend(dns.zone_options());

    let started = Utc::now();
    let ran = office.scan(server.port, &options);
    let ended = Utc::now();

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let groups = table(&office.path("groups.csv"));
    same(
        &groups,
        &table(&office.path("truth/groups.csv")),
        ["blocked_ip", "receiving_domain"],
    );
    let checks = table(&office.path("checks.csv"));
    same(&checks, &table(&office.path("truth/checks.csv")), ["ip", "zone"]);
    // The one column that the script cannot know.
    for row in checks.iter().chain(&groups) {
        let at: DateTime<Utc> = row["checked_at"].parse().unwrap();
        assert!(started.timestamp() <= at.timestamp() && at <= ended, "{row:?}");
    }
}

#[test]
fn a_scan_changes_nothing_on_the_server_and_counts_nothing_twice() {
    let office = Office::new();
    let server = filled(&office);
    fs::write(office.path("config.toml"), "").unwrap();
    let options = [&SHARED[..], &FOLDERS[..], &["--no-dns"]].concat();
    let scan = |more: &[&str]| {
        let ran = office.scan(server.port, &[&options[..], more].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
        events(&office)
    };
    let (files, state) = (mail_files(&server.maildir()), office.state_of(&server));

    let known = scan(&[]);
    let counts: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(office.path("truth/counts.json")).unwrap()).unwrap();
    assert_eq!(counts["events"], known.len());
    assert_eq!(scan(&[]), known, "a second scan adds nothing");
    assert_eq!(scan(&["--full"]), known, "reading all again adds nothing");
    assert_eq!(office.state_of(&server), state, "flags and UIDs are as they were");
    assert_eq!(mail_files(&server.maildir()), files);

    let (maildir, time) = (server.maildir(), now());
    office.script(&["add".as_ref(), maildir.as_ref(), time.as_ref()]);
    server.take_over();
    let more = scan(&[]);
    assert_eq!(more.len(), known.len() + 5, "five new bounces add five");
    assert!(known.iter().all(|event| more.contains(event)));
    assert_eq!(mail_files(&server.maildir()).len(), files.len() + 5);
}

#[test]
fn inbox_and_the_junk_folder_are_read_when_no_folder_is_named() {
    let office = Office::new();
    let server = filled(&office);
    fs::write(office.path("config.toml"), "").unwrap();

    let ran = office.scan(server.port, &[&SHARED[..], &["--no-dns"]].concat());

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let folders: BTreeSet<_> = events(&office)
        .iter()
        .map(|row| folder_of(&row["source"]))
        .collect();
    assert_eq!(folders, BTreeSet::from(["INBOX".to_owned(), "Junk".to_owned()]));
}

#[test]
fn a_mailbox_is_read_over_starttls_too() {
    let office = Office::new();
    let server = filled(&office);
    let options = [
        "--tls",
        "starttls",
        "--ca-file",
        "ca.pem",
        "--no-dns",
        "--no-ledger",
        "--folder",
        "Junk",
    ];

    let ran = office.scan(server.starttls_port, &options);

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert!(ran.stdout.contains("192.0.2.10"), "{ran:#?}");
}

/// `imaps://user@host:port/FOLDER;UIDVALIDITY=v/;UID=n` (RFC 5092)
fn folder_of(source: &str) -> String {
    let path = source.split('/').nth(3).unwrap();
    path.split(';').next().unwrap().to_owned()
}

/// Every bounce that the ledger knows, each as its row in the detail table.
pub(crate) fn events(office: &Office) -> Vec<Row> {
    let ran = office.bounceaudit([
        "report",
        "--config",
        "config.toml",
        "--ledger",
        "ledger.db",
        "--utc",
        "--all-reasons",
        "--events-csv",
        "events.csv",
    ]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    table(&office.path("events.csv"))
}
