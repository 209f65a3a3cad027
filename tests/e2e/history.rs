//! What a user does with the ledger itself: notes, and what `ledger` looks after.

use std::fs;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

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
fn a_file_without_a_folder_is_refused_before_anything_is_done() {
    let office = Office::new();
    let ran = office.bounceaudit(with_ledger(&["report", "--html", "reports/week.html"]));
    ran.ended_with_one_line(1, &["reports/week.html", "reports is no folder"]);
}

#[test]
#[ignore = "long: mounts a small file system, as root alone may"]
fn on_a_full_disk_the_files_of_the_last_report_stay() {
    let office = Office::new();
    scanned(&office);
    let tables = [
        "groups.csv",
        "events.csv",
        "checks.csv",
        "report.xlsx",
        "report.html",
        "report.json",
    ];
    let [groups, events, checks, workbook, page, json] = tables;
    let ran = office.apart(&format!(
        "mkdir disk && mount -t tmpfs -o size=1m tmpfs disk || exit 9
         cd disk
         report='report --ledger ../ledger.db --csv {groups} --events-csv {events} --checks-csv {checks}
                 --xlsx {workbook} --html {page} --json {json}'
         \"$0\" $report >/dev/null || exit 8
         for table in {}; do cp $table ../before-$table; done
         cat /dev/zero >filler 2>/dev/null
         \"$0\" $report; echo $?
         for table in {}; do cmp $table ../before-$table; done
         rm filler; ls -A",
        tables.join(" "),
        tables.join(" "),
    ));

    assert_eq!(
        ran.stdout, "1\nchecks.csv\nevents.csv\ngroups.csv\nreport.html\nreport.json\nreport.xlsx\n",
        "{ran:#?}"
    );
    ran.ended_with_one_line(0, &["cannot write", "No space left on device"]);
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

#[test]
fn the_path_is_printed_whether_the_file_is_there_or_not() {
    let office = Office::new();
    let ran = office.bounceaudit(["ledger", "path"]);
    ran.ended_with_one_line(0, &["no file", "yet", "scan"]);
    let expected = office.path(".local/state/bounceaudit/ledger.db");
    assert_eq!(ran.stdout, format!("{}\n", expected.display()));
    assert!(!expected.exists());

    fs::write(office.path("ledger.db"), "").unwrap();
    let ran = office.bounceaudit(with_ledger(&["ledger", "path"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert_eq!(ran.stdout, format!("{}\n", office.path("ledger.db").display()));
}

#[test]
fn a_ledger_in_order_is_one_line_and_a_broken_one_a_line_for_each_trouble() {
    let office = Office::new();
    scanned(&office);
    let file = office.path("ledger.db").display().to_string();

    let ran = office.bounceaudit(with_ledger(&["ledger", "check"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert_eq!(
        ran.stdout,
        format!("{file}: schema 7, 1 bounces, 2 mails, 0 answers: in order\n")
    );

    change(
        &office,
        "PRAGMA foreign_keys = OFF; UPDATE events SET reason = 'expired'; DELETE FROM folders",
    );
    let ran = office.bounceaudit(with_ledger(&["ledger", "check"]));
    ran.ended_with_one_line(1, &[&file, "5 troubles", "restore a copy", "--full"]);
    assert_eq!(ran.stdout.lines().count(), 5, "{ran:#?}");
    for line in [
        "positions 1: its row in folders is missing",
        "events 1: reason not what its reading says",
    ] {
        assert!(ran.stdout.lines().any(|shown| shown == line), "{line}: {ran:#?}");
    }
}

#[test]
fn a_span_drops_what_is_older_and_without_one_the_usage_is_wrong() {
    let office = Office::new();
    scanned(&office);

    let ran = office.bounceaudit(with_ledger(&["ledger", "prune"]));
    ran.ended_with_one_line(2, &["--older-than 400d", "keep", "[ledger]"]);
    let ran = office.bounceaudit(with_ledger(&["ledger", "prune", "--older-than", "400 apples"]));
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:#?}");

    let ran = office.bounceaudit(with_ledger(&["ledger", "prune", "--older-than", "100y"]));
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "dropped 0 bounces\n", "")
    );
    fs::write(office.path("keep.toml"), "[ledger]\nkeep = \"1s\"\n").unwrap();
    let kept = with_ledger(&["ledger", "prune", "--older-than", "100y", "--config", "keep.toml"]);
    assert_eq!(office.bounceaudit(kept).stdout, "dropped 0 bounces\n");
    let ran = office.bounceaudit(with_ledger(&["ledger", "prune", "--config", "keep.toml"]));
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "dropped 1 bounce\n", "")
    );
    let ran = office.bounceaudit(with_ledger(&["ledger", "export", "--ndjson", "-"]));
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:#?}");
}

#[test]
fn everything_is_exported_with_all_places_and_twice_the_same() {
    let office = Office::new();
    scanned(&office);
    change(
        &office,
        "UPDATE sightings SET body = json_set(body, '$.original_helos', json('[{\"ip\":\"192.0.2.10\",\"name\":\"web01.local\"}]'))",
    );

    let ran = office.bounceaudit(with_ledger(&["ledger", "export", "--ndjson", "-"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    assert!(!ran.stdout.contains("web01.local"), "{ran:#?}");
    let event: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(event["blocked_ip"], "192.0.2.10");
    assert!(
        event["recorded_at"].as_str().unwrap().starts_with("20"),
        "{event}"
    );
    let sources = event["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2, "{event}");
    assert!(sources.contains(&event["source"]), "{event}");

    let to_file = with_ledger(&["ledger", "export", "--ndjson", "all.ndjson"]);
    let second = office.bounceaudit(to_file);
    assert_eq!((second.status, second.stdout.as_str()), (0, ""), "{second:#?}");
    let written = fs::read_to_string(office.path("all.ndjson")).unwrap();
    assert_eq!(written, ran.stdout);
}

#[test]
fn an_export_names_nobody_when_it_is_told_so_and_else_everybody() {
    let office = Office::new();
    scanned(&office);
    fs::write(office.path("mask.toml"), "[report]\nmask = true\n").unwrap();
    let export = with_ledger(&["ledger", "export", "--ndjson", "-", "--config", "mask.toml"]);
    let export = |more: &[&str]| {
        let arguments = [&export[..], more].concat();
        let ran = office.bounceaudit_where(&[("BOUNCEAUDIT_MASK", "true")], &arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()
    };
    let (open, masked) = (export(&[]), export(&["--mask"]));

    assert_eq!(open["recipient"], "hanako@outlook.example.jp");
    let hanako = masked["recipient"].as_str().unwrap();
    assert!(
        hanako.starts_with("***-") && hanako.ends_with("@outlook.example.jp"),
        "{hanako}"
    );
    assert!(
        masked["sources"].as_array().unwrap().contains(&masked["source"]),
        "{masked}"
    );
    let hidden: Vec<_> = open
        .as_object()
        .unwrap()
        .iter()
        .filter(|(field, value)| masked[field.as_str()] != **value)
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(
        hidden,
        [
            "original_from",
            "original_message_id",
            "recipient",
            "source",
            "sources"
        ]
    );
}

#[test]
fn an_export_does_not_write_over_its_own_ledger() {
    let office = Office::new();
    scanned(&office);
    let before = fs::read(office.path("ledger.db")).unwrap();

    let ran = office.bounceaudit(with_ledger(&["ledger", "export", "--ndjson", "./ledger.db"]));

    ran.ended_with_one_line(1, &["ledger.db", "the ledger itself", "--ndjson"]);
    assert_eq!(fs::read(office.path("ledger.db")).unwrap(), before);
}

/// Somebody else's program in the ledger.
fn change(office: &Office, sql: &'static str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(office.path("ledger.db"));
        let mut db = options.connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    });
}
