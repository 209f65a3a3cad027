//! The same mailbox on Dovecot, Courier and Cyrus.

use std::fs;
use std::path::Path;

use crate::mailbox::{Row, SHARED, events, filled};
use crate::office::Office;
use crate::unpacked::{Kind, Unpacked, maildir};

/// The events of a scan of these folders, without the column that names the server's own UIDs; in one order.
fn read(office: &Office, port: u16, folders: &[&str]) -> Vec<Row> {
    let named = folders.iter().flat_map(|folder| ["--folder", folder]);
    let options: Vec<_> = SHARED.into_iter().chain(["--no-dns"]).chain(named).collect();
    let ran = office.scan(port, &options);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let mut rows = events(office);
    fs::remove_file(office.path("ledger.db")).unwrap();
    for row in &mut rows {
        assert!(
            row.remove("source")
                .is_some_and(|source| source.starts_with("imaps://"))
        );
    }
    rows.sort();
    rows
}

#[test]
#[ignore = "long: two more servers, unpacked by tests/run --long"]
fn the_same_mailbox_gives_the_same_events_on_dovecot_courier_and_cyrus() {
    let office = Office::new();
    fs::write(office.path("config.toml"), "").unwrap();
    let dovecot = filled(&office);
    let known = read(&office, dovecot.port, &["INBOX", "Junk", "エラーメール"]);
    assert!(known.len() > 150, "{}", known.len());

    let home = Unpacked::home();
    copy(&dovecot.maildir(), &maildir(&home));
    // Courier 5 has the names of folders in UTF-8 on the disk
    fs::rename(
        maildir(&home).join(".&MKgw6TD8MOEw,DDr-"),
        maildir(&home).join(".エラーメール"),
    )
    .unwrap();
    let courier = Unpacked::start(Kind::Courier, &office.certificate("localhost"), home);
    assert_eq!(
        read(
            &office,
            courier.port,
            &["INBOX", "INBOX.Junk", "INBOX.エラーメール"]
        ),
        known
    );

    let cyrus = Unpacked::start(Kind::Cyrus, &office.certificate("localhost"), Unpacked::home());
    office.append(&dovecot.maildir(), cyrus.port);
    assert_eq!(
        read(&office, cyrus.port, &["INBOX", "Junk", "エラーメール"]),
        known
    );
}

/// With the times of the files, which are those of arrival.
fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}
