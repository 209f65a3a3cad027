//! `--mask`: whoever is named anywhere in a bounce is in no output, in no byte of it and in nothing that it decodes to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use calamine::{Reader, Xlsx, open_workbook};
use mail_parser::MessageParser;

use crate::office::Office;
use crate::support::dovecot::Dovecot;

/// People in the words of the server that refused; the rest of each is what makes it hard to find.
const IN_REPLIES: [&str; 18] = [
    "<hid01reply@portal.example.jp>: no",
    "user hid30victim is unknown",
    "bounces+hid02verp=x.example.jp@list.example.jp",
    "SRS0=aB12=tt=x.example.jp=hid03srs@fwd.example.jp",
    "https://x.example.net/?m=hid04url%40x.example.jp&x=1",
    "mailto:hid05mailto@x.example.jp",
    "\"hid06 quoted\"@x.example.jp",
    "hid07entity&#64;x.example.jp",
    "hid08printable=40x.example.jp",
    "rfc822;hid09report@x.example.jp",
    "<@relay.example.jp:hid10route@x.example.jp>",
    "hid11tag+news@x.example.jp",
    "to=<hid12to@x.example.jp>,",
    "HID13UPPER@X.EXAMPLE.JP",
    "(hid14.dots.and-more_x@x.example.jp)",
    "=?utf-8?B?5bGx55SwIGhpZDE1d29yZEB4LmV4YW1wbGUuanA=?=",
    "=?us-ascii?Q?hid16word=40x.example.jp?=",
    "hid17apostrophe'x@x.example.jp",
];
/// More of them, in base64 within a reply.
const IN_BASE64: &str = "rcpt=hid18base64@x.example.jp;";
/// Beside those of the replies: subjects in three charsets, Message-IDs, senders, a folder, notes, a mail that is no
/// bounce, and one recipient for each bounce from 30 on.
const ELSEWHERE: [&str; 13] = [
    "hid19subject",
    "hid20utf",
    "hid21jis",
    "hid22sjis",
    "hid23original",
    "hid24bounce",
    "hid25sender",
    "hid26folder",
    "hid27note",
    "hid28strange",
    "hid29queue",
    "hid30victim",
    "hid45victim",
];
const STAYS: [&str; 6] = [
    "192.0.2.99",
    "portal.example.jp",
    "sv200.hosting.example.jp",
    "studio.example.jp",
    "2022-11-14",
    "S3150",
];

/// The 40 and more that are looked for, in lower case.
fn planted() -> BTreeSet<String> {
    let name = |text: &str| {
        let text = text.to_lowercase();
        let at = text.find("hid").unwrap();
        let end = text[at..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(text.len() - at);
        text[at..at + end].to_owned()
    };
    let replies = IN_REPLIES
        .iter()
        .filter(|text| text.contains("hid") || text.contains("HID"));
    let mut all: BTreeSet<String> = replies
        .map(|text| name(text))
        .chain(ELSEWHERE.map(str::to_owned))
        .collect();
    all.extend(["hid15word", "hid18base64"].map(str::to_owned));
    all.extend((30..30 + IN_REPLIES.len()).map(|number| format!("hid{number}victim")));
    assert!(all.len() >= 40, "{all:?}");
    all
}

fn subject(number: usize) -> String {
    let jis = "\u{1b}$B;3ED\u{1b}(B hid21jis@x.example.jp";
    match number % 4 {
        0 => "about hid19subject@shop.example.jp".to_owned(),
        1 => format!(
            "=?UTF-8?B?{}?=",
            STANDARD.encode("お見積り hid20utf@shop.example.jp")
        ),
        2 => format!("=?ISO-2022-JP?B?{}?=", STANDARD.encode(jis)),
        _ => "=?Shift_JIS?Q?=8ER=93c_hid22sjis=40x.example.jp?=".to_owned(),
    }
}

/// A bounce about its own recipient, with one of the hard ones in the reply.
fn bounce(number: usize, reply: &str) -> String {
    let encoded = STANDARD.encode(IN_BASE64);
    include_str!("../corpus/postfix-s3150.eml")
        .replace('\r', "")
        .replace("client@", &format!("hid{}victim@", 30 + number))
        .replace("web@", "hid25sender@")
        .replace(
            "[VI1EUR04FT031.eop-eur04.prod.protection.outlook.com]",
            &format!("{reply} {encoded}"),
        )
        .replace("Subject: test", &format!("Subject: {}", subject(number)))
        .replace("<a004@", &format!("<hid23original.{number}@"))
        .replace("4N9xx0000", &format!("hid29queue@{number}"))
        .replace(
            "Return-Path: <>",
            &format!("Return-Path: <>\nMessage-ID: <hid24bounce.{number}@sv200.hosting.example.jp>"),
        )
}

fn fill(server: &Dovecot) {
    let inbox = server.maildir();
    let folder = inbox.join(".hid26folder@shop");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
        fs::create_dir_all(inbox.join(part)).unwrap();
    }
    for (number, reply) in IN_REPLIES.iter().enumerate() {
        let folder = if number % 2 == 0 { &inbox } else { &folder };
        fs::write(
            folder.join(format!("cur/17950000{number:02}.host:2,S")),
            bounce(number, reply),
        )
        .unwrap();
    }
    let strange = "From: MAILER-DAEMON@sv200.hosting.example.jp\nReturn-Path: <>\nSubject: failure of hid28strange@x.example.jp\n\
        Message-ID: <hid28strange.1@x.example.jp>\nDate: Mon, 14 Nov 2022 11:00:02 +0900\n\nSomething went wrong.\n";
    fs::write(inbox.join("cur/1795000099.host:2,S"), strange).unwrap();
    server.take_over();
}

