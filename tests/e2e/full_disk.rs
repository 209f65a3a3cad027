//! A disk that gets full in the middle of a scan: what was recorded is safe, and the next run records the rest.

use std::fs;
use std::path::Path;

use crate::office::Office;
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
