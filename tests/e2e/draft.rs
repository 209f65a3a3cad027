//! `draft`: a letter about one address, from what a scan has recorded, and when there is none.

use std::fs;
use std::path::Path;

use crate::office::Office;
use crate::support::dovecot::Dovecot;

const OFFLINE: [&str; 5] = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db"];
const LEDGER: [&str; 2] = ["--ledger", "ledger.db"];
/// Spamhaus refuses 192.0.2.10.
const SPAMHAUS: &str = "qmail-spamhaus-outlook.eml";
/// A receiver refuses 192.0.2.99 by mistake.
const FAULT: &str = "postfix-open-resolver.eml";

/// A ledger that a scan has made of these stories.
fn scanned(office: &Office, stories: &[&str]) {
    let server = Dovecot::start(&office.certificate("localhost"));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for story in stories {
        fs::copy(
            corpus.join(story),
            server.maildir().join(format!("new/1.{story}.host")),
        )
        .unwrap();
    }
    server.take_over();
    let ran = office.scan(server.port, &OFFLINE);
    assert_eq!(ran.status, 0, "{ran:#?}");
}

fn with_ledger<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &LEDGER[..]].concat()
}

#[test]
fn the_letter_goes_to_stdout_and_why_to_stderr_in_one_line() {
    let office = Office::new();
    scanned(&office, &[SPAMHAUS]);

    let ran = office.bounceaudit(with_ledger(&["draft", "192.0.2.10", "--lang", "en"]));
    ran.ended_with_one_line(
        0,
        &["192.0.2.10: a draft to the hosting company", "owner of the IP"],
    );
    let (advice, letter) = ran.stdout.split_once("\n\n").unwrap();
    assert!(advice.lines().all(|line| line.starts_with('#')), "{ran:#?}");
    assert!(advice.contains("Never: ask first and look later"), "{ran:#?}");
    assert!(
        letter.starts_with("Subject: 192.0.2.10 is refused by"),
        "{ran:#?}"
    );
    assert!(letter.contains("blocked using\n    Spamhaus."), "{ran:#?}");
    assert!(!letter.lines().any(|line| line.starts_with('#')), "{ran:#?}");

    let japanese = office.bounceaudit(with_ledger(&["draft", "::ffff:192.0.2.10", "--lang", "ja"]));
    japanese.ended_with_one_line(0, &["192.0.2.10: "]);
    assert!(
        japanese.stdout.contains("\n\n件名: 送信元 IP 192.0.2.10 が"),
        "{japanese:#?}"
    );
}

#[test]
fn the_configuration_chooses_and_an_option_wins() {
    let office = Office::new();
    scanned(&office, &[SPAMHAUS]);
    let own = "own_addresses = [\"192.0.2.0/28\"]\n";
    let host = "ask_via = \"hosting\"\n\
                hosting = { name = \"Example Hosting KK\", support = \"https://support.hosting.example.jp/\" }\n";
    fs::write(office.path("own.toml"), own).unwrap();
    fs::write(office.path("host.toml"), format!("{own}{host}")).unwrap();
    let draft = |config: &str, more: &[&str]| {
        let start = ["draft", "192.0.2.10", "--config", config, "--lang", "en"];
        office.bounceaudit(with_ledger(&[&start[..], more].concat()))
    };

    let ran = draft("own.toml", &[]);
    ran.ended_with_one_line(0, &["whoever keeps the list", "own_addresses"]);
    assert!(
        ran.stdout.contains("# To: https://check.spamhaus.org/"),
        "{ran:#?}"
    );
    let ran = draft("host.toml", &[]);
    ran.ended_with_one_line(0, &["hosting company", "ask_via"]);
    assert!(
        ran.stdout
            .contains("# To: Example Hosting KK: https://support.hosting.example.jp/"),
        "{ran:#?}"
    );
    draft("host.toml", &["--to", "list"]).ended_with_one_line(1, &["--to hosting", "do harm"]);
    let ran = draft("host.toml", &["--to", "customers"]);
    ran.ended_with_one_line(0, &["--to asks for it"]);
    assert!(
        ran.stdout.contains("Subject: Mail from shop.example.jp"),
        "{ran:#?}"
    );
    assert!(!ran.stdout.contains('@'), "{ran:#?}");
}

#[test]
fn a_broken_check_is_the_receivers_own_to_mend() {
    let office = Office::new();
    scanned(&office, &[FAULT]);

    let ran = office.bounceaudit(with_ledger(&["draft", "192.0.2.99", "--lang", "en"]));
    ran.ended_with_one_line(0, &["a draft to the receiver", "own check failed"]);
    assert!(
        ran.stdout.contains("# To: postmaster@small.example.net"),
        "{ran:#?}"
    );
    assert!(!ran.stdout.contains("was not listed"), "nobody asked: {ran:#?}");
    for to in ["list", "hosting"] {
        let ran = office.bounceaudit(with_ledger(&["draft", "192.0.2.99", "--to", to]));
        ran.ended_with_one_line(1, &["own check failed", "--to receiver"]);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn without_evidence_there_is_nothing_to_write() {
    let office = Office::new();
    office
        .bounceaudit(with_ledger(&["draft", "192.0.2.10"]))
        .ended_with_one_line(1, &["ledger.db"]);
    scanned(&office, &[SPAMHAUS]);

    for arguments in [
        &["draft", "192.0.2.11"][..],
        &["draft", "192.0.2.10", "--until", "2001-01-01"],
    ] {
        let ran = office.bounceaudit(with_ledger(arguments));
        ran.ended_with_one_line(1, &["no bounce in the ledger", "nothing to write"]);
        assert_eq!(ran.stdout, "");
    }
}