/// All outputs of the program, each with its name.
#[expect(clippy::too_many_lines, reason = "one place for each output")]
fn outputs(office: &Office, port: u16, mask: &[&str]) -> Vec<(String, Vec<u8>)> {
    let folders = ["--folder", "INBOX", "--folder", "hid26folder@shop"];
    let files = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db", "-v"];
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut keep = |name: &str, bytes: Vec<u8>| all.push((name.to_owned(), bytes));
    let scan = office.scan(port, &[&files[..], &folders, mask].concat());
    keep("scan", scan.stdout.into());
    for note in ["asked hid27note@x.example.jp", "hid30victim called back"] {
        office.bounceaudit(["note", "192.0.2.99", note, "--ledger", "ledger.db"]);
    }
    let report = |more: &[&str]| {
        let ran = office.bounceaudit([&["report", "--ledger", "ledger.db", "-v"], more, mask].concat());
        assert!(matches!(ran.status, 0 | 3), "{ran:#?}");
        ran
    };
    for lang in ["en", "ja"] {
        let ran = report(&["--lang", lang]);
        keep(&format!("table {lang}"), ran.stdout.into());
        keep(&format!("stderr {lang}"), ran.stderr.into());
    }
    keep(
        "ndjson",
        report(&["--format", "ndjson", "--all-reasons"]).stdout.into(),
    );
    keep(
        "mail",
        report(&["--email-format", "--email-to", "postmaster@studio.example.jp"])
            .stdout
            .into(),
    );
    for encoding in ["utf-8", "shift_jis"] {
        let names = [
            "groups.csv",
            "events.csv",
            "checks.csv",
            "report.xlsx",
            "report.html",
            "report.json",
        ];
        report(&[
            "--csv",
            names[0],
            "--events-csv",
            names[1],
            "--checks-csv",
            names[2],
            "--xlsx",
            names[3],
            "--html",
            names[4],
            "--json",
            names[5],
            "--csv-encoding",
            encoding,
            "--all-reasons",
        ]);
        for name in names {
            keep(
                &format!("{name} {encoding}"),
                fs::read(office.path(name)).unwrap(),
            );
        }
        keep("cells", cells(&office.path("report.xlsx")).into());
    }
    for lang in ["en", "ja"] {
        let folder = format!("attached-{lang}-{}", mask.len());
        let draft = [
            &[
                "draft",
                "192.0.2.99",
                "--ledger",
                "ledger.db",
                "--lang",
                lang,
                "--attach",
                &folder,
            ],
            mask,
        ]
        .concat();
        let ran = office.bounceaudit(draft);
        assert_eq!(ran.status, 0, "{ran:#?}");
        keep(&format!("draft {lang}"), ran.stdout.into());
        for file in fs::read_dir(office.path(&folder)).unwrap() {
            keep("attached", fs::read(file.unwrap().path()).unwrap());
        }
    }
    all
}

fn cells(workbook: &Path) -> String {
    let mut book: Xlsx<_> = open_workbook(workbook).unwrap();
    let mut text = String::new();
    for (name, range) in book.worksheets() {
        text.push_str(&name);
        range
            .rows()
            .flatten()
            .for_each(|cell| text.push_str(&format!("{cell}\n")));
    }
    text
}

