//! `--new`: a report that cron may mail, silent until something has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::office::{Office, Ran};
use crate::support::dovecot::Dovecot;

const OFFLINE: [&str; 5] = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db"];

fn put(server: &Dovecot, story: &str) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    fs::copy(
        corpus.join(story),
        server.maildir().join(format!("new/1.{story}.host")),
    )
    .unwrap();
    server.take_over();
}

fn is_silent(ran: &Ran) {
    let said = (ran.status, ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(said, (0, "", ""), "{ran:#?}");
}

#[test]
fn nothing_is_printed_until_something_changes_and_each_name_has_its_own_before() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    put(&server, "postfix-s3150.eml");
    let scan = |name: &str| office.scan(server.port, &[&OFFLINE[..], &[name, "--quiet"]].concat());

    let first = scan("--new=cron");
    assert!(first.stdout.contains("portal.example.jp"), "{first:#?}");
    is_silent(&scan("--new=cron"));
    let other = scan("--new=monitor");
    assert_eq!(other.stdout, first.stdout);
    let plain = scan("--utc");
    assert!(plain.stdout.contains("portal.example.jp"), "{plain:#?}");

    put(&server, "postfix-gmo-rbl-late.eml");
    let second = scan("--new=cron");
    assert!(second.stdout.contains("canary.example.com"), "{second:#?}");
    assert!(!second.stdout.contains("portal.example.jp"), "{second:#?}");
    is_silent(&scan("--new=cron"));
}

#[test]
fn a_report_has_names_too_and_leaves_its_files_alone_when_it_is_silent() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    put(&server, "postfix-s3150.eml");
    office.scan(server.port, &OFFLINE);
    let arguments = ["report", "--ledger", "ledger.db", "--new", "--csv", "groups.csv"];

    let first = office.bounceaudit(arguments);
    let written = fs::read(office.path("groups.csv")).unwrap();
    assert!(first.stdout.contains("portal.example.jp"), "{first:#?}");
    assert!(String::from_utf8_lossy(&written).contains("portal.example.jp"));

    is_silent(&office.bounceaudit(arguments));
    assert_eq!(fs::read(office.path("groups.csv")).unwrap(), written);
}

#[test]
fn what_could_not_be_read_is_said_each_time() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    put(&server, "postfix-s3150.eml");
    let more = [&OFFLINE[..], &["--new", "--folder", "INBOX", "--folder", "gone"]].concat();

    assert_eq!(office.scan(server.port, &more).status, 3);
    for _again in 0..2 {
        let ran = office.scan(server.port, &more);
        assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{ran:#?}");
        assert!(ran.stderr.contains("gone"), "{ran:#?}");
    }
}

#[test]
fn the_report_tells_again_what_was_new_in_the_last_scan() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    // The stories are years old.
    let never_presumed = ["--presumed-after", "36500d", "--format", "csv"];
    let scan = || office.scan(server.port, &[&OFFLINE[..], &never_presumed].concat());
    let again = || office.bounceaudit([&["report", "--ledger", "ledger.db"][..], &never_presumed].concat());
    let states = |ran: &Ran| -> Vec<(String, String)> {
        let mut csv = csv::Reader::from_reader(ran.stdout.as_bytes());
        let rows = csv.deserialize::<BTreeMap<String, String>>();
        let rows = rows.map(Result::unwrap);
        rows.map(|row| (row["receiving_domain"].clone(), row["state"].clone()))
            .collect()
    };
    let of = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter()
            .map(|(domain, state)| ((*domain).to_owned(), (*state).to_owned()))
            .collect()
    };
    put(&server, "postfix-s3150.eml");
    assert_eq!(states(&scan()), states(&again()));

    put(&server, "postfix-gmo-rbl-late.eml");
    let second = of(&[("canary.example.com", "new"), ("portal.example.jp", "unknown")]);
    assert_eq!(states(&scan()), second);
    for _twice in 0..2 {
        assert_eq!(states(&again()), second);
    }

    let third = of(&[
        ("canary.example.com", "unknown"),
        ("portal.example.jp", "unknown"),
    ]);
    assert_eq!(states(&scan()), third);
    assert_eq!(states(&again()), third);
}
