//! What a user does with the ledger itself: notes.

use std::fs;
use std::path::Path;

use crate::office::Office;
use crate::support::dovecot::Dovecot;

const OFFLINE: [&str; 5] = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db"];
const LEDGER: [&str; 2] = ["--ledger", "ledger.db"];
/// Blocks 192.0.2.10.
const STORY: &str = "qmail-spamhaus-outlook.eml";

/// A ledger that a scan has made of this story, which lies in two folders.
fn scanned(office: &Office) {
    let server = Dovecot::start(&office.certificate("localhost"));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for folder in ["", ".Junk"] {
        let folder = server.maildir().join(folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::copy(corpus.join(STORY), folder.join("cur/1795000001.story:2,S")).unwrap();
    }
    server.take_over();
    let folders = ["--folder", "INBOX", "--folder", "Junk"];
    let ran = office.scan(server.port, &[&OFFLINE[..], &folders].concat());
    assert_eq!(ran.status, 0, "{ran:#?}");
}

fn with_ledger<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &LEDGER[..]].concat()
}

#[test]
fn a_note_stands_in_the_report_of_its_address() {
    let office = Office::new();
    scanned(&office);

    let ran = office.bounceaudit(with_ledger(&[
        "note",
        "192.0.2.10",
        "asked the hosting company,\nticket 1234",
    ]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert!(
        ran.stdout.ends_with("  asked the hosting company, ticket 1234\n"),
        "{ran:#?}"
    );

    let shown = office.bounceaudit(with_ledger(&["report", "--utc"]));
    let notes: Vec<_> = shown
        .stdout
        .lines()
        .filter(|line| line.trim_start().starts_with("Note 2"))
        .collect();
    assert_eq!(notes.len(), 1, "{shown:#?}");
    assert!(notes[0].contains(": asked the hosting company,"), "{shown:#?}");
}

#[test]
fn a_note_about_an_address_without_bounces_is_kept_and_says_so() {
    let office = Office::new();
    scanned(&office);

    let ran = office.bounceaudit(with_ledger(&["note", "192.0.2.99", "ours since today"]));

    ran.ended_with_one_line(0, &["no bounce", "192.0.2.99", "kept"]);
    assert!(ran.stdout.contains("ours since today"), "{ran:#?}");
}

#[test]
fn a_note_without_text_address_or_ledger_is_refused() {
    let office = Office::new();
    for (arguments, words) in [
        (
            ["note", "192.0.2.10", " \n"],
            ["the note is empty", "ticket 1234"],
        ),
        (["note", "192.0.2.256", "asked"], ["192.0.2.256", "<IP>"]),
    ] {
        let ran = office.bounceaudit(with_ledger(&arguments));
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:#?}");
        for word in words {
            assert!(ran.stderr.contains(word), "{word}: {ran:#?}");
        }
    }

    let ran = office.bounceaudit(with_ledger(&["note", "192.0.2.10", "asked"]));

    ran.ended_with_one_line(1, &["there is no ledger", "ledger.db", "scan"]);
    assert!(!office.path("ledger.db").exists());
}
