//! What the DNS says, down to the outputs: never "no" without proof, never a key, nothing with `--no-dns`.

use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;

use hickory_resolver::proto::rr::Name;

use crate::mailbox::{Row, table};
use crate::office::{Office, Ran};
use crate::support::dns::{TEST_ENTRY, Zones};
use crate::support::dovecot::{Dovecot, USER};
use crate::support::faulty::{Faulty, answer};
use crate::support::malformed::{self, FORGED, MALFORMED, OVER_TCP, Test};

const REFUSES: &str = "0/1 :127.255.255.254:open resolver\n128/1 :127.255.255.254:open resolver\n";
const THE_WORLD: &str = "0/1 :127.0.0.2:the world\n128/1 :127.0.0.2:the world\n";
const KEY: &str = "himitsukey0123";
const OTHER_KEY: &str = "kagiabusix456";

/// A bounce of Postfix: this receiver's host refused this address by what this zone says.
fn bounce(receiver: &str, ip: &str, zone: &str) -> String {
    let reply = format!("554 5.7.1 Service unavailable; Client host [{ip}] blocked using {zone}");
    format!(
        "Return-Path: <>\nDate: Mon, 23 Nov 2026 11:00:02 +0900\n\
         From: MAILER-DAEMON@mail.shop.example.jp (Mail Delivery System)\nTo: web@shop.example.jp\n\
         Subject: Undelivered Mail Returned to Sender\nMessage-ID: <{receiver}@mail.shop.example.jp>\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\n\n\
         --B\nContent-Type: text/plain\n\nThis is the mail system at host mail.shop.example.jp.\n\n\
         <info@{receiver}>: host mx.{receiver}[198.51.100.25] said: {reply} (in reply to RCPT TO command)\n\n\
         --B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.shop.example.jp\n\
         Arrival-Date: Mon, 23 Nov 2026 11:00:00 +0900\n\nFinal-Recipient: rfc822; info@{receiver}\n\
         Action: failed\nStatus: 5.7.1\nRemote-MTA: dns; mx.{receiver}\nDiagnostic-Code: smtp; {reply}\n\n\
         --B\nContent-Type: text/rfc822-headers\n\nReceived: from web01.local (unknown [{ip}])\n\tby mx.{receiver} (Postfix) with ESMTP id 4N9\nDate: Mon, 23 Nov 2026 11:00:00 +0900\n\
         From: web@shop.example.jp\nTo: info@{receiver}\nSubject: test\nMessage-ID: <{receiver}.1@shop.example.jp>\n\n--B--\n"
    )
}

/// A Dovecot with a bounce for each receiver, address and zone.
fn mailbox(office: &Office, bounces: &[(&str, &str, &str)]) -> Dovecot {
    let server = Dovecot::start(&office.certificate("localhost"));
    let folder = server.maildir();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for (at, (receiver, ip, zone)) in bounces.iter().enumerate() {
        fs::write(
            folder.join("new").join(format!("1.{at}.here")),
            bounce(receiver, ip, zone),
        )
        .unwrap();
    }
    server.take_over();
    server
}

fn scan(office: &Office, server: &Dovecot, resolver: &str, more: &[&str]) -> Ran {
    let options = [
        "--config",
        "config.toml",
        "--ca-file",
        "ca.pem",
        "--ledger",
        "ledger.db",
        "--dns",
        resolver,
        "--csv",
        "groups.csv",
        "--checks-csv",
        "checks.csv",
        "--events-csv",
        "events.csv",
    ];
    let options: Vec<&str> = options.iter().chain(more).copied().collect();
    office.scan(server.port, &options)
}

