//! A user's own catalogue: found from the configuration, the environment and the option, and refused where it is wrong.

use std::fs;

use crate::office::Office;

/// What the README shows, for a reply of its own and one that the program knows otherwise.
const OWN: &str = "[[list]]\nid = 'relay-example'\nname = \"The relay's own list\"\nkind = 'private'\nstatus = 'alive'\n\
     [[rule]]\nid = 'relay-example'\nreply = ['policy (?<code>P[0-9]+) of the relay refuses']\nreason = 'blocked'\n\
     blocklist = 'relay-example'\n";

fn bounce(reply: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@sv1.example.jp\nTo: hanako@shop.example.jp\nSubject: Undelivered Mail\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
         Sorry.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; sv1.example.jp\n\n\
         Final-Recipient: rfc822; taro@example.net\nAction: failed\nStatus: 5.7.1\n\
         Diagnostic-Code: smtp; {reply}\n\n--b--\n"
    )
}

/// The reason, list and code that `classify` gives for the mail.
fn verdict(office: &Office, options: &[&str]) -> (String, String, String) {
    let ran = office.bounceaudit([&["classify", "bounce.eml"], options].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let event: serde_json::Value = serde_json::from_str(ran.stdout.trim_end()).unwrap();
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("blocklist"), text("code"))
}

#[test]
fn a_rule_of_ones_own_is_tried_wherever_the_file_is_named() {
    let office = Office::new();
    let reply = "550 5.7.1 policy P17 of the relay refuses [192.0.2.10]";
    fs::write(office.path("bounce.eml"), bounce(reply)).unwrap();
    fs::create_dir_all(office.path(".config/bounceaudit/lists")).unwrap();
    fs::write(office.path(".config/bounceaudit/lists/own.toml"), OWN).unwrap();
    let ours = ("blocked".to_owned(), "relay-example".to_owned(), "P17".to_owned());

    let without = verdict(&office, &[]);
    assert_ne!(without, ours);
    let option = ["--catalogue", ".config/bounceaudit/lists/own.toml"];
    assert_eq!(verdict(&office, &option), ours);
    // relative to the configuration file, not to where the program was started
    let configuration = office.path(".config/bounceaudit/config.toml");
    fs::write(&configuration, "catalogue = \"lists/own.toml\"\n").unwrap();
    assert_eq!(verdict(&office, &[]), ours);
    let ran = office.bounceaudit(["lists", "relay-example", "--format", "csv"]);
    assert!(ran.stdout.contains("The relay's own list"), "{ran:#?}");
    // an option wins over the file
    fs::write(office.path("empty.toml"), "").unwrap();
    assert_eq!(verdict(&office, &["--catalogue", "empty.toml"]), without);
}

#[test]
fn the_log_names_the_rule_that_judged_a_reply() {
    let office = Office::new();
    fs::write(
        office.path("bounce.eml"),
        bounce("550 5.7.1 policy P17 of the relay refuses"),
    )
    .unwrap();
    fs::write(office.path("own.toml"), OWN).unwrap();
    let ran = office.bounceaudit(["-vv", "classify", "bounce.eml", "--catalogue", "own.toml"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let judged: Vec<_> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("judged"))
        .collect();
    assert_eq!(judged.len(), 1, "{ran:#?}");
    assert!(
        judged[0].contains("rule=\"relay-example\"") && judged[0].contains("policy P17"),
        "{ran:#?}"
    );
    let without = office.bounceaudit(["-vv", "classify", "bounce.eml"]);
    assert!(!without.stderr.contains("relay-example"), "{without:#?}");
}

#[test]
fn a_catalogue_that_is_wrong_stops_every_command_with_its_line() {
    let office = Office::new();
    fs::write(office.path("bounce.eml"), bounce("550 no")).unwrap();
    fs::write(office.path("own.toml"), format!("{OWN}{OWN}")).unwrap();
    let commands: [&[&str]; 5] = [
        &["lists"],
        &["classify", "bounce.eml"],
        &["check", "192.0.2.10"],
        &["report", "--ledger", "ledger.db"],
        &["scan", "--host", "localhost", "--user", "nobody", "--no-dns"],
    ];
    for command in commands {
        let ran = office.bounceaudit([command, &["--catalogue", "own.toml"]].concat());
        ran.ended_with_one_line(1, &["own.toml", "line 11", "relay-example", "another id"]);
        assert_eq!(ran.stdout, "");
    }
    let ran = office.bounceaudit(["lists", "--catalogue", "gone.toml"]);
    ran.ended_with_one_line(1, &["gone.toml", "--catalogue", "No such file"]);
}

#[test]
fn a_name_that_means_nothing_ends_lists_with_one_line() {
    let office = Office::new();
    office
        .bounceaudit(["lists", "spamcop", "no-such-list"])
        .ended_with_one_line(1, &["no-such-list", "without a filter"]);
}
