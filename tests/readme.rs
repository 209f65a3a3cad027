//! Runs every `bounceaudit` command of the README, with its configuration file, against real servers.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "the end-to-end tests use more of it")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bounceaudit::catalogue::Catalogue;

use support::certificate::Authority;
use support::dns::{TEST_ENTRY, Zones};
use support::dovecot::{Dovecot, PASSWORD};

/// The one name that cannot be had on loopback.
const HOST: (&str, &str) = ("imap.hosting.example.jp", "localhost");
/// `INBOX`, `Junk` and `エラー/2026` as Maildir++ has them (modified UTF-7, RFC 3501 §5.1.3).
const FOLDERS: [&str; 3] = ["", ".Junk", ".&MKgw6TD8-.2026"];

/// The lines of all fenced blocks of a language, block by block.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme
        .split(&fence)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned()))
        .collect()
}

fn corpus(name: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus")
            .join(name),
    )
    .unwrap()
}

/// The mail, as if it had been sent and refused just now: `--since 14d` leaves nothing else.
fn of_today(mail: &str) -> String {
    let now = chrono::Utc::now().to_rfc2822();
    let line = |line: &str| match line.split_once(": ") {
        Some((name @ ("Date" | "Arrival-Date"), _)) => format!("{name}: {now}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    mail.lines().map(line).collect()
}

fn deliver(server: &Dovecot) {
    for (at, folder) in FOLDERS.iter().enumerate() {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(server.maildir().join(folder).join(part)).unwrap();
        }
        let mail = [
            "qmail-spamhaus-outlook.eml",
            "postfix-s3150.eml",
            "postfix-gmo-rbl-late.eml",
        ];
        let mail = of_today(&corpus(mail[at]));
        let name = format!("1.{at}.here");
        fs::write(server.maildir().join(folder).join("new").join(name), mail).unwrap();
    }
    server.take_over();
}

/// A home in which a reader of the README sits: its configuration, `pass`, and mails that somebody sent.
fn furnish(home: &Path, readme: &str, authority: &Authority) {
    let folder = home.join(".config/bounceaudit");
    fs::create_dir_all(&folder).unwrap();
    let files = blocks(readme, "toml");
    let [configuration, catalogue] = files.as_slice() else {
        panic!("the README shows a configuration and a catalogue: {files:?}");
    };
    fs::write(folder.join("config.toml"), configuration).unwrap();
    fs::write(folder.join("catalogue.toml"), catalogue).unwrap();
    fs::write(home.join("ca.pem"), authority.pem()).unwrap();
    fs::create_dir_all(home.join("bin")).unwrap();
    fs::write(
        home.join("bin/pass"),
        format!("#!/bin/sh\n[ \"$*\" = 'show postmaster' ] && echo '{PASSWORD}'\n"),
    )
    .unwrap();
    fs::set_permissions(home.join("bin/pass"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(home.join("ips.txt"), "192.0.2.10 # the web server\n").unwrap();
    fs::create_dir_all(home.join("bounces")).unwrap();
    fs::write(home.join("bounces/one.eml"), corpus("sendmail-transcript.eml")).unwrap();
}

#[test]
fn every_command_of_the_readme_runs() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let readme = readme.replace(HOST.0, HOST.1);
    let authority = Authority::new().unwrap();
    let dovecot = Dovecot::start(&authority.vouch_for(&["localhost"]).unwrap());
    deliver(&dovecot);
    let catalogue = Catalogue::built_in().unwrap();
    let listed = format!("{TEST_ENTRY}192.0.2.10 :127.0.0.3:CSS\n");
    let zones = catalogue
        .default_zones()
        .into_iter()
        .fold(Zones::default(), |zones, zone| zones.ipv4(zone.as_str(), &listed));
    let dns = zones.start();
    let home = tempfile::tempdir().unwrap();
    furnish(home.path(), &readme, &authority);

    let bin = Path::new(env!("CARGO_BIN_EXE_bounceaudit")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", bin.display(), home.path().join("bin").display());
    let blocks = blocks(&readme, "sh");
    let commands: Vec<_> = blocks
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("bounceaudit"))
        .collect();
    assert!(commands.len() >= 5, "the README shows {commands:?}");
    for command in commands {
        let ran = Command::new("sh")
            .args(["-c", command])
            .current_dir(home.path())
            .env_clear()
            .envs([
                ("PATH", path.as_str()),
                ("TZ", "Asia/Tokyo"),
                ("LC_ALL", "C.UTF-8"),
            ])
            .env("HOME", home.path())
            .env("BOUNCEAUDIT_PORT", dovecot.port.to_string())
            .env("BOUNCEAUDIT_CA_FILE", home.path().join("ca.pem"))
            .env("BOUNCEAUDIT_PASSWORD", PASSWORD)
            .env("BOUNCEAUDIT_DNS", dns.resolver.to_string())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        // 4 is what `--fail-on blocked` promises where an IP is blocked.
        let wanted = if command.contains("--fail-on") { 4 } else { 0 };
        assert_eq!(ran.status.code(), Some(wanted), "{command}\n{stderr}");
        assert!(
            !ran.stdout.is_empty() || command.contains("--csv"),
            "{command} printed nothing\n{stderr}"
        );
    }
    for table in ["blocked.csv", "events.csv", "checks.csv"] {
        let bytes = fs::read(home.path().join(table)).unwrap();
        assert!(
            bytes.starts_with("\u{feff}".as_bytes()),
            "{table} has no byte order mark"
        );
    }
}