fn group<'a>(rows: &'a [Row], domain: &str) -> &'a Row {
    let found = rows.iter().find(|row| row["receiving_domain"] == domain);
    found.unwrap_or_else(|| panic!("no group of {domain}: {rows:#?}"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of zones and what they prove")]
fn only_a_list_that_was_proven_alive_makes_an_address_clean_in_the_csv() {
    let office = Office::new();
    fs::write(
        office.path("config.toml"),
        "[dns]\ntimeout = \"500ms\"\ntries = 1\n",
    )
    .unwrap();
    let cases = [
        ("listed.example", "192.0.2.10", "zen.spamhaus.org", "yes"),
        ("healthy.example", "192.0.2.11", "zen.spamhaus.org", "no"),
        ("refused.example", "192.0.2.12", "bl.spamcop.net", "unknown"),
        ("dead.example", "192.0.2.13", "psbl.surriel.com", "unknown"),
        (
            "silent.example",
            "192.0.2.14",
            "b.barracudacentral.org",
            "unknown",
        ),
        ("lame.example", "192.0.2.15", "dnsbl-1.uceprotect.net", "unknown"),
        ("untested.example", "192.0.2.16", "gmo-rbl.jp", "unknown"),
        ("emptied.example", "192.0.2.17", "bl.mailspike.net", "unknown"),
    ];
    let server = mailbox(
        &office,
        &cases.map(|(receiver, ip, zone, _)| (receiver, ip, zone)),
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = Zones::default()
        .ipv4(
            "zen.spamhaus.org",
            &format!("{TEST_ENTRY}192.0.2.10 :127.0.0.3:CSS\n"),
        )
        .ipv4("bl.spamcop.net", REFUSES)
        .ipv4("psbl.surriel.com", THE_WORLD)
        .elsewhere("b.barracudacentral.org", silent.local_addr().unwrap())
        .lame("dnsbl-1.uceprotect.net")
        .ipv4("gmo-rbl.jp", "203.0.113.99 :127.0.0.2:somebody else\n")
        .ipv4("bl.mailspike.net", "203.0.113.99 :127.0.0.2:somebody else\n")
        .record("listed.example. MX 10 listed-example.mail.protection.outlook.com.")
        .record("10.2.0.192.in-addr.arpa. PTR mail.shop.example.jp.")
        .record("mail.shop.example.jp. A 192.0.2.10")
        .record("10.2.0.192.origin.asn.cymru.com. TXT \"64500 | 192.0.2.0/24 | JP | apnic | 2010-01-01\"")
        .record("AS64500.asn.cymru.com. TXT \"64500 | JP | apnic | 2010-01-01 | EXAMPLE-NET Example KK, JP\"")
        .start();
    let resolver = dns.resolver.to_string();

    let ran = scan(&office, &server, &resolver, &["--quiet"]);

    assert_eq!(ran.status, 0, "{ran:#?}");
    let rows = table(&office.path("groups.csv"));
    for (receiver, _, zone, listed_now) in cases {
        let row = group(&rows, receiver);
        assert_eq!(row["listed_now"], listed_now, "{zone}: {row:#?}");
        assert_eq!(row["owner"], "EXAMPLE-NET Example KK, JP (AS64500)", "{row:#?}");
    }
    let listed = group(&rows, "listed.example");
    assert_eq!(
        (listed["provider"].as_str(), listed["ptr"].as_str()),
        ("Microsoft 365", "mail.shop.example.jp")
    );
    let own = "Your own IP, not a shared one";
    assert_eq!(ran.stdout.matches(own).count(), 1, "{}", ran.stdout);
    let helo = "HELO is web01.local, the PTR name mail.shop.example.jp";
    assert_eq!(ran.stdout.matches(helo).count(), 1, "{}", ran.stdout);
    let answers = table(&office.path("checks.csv"));
    for (zone, wanted) in [
        ("bl.spamcop.net", "refused"),
        ("psbl.surriel.com", "zone-dead"),
        ("b.barracudacentral.org", "timeout"),
        ("dnsbl-1.uceprotect.net", "error"),
        ("gmo-rbl.jp", "error"),
        ("bl.mailspike.net", "error"),
    ] {
        let of_zone: Vec<_> = answers.iter().filter(|row| row["zone"] == zone).collect();
        assert_eq!(of_zone.len(), cases.len());
        assert!(of_zone.iter().all(|row| row["result"] == wanted), "{of_zone:#?}");
    }
}

#[test]
fn an_answer_that_is_none_makes_no_address_clean_in_the_csv() {
    let office = Office::new();
    fs::write(office.path("config.toml"), "[dns]\ntimeout = \"2s\"\ntries = 1\n").unwrap();
    // Who closes a connection would close it for the others over TCP.
    let rows: Vec<_> = FORGED.iter().chain(&MALFORMED).chain(&OVER_TCP[..1]).collect();
    let ip = |at: usize| format!("203.0.113.{at}");
    let zones: Vec<&str> = rows
        .iter()
        .map(|row| row.zone)
        .chain(["healthy.example"])
        .collect();
    let refusals: Vec<_> = zones
        .iter()
        .enumerate()
        .map(|(at, zone)| (*zone, ip(at)))
        .collect();
    let bounces: Vec<_> = refusals
        .iter()
        .map(|(zone, ip)| (*zone, ip.as_str(), *zone))
        .collect();
    let server = mailbox(&office, &bounces);
    let resolver = malformed::start(&rows, Test::Good).at.to_string();

    let ran = scan(&office, &server, &resolver, &["--quiet"]);

    assert_eq!(ran.status, 0, "{ran:#?}");
    let groups = table(&office.path("groups.csv"));
    let answers = table(&office.path("checks.csv"));
    assert_eq!(group(&groups, "healthy.example")["listed_now"], "no");
    for (at, row) in rows.iter().enumerate() {
        let group = group(&groups, row.zone);
        assert_eq!(group["listed_now"], "unknown", "{group:#?}");
        let answer = answers
            .iter()
            .find(|answer| answer["zone"] == row.zone && answer["ip"] == ip(at));
        assert!(row.allows(&answer.unwrap()["result"]), "{answer:#?}");
    }
}

#[test]
fn with_no_dns_nothing_is_asked() {
    let office = Office::new();
    fs::write(office.path("config.toml"), "").unwrap();
    let server = mailbox(&office, &[("receiver.example", "192.0.2.10", "zen.spamhaus.org")]);
    let listener = Faulty::start(|query| Some(answer(query, &[])));
    let resolver = listener.at.to_string();

    let ran = scan(&office, &server, &resolver, &["--no-dns"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let check = [
        "check",
        "--no-dns",
        "--dns",
        &resolver,
        "192.0.2.10",
        "mail.shop.example.jp",
    ];
    office
        .bounceaudit(check)
        .ended_with_one_line(1, &["check asks the DNS", "--no-dns"]);
    let test = ["lists", "--test", "--no-dns", "--dns", &resolver];
    assert_eq!(office.bounceaudit(test).status, 1);
    assert_eq!(office.bounceaudit(["report", "--ledger", "ledger.db"]).status, 0);
    assert_eq!(listener.asked().len(), 0);

    // The listener hears what is asked.
    scan(&office, &server, &resolver, &[]);
    assert!(listener.asked().contains("10.2.0.192.in-addr.arpa."));
}

#[test]
fn a_second_scan_does_not_ask_for_what_still_holds() {
    let office = Office::new();
    fs::write(office.path("config.toml"), "[dns]\ntries = 1\n").unwrap();
    let server = mailbox(&office, &[("receiver.example", "192.0.2.10", "zen.spamhaus.org")]);
    let lines = format!("$TTL 3000\n{TEST_ENTRY}192.0.2.10 :127.0.0.3:CSS\n");
    let dns = Zones::default().ipv4("zen.spamhaus.org", &lines).start();
    let zone = ["--zone", "zen.spamhaus.org"];
    assert_eq!(scan(&office, &server, &dns.resolver.to_string(), &zone).status, 0);
    let listener = Faulty::start(|query| Some(answer(query, &[])));
    let ran = scan(&office, &server, &listener.at.to_string(), &zone);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let asked = listener.asked();
    assert!(!asked.iter().any(|name| name.contains("spamhaus")), "{asked:?}");
    assert_eq!(table(&office.path("groups.csv"))[0]["listed_now"], "yes");
}

/// The program with the keys of two zones.
struct Customer {
    office: Office,
    resolver: String,
}

impl Customer {
    fn run(&self, arguments: &[&str]) -> Ran {
        let shared = ["--dns", &self.resolver];
        let arguments = [arguments, &shared].concat();
        self.office.bounceaudit_where(&[("KEY", OTHER_KEY)], &arguments)
    }

    /// Every form of `check` and of `lists --test`.
    fn asks(&self) -> Vec<Ran> {
        let mut outputs = Vec::new();
        for format in ["table", "csv", "ndjson", "nagios"] {
            let ran = self.run(&[
                "check",
                "-vv",
                "--config",
                "config.toml",
                "--format",
                format,
                "192.0.2.10",
            ]);
            assert!(ran.stdout.contains("zen.dq.spamhaus.net"), "{ran:#?}");
            outputs.push(ran);
        }
        for format in ["table", "csv", "ndjson"] {
            let test = ["lists", "--test", "-vv", "--config", "config.toml", "dq.spamhaus"];
            let ran = self.run(&[&test[..], &["--format", format]].concat());
            assert!(ran.stdout.contains("healthy"), "{ran:#?}");
            outputs.push(ran);
        }
        outputs
    }

    fn scans(&self, server: &Dovecot) -> Vec<Ran> {
        let port = server.port.to_string();
        let mailbox = [
            "--host",
            "localhost",
            "--port",
            &port,
            "--user",
            USER,
            "--password-file",
            "password",
        ];
        let outputs = [
            "--csv",
            "groups.csv",
            "--checks-csv",
            "checks.csv",
            "--events-csv",
            "events.csv",
        ];
        let options = [
            "scan",
            "-vv",
            "--config",
            "config.toml",
            "--ca-file",
            "ca.pem",
            "--ledger",
            "ledger.db",
        ];
        let scan = self.run(&[&options[..], &mailbox, &outputs].concat());
        assert_eq!(scan.status, 0, "{scan:#?}");
        let report = [
            "report",
            "-vv",
            "--config",
            "config.toml",
            "--ledger",
            "ledger.db",
        ];
        vec![
            scan,
            self.office.bounceaudit_where(&[("KEY", OTHER_KEY)], &report),
        ]
    }

    /// What is wrong with a key is told without it.
    fn errs(&self) -> Vec<Ran> {
        let zone = "zen.dq.spamhaus.net";
        self.office.write_secret("bad.key", &format!("{KEY} and more"));
        let bad = format!("[dns]\nkeys = {{ \"{zone}\" = {{ file = \"bad.key\" }} }}\n");
        fs::write(self.office.path("bad.toml"), bad).unwrap();
        let bad = self.run(&["check", "-vv", "--config", "bad.toml", "192.0.2.10"]);
        bad.ended_with_one_line(1, &[zone, "no key"]);
        let misplaced = format!("[dns]\nkeys = {{ \"{zone}\" = \"{KEY}\" }}\n");
        fs::write(self.office.path("misplaced.toml"), misplaced).unwrap();
        let misplaced = self.run(&["check", "--config", "misplaced.toml", "192.0.2.10"]);
        misplaced.ended_with_one_line(1, &[zone, "file", "env"]);
        vec![bad, misplaced]
    }
}

#[test]
fn a_customers_key_is_in_no_output_no_log_and_not_in_the_ledger() {
    let office = Office::new();
    office.write_secret("dqs.key", &KEY.to_uppercase());
    let keys =
        "\"zen.dq.spamhaus.net\" = { file = \"dqs.key\" }, \"combined.mail.abusix.zone\" = { env = \"KEY\" }";
    let config = format!("[dns]\ntries = 1\nkeys = {{ {keys} }}\n");
    fs::write(office.path("config.toml"), config).unwrap();
    let server = mailbox(&office, &[("receiver.example", "192.0.2.10", "zen.spamhaus.org")]);
    let mut lines = TEST_ENTRY.to_owned();
    // An answer that repeats the question.
    writeln!(
        lines,
        "192.0.2.10 :127.0.0.3:10.2.0.192.{KEY}.zen.dq.spamhaus.net is listed"
    )
    .unwrap();
    let dns = Zones::default()
        .ipv4(&format!("{KEY}.zen.dq.spamhaus.net"), &lines)
        .lame(&format!("{OTHER_KEY}.combined.mail.abusix.zone"))
        .start();
    let mut customer = Customer {
        office,
        resolver: dns.resolver.to_string(),
    };
    let mut outputs = [customer.asks(), customer.scans(&server), customer.errs()].concat();
    let row = &table(&customer.office.path("groups.csv"))[0];
    assert_eq!(
        (row["listed_now"].as_str(), row["zones_listed"].as_str()),
        ("yes", "zen.dq.spamhaus.net")
    );
    // A resolver that answers another question: hickory warns of it with the name that it asked.
    let forger = Faulty::start(|query| {
        let mut forged = query.clone();
        let name = forged.queries.first_mut()?;
        name.set_name(Name::from_ascii("forged.example.").ok()?);
        Some(answer(&forged, &[]))
    });
    customer.resolver = forger.at.to_string();
    outputs.push(customer.run(&["check", "-vv", "--config", "config.toml", "192.0.2.10"]));

    for ran in &outputs {
        shows_no_key(ran.stdout.as_bytes(), &ran.stdout);
        shows_no_key(ran.stderr.as_bytes(), &ran.stderr);
    }
    let mut searched = 0;
    for entry in fs::read_dir(customer.office.path("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && !["dqs.key", "bad.key", "misplaced.toml"].contains(&name.as_str()) {
            searched += usize::from(name.starts_with("ledger.db") || name.ends_with(".csv"));
            shows_no_key(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
    assert!(searched >= 4, "{searched}");
}

fn shows_no_key(bytes: &[u8], what: &str) {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    for key in [KEY, OTHER_KEY] {
        assert!(!text.contains(key), "{what}");
    }
}

#[test]
fn addresses_networks_names_and_stdin_are_checked_together() {
    let office = Office::new();
    let dns = Zones::default()
        .ipv4(
            "zen.spamhaus.org",
            &format!("{TEST_ENTRY}192.0.2.130 :127.0.0.3:CSS\n203.0.113.7 :127.0.0.3:CSS\n"),
        )
        .record("mail.shop.example.jp. A 203.0.113.7")
        .start();
    let resolver = dns.resolver.to_string();
    let options = [
        "check",
        "--dns",
        &resolver,
        "--zone",
        "zen.spamhaus.org",
        "--format",
        "csv",
    ];
    let csv = |more: &[&str], input: &str| {
        let ran = office.bounceaudit_with(&[&options[..], more].concat(), input);
        fs::write(office.path("out.csv"), &ran.stdout).unwrap();
        (table(&office.path("out.csv")), ran)
    };
    let (rows, ran) = csv(
        &["-", "198.51.100.1"],
        "192.0.2.128/25 # ours\nmail.shop.example.jp\n",
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(rows.len(), 128 + 2);
    let listed: Vec<_> = rows
        .iter()
        .filter(|row| row["result"] == "listed")
        .map(|row| row["ip"].as_str())
        .collect();
    assert_eq!(listed, ["192.0.2.130", "203.0.113.7"]);
    assert!(
        rows.iter()
            .all(|row| ["listed", "not-listed"].contains(&row["result"].as_str()))
    );

    let (rows, ran) = csv(&["nowhere.example", "192.0.2.1"], "");
    assert_eq!((ran.status, rows.len()), (3, 1));
    assert!(
        ran.stderr
            .contains("not checked: nowhere.example: has no address"),
        "{ran:#?}"
    );
    csv(&["nowhere.example"], "")
        .1
        .ended_with_one_line(1, &["nowhere.example"]);
    csv(&["-"], "192.0.2.0/23\n")
        .1
        .ended_with_one_line(1, &["192.0.2.0/23", "/24"]);

    // Of many addresses the table shows those that a list has, and counts the others.
    let table = [&options[..5], &["192.0.2.0/24"]].concat();
    let ran = office.bounceaudit_with(&table, "");
    assert!(ran.stdout.contains("192.0.2.130"), "{}", ran.stdout);
    assert!(ran.stdout.contains("255 more IPs"), "{}", ran.stdout);
    assert!(ran.stdout.lines().count() < 20, "{}", ran.stdout);
}

#[test]
fn lists_test_says_which_lists_can_be_believed() {
    let office = Office::new();
    let dns = Zones::default()
        .ipv4("zen.spamhaus.org", TEST_ENTRY)
        .ipv4("bl.spamcop.net", REFUSES)
        .ipv4("psbl.surriel.com", THE_WORLD)
        .ipv4("bl.mailspike.net", "203.0.113.99 :127.0.0.2:somebody else\n")
        .ipv4("gmo-rbl.jp", "203.0.113.99 :127.0.0.2:somebody else\n")
        .lame("b.barracudacentral.org")
        .start();
    let resolver = dns.resolver.to_string();
    let names = [
        "zen.spamhaus.org",
        "spamcop",
        "psbl",
        "bl.mailspike.net",
        "gmo-rbl",
        "barracuda",
        "sorbs",
    ];
    let options = ["lists", "--test", "--dns", &resolver, "--format"];
    let run = |format: &str| office.bounceaudit([&options[..], &[format], &names].concat());
    let ran = run("csv");
    assert_eq!(ran.status, 0, "{ran:#?}");
    fs::write(office.path("out.csv"), &ran.stdout).unwrap();
    let rows = table(&office.path("out.csv"));
    let health = |zone: &str, family: &str| {
        let row = rows
            .iter()
            .find(|row| row["zone"] == zone && row["family"] == family);
        row.unwrap_or_else(|| panic!("{zone}: {rows:#?}"))["health"].clone()
    };
    for (zone, family, wanted) in [
        ("zen.spamhaus.org", "IPv4", "healthy"),
        ("zen.spamhaus.org", "IPv6", "healthy"),
        ("zen.dq.spamhaus.net", "", "not-asked"),
        ("bl.spamcop.net", "IPv4", "refused"),
        ("psbl.surriel.com", "IPv4", "zone-dead"),
        ("bl.mailspike.net", "IPv4", "no-test-answer"),
        ("gmo-rbl.jp", "IPv4", "no-test-entry"),
        ("b.barracudacentral.org", "IPv4", "error"),
        ("dnsbl.sorbs.net", "", "not-asked"),
    ] {
        assert_eq!(health(zone, family), wanted, "{zone} {family}");
    }
    let text = run("table").stdout;
    assert!(text.contains("is refused by bl.spamcop.net"), "{text}");
    assert!(
        text.contains("tests passed: these lists can be believed"),
        "{text}"
    );
}
