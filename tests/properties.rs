//! Holds mails against what holds of every mail (`support/promises.rs`): those of `tests/corpus`, every cut of them and
//! every changed byte, and mails made to take long.
//!
//! All of it takes minutes with optimised code (`tests/run --long`); a sample of it is in each run.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "support/promises.rs"]
mod promises;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use bounceaudit::catalogue::Catalogue;

/// What a byte is changed to, besides a flip of its lowest bits: what ends lines, fields, strings, addresses.
const BYTES: [u8; 6] = [0x00, 0xFF, b'\n', b':', b'<', b'"'];

/// No cut and no changed byte makes a mail of some kilobytes slower than this, on a busy machine too.
const MAX_TIME: Duration = Duration::from_secs(10);

struct Mail {
    name: String,
    bytes: Vec<u8>,
}

fn mails() -> Vec<Mail> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    paths.sort();
    let mail = |path: &Path| Mail {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        bytes: fs::read(path).unwrap(),
    };
    paths.iter().map(|path| mail(path)).collect()
}

/// Holds a variant of a mail against the promises; says which one broke one.
fn hold(catalogue: &Catalogue, mail: &Mail, what: &str, bytes: &[u8]) {
    let begun = Instant::now();
    let kept = catch_unwind(AssertUnwindSafe(|| promises::kept(catalogue, bytes)));
    assert!(kept.is_ok(), "{}, {what}", mail.name);
    let took = begun.elapsed();
    assert!(took < MAX_TIME, "{}, {what}: {took:?}", mail.name);
}

fn hold_cut(catalogue: &Catalogue, mail: &Mail, at: usize) {
    hold(catalogue, mail, &format!("cut at {at}"), &mail.bytes[..at]);
}

fn hold_changed(catalogue: &Catalogue, mail: &Mail, at: usize, byte: u8) {
    let mut changed = mail.bytes.clone();
    changed[at] = byte;
    hold(catalogue, mail, &format!("byte {at} is {byte:#04x}"), &changed);
}

#[test]
fn each_mail_keeps_what_is_promised_of_all() {
    let catalogue = Catalogue::built_in().unwrap();
    for mail in mails() {
        hold(&catalogue, &mail, "whole", &mail.bytes);
    }
}

#[test]
fn a_cut_and_a_changed_byte_of_each_mail_keep_what_is_promised() {
    let catalogue = Catalogue::built_in().unwrap();
    for (number, mail) in mails().iter().enumerate() {
        // another place in each mail, the same ones in each run
        let at = number * 7919 % mail.bytes.len();
        hold_cut(&catalogue, mail, at);
        hold_changed(&catalogue, mail, at, BYTES[number % BYTES.len()]);
    }
}

/// Runs a check over all mails on all cores.
fn over_all(check: impl Fn(&Catalogue, &Mail) + Sync) {
    let catalogue = Catalogue::built_in().unwrap();
    let mails = mails();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let (catalogue, mails, check) = (&catalogue, &mails, &check);
            scope.spawn(move || {
                mails
                    .iter()
                    .skip(core)
                    .step_by(cores)
                    .for_each(|mail| check(catalogue, mail));
            });
        }
    });
}

#[test]
#[ignore = "long: every cut of every mail"]
fn every_cut_of_every_mail_keeps_what_is_promised() {
    over_all(|catalogue, mail| (0..mail.bytes.len()).for_each(|at| hold_cut(catalogue, mail, at)));
}

#[test]
#[ignore = "long: every byte of every mail, changed twice"]
fn every_changed_byte_of_every_mail_keeps_what_is_promised() {
    over_all(|catalogue, mail| {
        for (at, byte) in mail.bytes.iter().enumerate() {
            hold_changed(catalogue, mail, at, BYTES[at % BYTES.len()]);
            hold_changed(catalogue, mail, at, byte ^ 0x11);
        }
    });
}

const HEAD: &str = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Undelivered Mail\n";

