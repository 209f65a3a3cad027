//! Holds the mails in `tests/corpus`: `NAME.ndjson` says which events are in `NAME.eml`, one a line.
//!
//! A field that a line does not name is not judged, so that a postmaster's sample needs only what went wrong.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "support/corpus.rs"]
mod corpus;

use std::fs;
use std::path::Path;

use bounceaudit::bounce;
use bounceaudit::event::Event;
use bounceaudit::mailbox;
use corpus::{mails, message};
use serde_json::{Map, Value};

/// Fields that `catalogue` fills in.
const VERDICT: [&str; 6] = ["reason", "blocked_ip", "blocklist", "zone", "code", "removal"];

fn rows(events: &[Event]) -> Vec<Value> {
    events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .collect()
}

fn differences(want: &Map<String, Value>, got: &Value) -> Vec<String> {
    want.iter()
        .filter(|(field, _)| !VERDICT.contains(&field.as_str()))
        .filter(|(field, value)| got.get(field) != Some(value))
        .map(|(field, value)| format!("{field} is {:?}, want {value}", got.get(field)))
        .collect()
}

#[test]
fn each_mail_gives_the_events_beside_it() {
    let mut wrong = Vec::new();
    for path in mails() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let want = fs::read_to_string(path.with_extension("ndjson"))
            .unwrap_or_else(|error| panic!("{name} has no .ndjson: {error}"));
        let want: Vec<Map<String, Value>> = want
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let got = rows(&bounce::read(&message(&name, fs::read(&path).unwrap())));
        if want.len() != got.len() {
            wrong.push(format!(
                "{name}: {} events, want {}: {got:#?}",
                got.len(),
                want.len()
            ));
        }
        for (want, got) in want.iter().zip(&got) {
            wrong.extend(
                differences(want, got)
                    .into_iter()
                    .map(|what| format!("{name}: {what}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mail_reads_the_same_whatever_its_line_ends() {
    for path in mails() {
        let name = path.to_string_lossy();
        let lf = fs::read(&path).unwrap();
        if lf.contains(&b'\r') {
            continue;
        }
        let want = rows(&bounce::read(&message(&name, lf.clone())));
        for line_end in ["\r\n", "\r"] {
            let copy = lf
                .split(|byte| *byte == b'\n')
                .collect::<Vec<_>>()
                .join(line_end.as_bytes());
            assert_eq!(
                rows(&bounce::read(&message(&name, copy))),
                want,
                "{name} with {line_end:?}"
            );
        }
    }
}

/// What a server answers to `BODY.PEEK[HEADER.FIELDS (...)]`: these fields with their folded lines, and no others.
fn header_fields(bytes: &[u8]) -> Vec<u8> {
    let fields: Vec<_> = mailbox::HEADER_FIELDS.split(' ').collect();
    let mut asked_for = false;
    let mut header = Vec::new();
    let lines = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .skip_while(|line| line.trim_ascii().is_empty());
    for line in lines.take_while(|line| !line.trim_ascii().is_empty()) {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line
                .split(|byte| *byte == b':')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            asked_for = fields
                .iter()
                .any(|field| field.as_bytes().eq_ignore_ascii_case(name));
        }
        if asked_for {
            header.extend_from_slice(line);
        }
    }
    header
}

#[test]
fn no_mail_with_events_is_lost_by_the_rule_for_candidates() {
    for path in mails() {
        let name = path.to_string_lossy();
        let bytes = fs::read(&path).unwrap();
        let header = header_fields(&bytes);
        let events = bounce::read(&message(&name, bytes));
        assert!(events.is_empty() || bounce::may_be(&header), "{name}");
    }
}

/// What a customer sends who attaches the bounce, or pastes it below the header that the mail program shows.
const PERSON: &str = "Return-Path: <hanako@client.example.org>\nDate: Fri, 19 Oct 2018 17:05:00 +0900\n\
    From: Hanako <hanako@client.example.org>\nTo: webmaster@studio.example.jp\nSubject: Fwd: bounce\n\
    Message-ID: <f001@client.example.org>\nMIME-Version: 1.0\n";

#[test]
fn an_attached_bounce_reads_as_itself() {
    let mut wrong = Vec::new();
    for path in mails() {
        let name = path.to_string_lossy();
        let bytes = fs::read(&path).unwrap();
        let direct = message(&name, bytes.clone());
        // what is broken at its edges or in its lines is mended as a whole mail only
        let is_whole = !["shape-", "rfc3464-cut-", "rfc3464-blank-", "rfc3464-from-"]
            .iter()
            .any(|kind| name.contains(kind));
        if bounce::not_understood(&direct).is_none() || bytes.starts_with(b"From ") || !is_whole {
            continue;
        }
        let mut attached = PERSON.as_bytes().to_vec();
        attached.extend(
            b"Content-Type: multipart/mixed; boundary=\"zzz\"\n\n--zzz\nContent-Type: text/plain\n\n",
        );
        attached.extend(b"Please look.\n\n--zzz\nContent-Type: message/rfc822\n\n");
        attached.extend(&bytes);
        attached.extend(b"\n--zzz--\n");
        let attached = message(&name, attached);
        if rows(&bounce::read(&attached)) != rows(&bounce::read(&direct)) {
            wrong.push(name.into_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pasted_bounce_keeps_its_recipients_and_their_replies() {
    // qmail and Exim write one text part, which a mail program shows as it stands
    let pasted = |name: &str, quote: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let mail = fs::read_to_string(folder.join(name)).unwrap().replace('\r', "");
        let (_, body) = mail.split_once("\n\n").unwrap();
        let shown = format!(
            "From: MAILER-DAEMON@mx.example.org\nDate: Fri, 19 Oct 2018 16:36:25 +0900\nSubject: failure notice\n\n{body}"
        );
        let shown: String = shown.lines().map(|line| format!("{quote}{line}\n")).collect();
        let text = format!("{PERSON}Content-Type: text/plain; charset=utf-8\n\nHello,\n\n{shown}");
        let direct = bounce::read(&message(name, mail.into_bytes()));
        (direct, bounce::read(&message(name, text.into_bytes())))
    };
    for name in [
        "qmail-greeting-late.eml",
        "sisimai-qmail-14.eml",
        "sisimai-exim-02.eml",
        "sisimai-exim-30.eml",
    ] {
        for quote in ["", "> ", "> > "] {
            let (direct, forwarded) = pasted(name, quote);
            let told = |events: &[Event]| -> Vec<_> {
                let told = |event: &Event| {
                    (
                        event.recipient.clone(),
                        event.reply.clone(),
                        event.smtp_command,
                        event.status,
                    )
                };
                events.iter().map(told).collect()
            };
            assert_eq!(told(&forwarded), told(&direct), "{name} behind {quote:?}");
            let dated = forwarded.iter().all(|event| {
                event.times.bounced_at.map(|time| time.to_rfc3339()).as_deref()
                    == Some("2018-10-19T16:36:25+09:00")
            });
            assert!(dated, "{name} behind {quote:?}");
        }
    }
}
