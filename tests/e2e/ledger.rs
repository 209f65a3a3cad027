//! What may happen to a ledger: its disk gets full or cannot be written, two scans come at once. What was recorded is safe,
//! and the next run records the rest.

use std::fs;
use std::path::Path;

use crate::office::{Office, Ran};
use crate::support::dovecot::{Dovecot, USER};

const BOUNCES: usize = 1500;

fn fill(server: &Dovecot) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mail = fs::read_to_string(corpus.join("postfix-gmo-rbl-late.eml")).unwrap();
    for number in 0..BOUNCES {
        let mail = mail.replace(
            "cc@canary.example.com",
            &format!("user{number}@canary.example.com"),
        );
        fs::write(server.maildir().join(format!("new/{number}.{number}.host")), mail).unwrap();
    }
    server.take_over();
}

#[test]
#[ignore = "long: mounts a small file system, as root alone may"]
fn a_full_disk_loses_nothing_and_says_so() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    fill(&server);
    let scan = format!(
        "\"$0\" scan --host localhost --port {} --user {USER} --password-file password --ca-file ca.pem \
         --no-dns --quiet --ledger disk/ledger.db",
        server.port
    );
    let ran = office.apart(&format!(
        "mkdir disk && mount -t tmpfs -o size=2m tmpfs disk || exit 9
         {scan} >full.txt 2>full.err; echo $?
         mount -o remount,size=50m disk
         {scan} --events-csv first.csv >rest.txt; echo $?
         {scan} --full --events-csv again.csv >again.txt; echo $?"
    ));

    assert_eq!(ran.stdout, "1\n0\n0\n", "{ran:#?}");
    let said = fs::read_to_string(office.path("full.err")).unwrap();
    assert!(
        said.contains("disk/ledger.db is full; what was recorded before is safe"),
        "{said}"
    );
    let rows = |name: &str| fs::read_to_string(office.path(name)).unwrap().lines().count();
    assert_eq!(rows("first.csv"), BOUNCES + 1);
    assert_eq!(
        fs::read(office.path("first.csv")).unwrap(),
        fs::read(office.path("again.csv")).unwrap()
    );
}

#[test]
#[ignore = "long: mounts a small file system, as root alone may"]
fn a_disk_that_cannot_be_written_is_told_in_one_line() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    let ran = office.apart(&format!(
        "mkdir disk && mount -t tmpfs -o size=2m,ro tmpfs disk || exit 9
         \"$0\" scan --host localhost --port {} --user {USER} --password-file password --ca-file ca.pem \
         --no-dns --ledger disk/ledger.db",
        server.port
    ));

    ran.ended_with_one_line(1, &["disk/ledger.db", "name another file with --ledger"]);
}

#[test]
fn two_scans_at_once_count_nothing_twice_and_lose_nothing() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    fill(&server);
    let port = server.port.to_string();
    let scan = |more: &[&str]| {
        let shared = ["scan", "--host", "localhost", "--port", &port, "--user", USER];
        let rest = [
            "--password-file",
            "password",
            "--ca-file",
            "ca.pem",
            "--no-dns",
            "--ledger",
            "ledger.db",
        ];
        office.under_way([&shared[..], &rest, more].concat())
    };
    let both = [scan(&[]), scan(&[])].map(Ran::of);
    assert!(both.iter().any(|ran| ran.status == 0), "{both:#?}");
    for ran in both.iter().filter(|ran| ran.status != 0) {
        ran.ended_with_one_line(1, &["another bounceaudit is writing to the ledger"]);
    }

    let last = Ran::of(scan(&["--events-csv", "events.csv"]));
    assert_eq!(last.status, 0, "{last:#?}");
    let rows = fs::read_to_string(office.path("events.csv"))
        .unwrap()
        .lines()
        .count();
    assert_eq!(rows, BOUNCES + 1);
}
