//! What goes wrong at a server, and the one line that says so.

use std::os::unix::fs::PermissionsExt;

use crate::office::Office;
use crate::support::certificate::Leaf;
use crate::support::dovecot::{Dovecot, USER, free_port};

const OFFLINE: [&str; 3] = ["--no-dns", "--ca-file", "ca.pem"];

#[test]
fn a_wrong_password_is_named_with_its_account() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    office.write_secret("password", "something else");

    let ran = office.scan(server.port, &OFFLINE);

    ran.ended_with_one_line(1, &[USER, "localhost", "password"]);
    assert!(!ran.stderr.contains("something else"));
    assert_eq!(ran.stdout, "");
}

#[test]
fn an_unknown_host_is_named() {
    let office = Office::new();
    let ran = office.bounceaudit([
        "scan",
        "--no-dns",
        "--host",
        "imap.nowhere.invalid",
        "--user",
        USER,
        "--password-file",
        "password",
    ]);

    ran.ended_with_one_line(1, &["imap.nowhere.invalid", "unknown", "check the name"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_closed_port_is_named() {
    let office = Office::new();
    let port = free_port();

    let ran = office.scan(port, &OFFLINE);

    ran.ended_with_one_line(1, &["localhost", &port.to_string(), "refused", "check"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_certificate_of_another_name_is_not_accepted() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("mail.example.jp"));

    let ran = office.scan(server.port, &OFFLINE);

    ran.ended_with_one_line(1, &["localhost", "mail.example.jp", "--host"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_self_signed_certificate_is_not_accepted_and_its_fingerprint_is_told() {
    let office = Office::new();
    let server = Dovecot::start(&Leaf::self_signed("localhost").unwrap());

    let ran = office.scan(server.port, &["--no-dns"]);

    ran.ended_with_one_line(1, &["localhost", "--tls-fingerprint sha256:"]);
    let fingerprint: String = ran
        .stderr
        .split("sha256:")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(|letter| letter.is_ascii_hexdigit() || *letter == ':')
        .collect();
    // The remedy of the line helps.
    let remedy = format!("sha256:{}", fingerprint.trim_end_matches(':'));
    let ran = office.scan(server.port, &["--no-dns", "--tls-fingerprint", &remedy]);
    assert_eq!(ran.status, 0, "{ran:#?}");
}

#[test]
fn an_authority_that_nobody_told_us_of_is_not_accepted() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));

    let ran = office.scan(server.port, &["--no-dns"]);

    ran.ended_with_one_line(1, &["localhost", "--ca-file"]);
}

#[test]
fn what_the_platform_trusts_is_trusted() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    let port = server.port.to_string();
    let account = ["--host", "localhost", "--port", &port, "--user", USER];
    let rest = ["--password-file", "password", "--no-dns", "--no-ledger"];
    let scan = [&["scan"][..], &account, &rest].concat();

    // Where OpenSSL looks, too.
    let ran = office.bounceaudit_where(&[("SSL_CERT_FILE", "ca.pem")], &scan);

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
}

#[test]
fn a_machine_without_roots_of_its_own_still_tells_good_certificates_from_bad_ones() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    let port = server.port.to_string();
    let account = ["--host", "localhost", "--port", &port, "--user", USER];
    let rest = ["--password-file", "password", "--no-dns", "--no-ledger"];
    let scan = [&["scan"][..], &account, &rest].concat();
    // A container without ca-certificates.
    std::fs::write(office.path("none.pem"), "").unwrap();
    let bare = [("SSL_CERT_FILE", "none.pem"), ("SSL_CERT_DIR", "none")];

    office
        .bounceaudit_where(&bare, &scan)
        .ended_with_one_line(1, &["nobody whom this machine trusts", "--ca-file"]);
    let ran = office.bounceaudit_where(&bare, &[&scan[..], &["--ca-file", "ca.pem"]].concat());

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
}

#[test]
fn a_folder_that_does_not_exist_is_named_beside_those_that_do() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    for folder in [".Junk", ".&MKgw6TD8MOEw,DDr-"] {
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(server.maildir().join(folder).join(part)).unwrap();
        }
    }
    server.take_over();

    let ran = office.scan(
        server.port,
        &[&OFFLINE[..], &["--folder", "INBOX", "--folder", "Jukn"]].concat(),
    );

    ran.ended_with_one_line(3, &["Jukn", "INBOX", "Junk", "エラーメール"]);
    assert!(
        ran.stdout.contains("Jukn"),
        "the report names what is missing: {ran:#?}"
    );
}

#[test]
fn one_account_that_fails_does_not_take_the_other_along() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    let account = |name: &str, port: u16| {
        format!(
            "[[account]]\nname = {name:?}\nhost = \"localhost\"\nport = {port}\nuser = {USER:?}\n\
             ca_file = \"ca.pem\"\npassword_file = \"password\"\n"
        )
    };
    let accounts = [account("closed", free_port()), account("open", server.port)].concat();
    std::fs::write(office.path("two.toml"), accounts).unwrap();

    let ran = office.bounceaudit(["scan", "--config", "two.toml", "--no-dns", "--no-ledger"]);

    ran.ended_with_one_line(3, &["closed", "refused"]);
    assert!(
        ran.stdout.contains("closed"),
        "the report names what is missing: {ran:#?}"
    );
}

#[test]
fn tls_at_a_port_for_starttls_is_explained() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));

    let ran = office.scan(server.starttls_port, &OFFLINE);

    ran.ended_with_one_line(1, &["localhost", "--tls starttls"]);
}

#[test]
fn a_password_file_that_others_may_read_is_not_used() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    std::fs::set_permissions(office.path("password"), std::fs::Permissions::from_mode(0o644)).unwrap();

    let ran = office.scan(server.port, &OFFLINE);

    ran.ended_with_one_line(1, &["password", "chmod 600"]);
}