/// Mails that take long where anything is done once more for each line, part, field or character: a head and what is
/// repeated below it.
const REPEATED: [(&str, &str, &str); 30] = [
    (
        "mails in mails",
        "Content-Type: message/rfc822\n\n",
        "Content-Type: message/rfc822\n\n",
    ),
    (
        "parts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\n\nx\n",
    ),
    (
        "report parts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@x.example\n\n",
    ),
    (
        "attached mails",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@x.example\n\n<a@x.example>: 550 no\n\n",
    ),
    (
        "multiparts in multiparts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: multipart/mixed; boundary=b\n\n",
    ),
    (
        "multiparts without parts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: multipart/mixed; boundary=zz\n\n",
    ),
    ("parameters", "Content-Type: text/plain", ";a*1=b"),
    ("header lines", "", "X-A: b\n"),
    ("one header line", "Subject: x", "failure "),
    ("encoded words", "Subject: x", " =?utf-8?B?6KuL?="),
    ("folds", "Subject: x", "\n x"),
    ("addresses in To", "To: x", "a@x.example, "),
    ("comments in From", "From: ", "("),
    ("marks of quoting", "\n", "> > >"),
    ("quoted lines", "\n", "> > >\n"),
    ("brackets", "\n", "<"),
    ("at signs", "\n", "@"),
    ("quotes", "\n", "\"@"),
    (
        "recipients of a report",
        "Content-Type: message/delivery-status\n\n",
        "Final-Recipient: rfc822; a@x.example\n",
    ),
    (
        "a reply",
        "\n<a@x.example>: host mx.x.example[192.0.2.1] said: 550 ",
        "550 5.7.1 192.0.2.1 ",
    ),
    (
        "a word",
        "\n<a@x.example>: host mx.x.example[192.0.2.1] said: 550 ",
        "x",
    ),
    (
        "a number",
        "\n<a@x.example>: host mx.x.example[192.0.2.1] said: 550 blocked ",
        "1.",
    ),
    (
        "links",
        "\n<a@x.example>: host mx.x.example[192.0.2.1] said: 550 blocked ",
        "http://",
    ),
    (
        "a session",
        "\n----- Transcript of session follows -----\n",
        "<<< 550 <a@x.example>\n",
    ),
    (
        "qmail's paragraphs",
        "\nHi. This is the qmail-send program at x.\n",
        "<a@x.example>:\nno\n\n",
    ),
    (
        "Exim's blocks",
        "\nThe following address(es) failed:\n\n",
        "  a@x.example\n    host x [192.0.2.1]: 550 no\n",
    ),
    ("forwarded headers", "\n", "Subject: x\n\n"),
    ("HTML", "Content-Type: text/html\n\n", "<p>a@x.example: 550 no&"),
    (
        "base64",
        "Content-Transfer-Encoding: base64\n\n",
        "QUJDRCBAIDU1MCBubyA8YUB4LmV4YW1wbGU+",
    ),
    (
        "bytes of no charset",
        "Content-Type: text/plain\n\n<a@x.example>: 550 ",
        "\u{1b}$B\u{6587}",
    ),
];

/// How long mails of a size take to read, the longest of them. An mbox that is one mail has its own bound.
fn longest(size: usize) -> (Duration, &'static str) {
    let took = REPEATED.map(|(what, head, piece)| {
        let bytes = format!("{HEAD}{head}{}\n", piece.repeat(size / piece.len())).into_bytes();
        let message = bounceaudit::event::Message {
            source: bounceaudit::event::Source::File("long.eml".into()),
            received_at: None,
            bytes,
        };
        let begun = Instant::now();
        let events = bounceaudit::bounce::read(&message);
        assert!(events.len() <= 10_000, "{what}: {} events", events.len());
        (begun.elapsed(), what)
    });
    took.into_iter().max().unwrap_or_default()
}

#[test]
fn a_mail_of_one_repetition_is_read_in_time() {
    // debug builds on a busy machine; a square of this size takes minutes
    let (took, what) = longest(100_000);
    assert!(took < Duration::from_secs(20), "{what}: {took:?}");
}

#[test]
#[ignore = "long: mails of 64 MB"]
fn time_stays_linear_up_to_the_largest_mails() {
    let (took, what) = longest(64 << 20);
    assert!(took < Duration::from_secs(30), "{what}: {took:?}");
}
