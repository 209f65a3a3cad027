//! What reading and classifying cost, beside bare mail-parser on the same mails.
//!
//! `cargo bench --bench read` runs everything, `cargo bench --bench read -- corpus` the mails of `tests/corpus` alone. All on
//! one core. The rate to look at is that of `read_and_classify` over that of `mail_parser`: at least 40 % is the aim. A
//! returned original of 16 MB is to cost less than 50 ms, one of 64 MB hardly more.

#![expect(clippy::unwrap_used, reason = "a bench may stop at once")]

#[path = "../tests/support/corpus.rs"]
mod mails;

use std::fs;
use std::path::PathBuf;

use bounceaudit::event::{Event, Message};
use bounceaudit::{bounce, catalogue::Catalogue};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mail_parser::MessageParser;
use mails::{mails, message};

fn main() {
    divan::main();
}

/// A bounce of Postfix, its lines ended by LF.
fn postfix() -> String {
    include_str!("../tests/corpus/postfix-gmo-rbl-late.eml").replace('\r', "")
}

/// The mails of `tests/corpus`, as they lie there.
fn corpus() -> Vec<Message> {
    let read = |path: &PathBuf| message(&path.to_string_lossy(), fs::read(path).unwrap());
    mails().iter().map(read).collect()
}

/// Bounces as one mailbox collects them, with the CRLF that IMAP delivers: the same server, other recipients, and
/// replies of many kinds.
fn generated() -> Vec<Message> {
    const REPLIES: [&str; 8] = [
        "554 5.7.1 Service unavailable; Client host [192.0.2.77] blocked using zen.spamhaus.org",
        "550 5.1.1 <NAME@DOMAIN>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.7.1 Unfortunately, messages from [192.0.2.77] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
        "552 5.2.2 <NAME@DOMAIN>: Recipient address rejected: Mailbox quota exceeded",
        "421 4.7.0 [TSS04] Messages from 192.0.2.77 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
        "550 5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.",
        "554 5.7.1 The message was refused, our content filter does not like it",
        "451 4.7.1 Greylisting in action, please come back later",
    ];
    let mails = (0..1000).zip(REPLIES.iter().cycle());
    let of_number = |(number, reply): (usize, &&str)| {
        let (name, domain) = (
            format!("user{number}"),
            format!("receiver{}.example.net", number % 50),
        );
        let reply = reply.replace("NAME", &name).replace("DOMAIN", &domain);
        let text = postfix()
            .replace("cc@canary.example.com", &format!("{name}@{domain}"))
            .replace("mx.receiver.example.net", &format!("mx.{domain}"))
            .replace(
                "554 5.7.1 Service unavailable; Client host [192.0.2.77]\n    blocked using gmo-rbl.jp; Poor Reputation Sender",
                &reply,
            )
            .replace(
                "554 5.7.1 Service unavailable; Client host [192.0.2.77] blocked using\n    gmo-rbl.jp; Poor Reputation Sender",
                &reply,
            );
        message(&name, text.replace('\n', "\r\n").into_bytes())
    };
    mails.map(of_number).collect()
}

/// A bounce that returns so many megabytes of an attachment.
fn returned(megabytes: usize) -> Message {
    let bounce = postfix().replace('\n', "\r\n");
    let attachment = "Zm9ydHktZml2ZSBieXRlcyBvZiBhIGZpbGUgdGhhdCBzb21lb25lIHNlbnQgYXdheSBvbmNl\r\n";
    let body = attachment.repeat((megabytes << 20) / attachment.len());
    let original = format!(
        "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"
    );
    let text = bounce.replace("\r\n\r\nhonbun\r\n", &format!("\r\n{original}"));
    assert!(text.len() > megabytes << 20);
    message("large.eml", text.into_bytes())
}

fn bytes_of(mails: &[Message]) -> usize {
    mails.iter().map(|mail| mail.bytes.len()).sum()
}

fn events_of(mails: &[Message]) -> Vec<Event> {
    mails.iter().flat_map(bounce::read).collect()
}

/// Does something with each of the mails, and counts mails and bytes.
fn each<T>(bencher: Bencher<'_, '_>, mails: &[Message], what: impl Fn(&Message) -> T) {
    let (items, bytes) = (ItemsCount::new(mails.len()), BytesCount::new(bytes_of(mails)));
    bencher.counter(items).counter(bytes).bench_local(|| {
        for mail in mails {
            black_box(what(black_box(mail)));
        }
    });
}

fn parse(bencher: Bencher<'_, '_>, mails: &[Message]) {
    let parser = MessageParser::default();
    each(bencher, mails, |mail| {
        parser.parse(&mail.bytes).map(|mail| mail.parts.len())
    });
}

fn read_and_classify(bencher: Bencher<'_, '_>, mails: &[Message]) {
    let catalogue = Catalogue::built_in().unwrap();
    each(bencher, mails, |mail| {
        let events = bounce::read(mail).into_iter();
        events.map(|event| catalogue.classify(event)).collect::<Vec<_>>()
    });
}

fn classify(bencher: Bencher<'_, '_>, mails: &[Message]) {
    let catalogue = Catalogue::built_in().unwrap();
    let events = events_of(mails);
    bencher
        .counter(ItemsCount::new(events.len()))
        .with_inputs(|| events.clone())
        .bench_local_values(|events| {
            let verdicts = events.into_iter().map(|event| catalogue.classify(event));
            verdicts.collect::<Vec<_>>()
        });
}

/// The mails of `tests/corpus`.
mod in_corpus {
    use divan::Bencher;

    #[divan::bench]
    fn mail_parser(bencher: Bencher<'_, '_>) {
        crate::parse(bencher, &crate::corpus());
    }

    #[divan::bench]
    fn read(bencher: Bencher<'_, '_>) {
        crate::each(bencher, &crate::corpus(), bounceaudit::bounce::read);
    }

    #[divan::bench]
    fn read_and_classify(bencher: Bencher<'_, '_>) {
        crate::read_and_classify(bencher, &crate::corpus());
    }

    #[divan::bench]
    fn classify(bencher: Bencher<'_, '_>) {
        crate::classify(bencher, &crate::corpus());
    }
}

/// A thousand bounces of one mail server.
mod of_one_server {
    use divan::Bencher;

    #[divan::bench]
    fn mail_parser(bencher: Bencher<'_, '_>) {
        crate::parse(bencher, &crate::generated());
    }

    #[divan::bench]
    fn read(bencher: Bencher<'_, '_>) {
        crate::each(bencher, &crate::generated(), bounceaudit::bounce::read);
    }

    #[divan::bench]
    fn read_and_classify(bencher: Bencher<'_, '_>) {
        crate::read_and_classify(bencher, &crate::generated());
    }

    #[divan::bench]
    fn classify(bencher: Bencher<'_, '_>) {
        crate::classify(bencher, &crate::generated());
    }
}

/// One bounce with so many megabytes of returned original.
mod returned_megabytes {
    use divan::Bencher;

    #[divan::bench(args = [16, 64], sample_count = 20)]
    fn mail_parser(bencher: Bencher<'_, '_>, megabytes: usize) {
        crate::parse(bencher, &[crate::returned(megabytes)]);
    }

    #[divan::bench(args = [16, 64], sample_count = 20)]
    fn read_and_classify(bencher: Bencher<'_, '_>, megabytes: usize) {
        crate::read_and_classify(bencher, &[crate::returned(megabytes)]);
    }
}

/// What each start of the program pays.
#[divan::bench(sample_count = 20)]
fn load_catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}
