//! `cargo run --example demo`, as a newcomer starts it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Blocked address, receiving domain and blocklist of the five stories, and of their kin.
const STORIES: [(&str, &str, &str); 6] = [
    ("192.0.2.10", "outlook.example.jp", "spamhaus"),
    ("192.0.2.185", "univ.example.ac.jp", "spamhaus"),
    ("192.0.2.77", "canary.example.com", "gmo-rbl"),
    ("192.0.2.44", "myclient.example.com", "microsoft-365"),
    ("192.0.2.99", "portal.example.jp", "microsoft-outlook"),
    ("192.0.2.99", "small.example.net", "spamhaus-zen"),
];

/// What `cargo test` tells a test about its package. Left in place it makes a cargo below this one build ring again,
/// whose build script looks at these.
const OF_THE_OUTER_CARGO: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"];

fn cargo(what: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let told = |prefix: &&str| name.to_str().is_some_and(|name| name.starts_with(*prefix));
        if OF_THE_OUTER_CARGO.iter().any(told) {
            command.env_remove(name);
        }
    }
    command
        .args([what, "--quiet", "--locked", "--offline", "--example", "demo"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("LANGUAGE")
        .env_remove("BOUNCEAUDIT_LANG");
    command
}

#[test]
fn the_demo_shows_each_story_within_ten_seconds() {
    assert!(cargo("build").status().unwrap().success());

    let started = Instant::now();
    let ran = cargo("run").output().unwrap();
    let took = started.elapsed();

    let (stdout, stderr) = (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
    );
    assert!(ran.status.success(), "{stdout}\n{stderr}");
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/demo");
    let japanese = fs::read_to_string(folder.join("report.ja.txt")).unwrap();
    assert!(
        japanese.contains("192.0.2.10") && japanese.contains("掲載"),
        "{japanese}"
    );
    for table in [
        "events.csv",
        "checks.csv",
        "report.html",
        "report.xlsx",
        "report.json",
    ] {
        assert!(fs::metadata(folder.join(table)).unwrap().len() > 500, "{table}");
    }
    let groups = fs::read_to_string(folder.join("groups.csv")).unwrap();
    for (ip, domain, list) in STORIES {
        let row = groups
            .lines()
            .find(|line| line.starts_with(&format!("{ip},{domain},")));
        assert!(
            row.is_some_and(|row| row.split(',').any(|cell| cell == list)),
            "{ip} {domain} {list}:\n{groups}"
        );
        for word in [ip, domain, list] {
            assert!(stdout.contains(word), "{word} is not in the report:\n{stdout}");
        }
    }
}