/// What a reader may make of bytes: the bytes, in three charsets, and without each encoding that a text may be in.
fn readings(bytes: &[u8]) -> Vec<String> {
    let mut all = vec![String::from_utf8_lossy(bytes).into_owned()];
    all.push(encoding_rs::SHIFT_JIS.decode(bytes).0.into_owned());
    all.push(encoding_rs::UTF_16LE.decode(bytes).0.into_owned());
    if let Some(mail) = MessageParser::new().parse(bytes) {
        all.extend(mail.subject().map(str::to_owned));
        for part in &mail.parts {
            all.push(String::from_utf8_lossy(part.contents()).into_owned());
        }
    }
    let plain = all.clone();
    for text in &plain {
        all.push(
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned(),
        );
        all.push(
            percent_encoding::percent_decode_str(&text.replace('=', "%"))
                .decode_utf8_lossy()
                .into_owned(),
        );
        let header = format!("Subject: {}\r\n\r\n", text.replace(['\r', '\n'], " "));
        all.extend(
            MessageParser::new()
                .parse(&header)
                .and_then(|mail| Some(mail.subject()?.to_owned())),
        );
        let runs = text
            .split(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c))
            .filter(|run| run.len() >= 16);
        for run in runs {
            for shift in 0..4 {
                let run = run.get(shift..).unwrap_or_default().trim_end_matches('=');
                let whole = &run[..run.len() / 4 * 4];
                all.extend(
                    STANDARD
                        .decode(whole)
                        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                );
            }
        }
    }
    all.iter().map(|text| text.to_lowercase()).collect()
}

#[test]
fn nobody_is_named_in_any_output_and_all_else_is_there() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    fill(&server);
    let planted = planted();

    let open = outputs(&office, server.port, &["--utc"]);
    let open: String = open
        .iter()
        .flat_map(|(_, bytes)| readings(bytes))
        .collect::<Vec<_>>()
        .join("\n");
    // A mail that is no bounce is told by its form alone, and what is attached is masked whatever the user says.
    let never = ["hid28strange", "hid29queue"];
    let unseen: Vec<&String> = planted
        .iter()
        .filter(|name| !never.contains(&name.as_str()) && !open.contains(name.as_str()))
        .collect();
    assert!(
        unseen.is_empty(),
        "without a mask these would not be found: {unseen:?}"
    );

    let masked = outputs(&office, server.port, &["--utc", "--mask"]);
    let mut left = BTreeSet::new();
    for (output, bytes) in &masked {
        for text in readings(bytes) {
            left.extend(
                planted
                    .iter()
                    .filter(|name| text.contains(name.as_str()))
                    .map(|name| (output, name)),
            );
        }
    }
    assert!(left.is_empty(), "{left:#?}");
    for (output, bytes) in &masked {
        let text = String::from_utf8_lossy(bytes);
        let shows_events = ["ndjson", "events.csv utf-8", "report.json utf-8"].contains(&output.as_str());
        for word in STAYS.iter().filter(|_| shows_events) {
            assert!(text.contains(word), "{word} is gone from {output}");
        }
        assert!(!shows_events || text.contains("***-"), "{output}");
    }
}

/// Forty bounces to forty people: each has a pseudonym of their own, and the counts are what they were.
#[test]
fn people_stay_apart_and_the_counts_as_they_were() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    fill(&server);
    let groups = |mask: &[&str]| {
        let files = [
            "--no-dns",
            "--ca-file",
            "ca.pem",
            "--ledger",
            "ledger.db",
            "--folder",
            "INBOX",
        ];
        let wanted = [
            "--csv",
            "groups.csv",
            "--events-csv",
            "events.csv",
            "--csv-encoding",
            "utf-8",
        ];
        office.scan(server.port, &[&files[..], &wanted, mask].concat());
        let column = |file: &str, name: &str| -> Vec<String> {
            let mut csv = csv::Reader::from_path(office.path(file)).unwrap();
            let at = csv.headers().unwrap().iter().position(|one| one == name).unwrap();
            csv.records().map(|row| row.unwrap()[at].to_owned()).collect()
        };
        let people: BTreeSet<String> = column("events.csv", "recipient").into_iter().collect();
        (
            column("groups.csv", "messages"),
            column("groups.csv", "recipients"),
            people,
        )
    };
    let (messages, recipients, people) = groups(&[]);
    let masked = groups(&["--mask"]);
    assert_eq!(
        (masked.0, masked.1, masked.2.len()),
        (messages, recipients, people.len())
    );
    assert!(
        masked.2.iter().all(|address| address.starts_with("***-")),
        "{:?}",
        masked.2
    );
    let again = groups(&["--mask"]);
    assert_ne!(again.2, masked.2, "another report, other pseudonyms");
}
