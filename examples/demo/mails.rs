//! Two weeks in the life of a small hosting company, as its postmaster's mailbox shows them.

use std::num::NonZeroU32;

use anyhow::Context;
use chrono::{DateTime, FixedOffset, TimeDelta};

use crate::imap::number;
use crate::mailbox::{Folder, Mail, Mailbox};
use crate::mtas::{Bounce, Mta, Refusal, Stage};

const TWO_WEEKS: TimeDelta = TimeDelta::days(14);
const AT_ONCE: TimeDelta = TimeDelta::seconds(2);
/// Postfix keeps what a greeting refused for five days, qmail for a week.
const FIVE_DAYS: TimeDelta = TimeDelta::seconds(432_307);
const A_WEEK: TimeDelta = TimeDelta::seconds(604_802);

/// Bounces as people told of them, with the dates of their time.
const STORIES: [&[u8]; 9] = [
    include_bytes!("../../tests/corpus/qmail-spamhaus-outlook.eml"),
    include_bytes!("../../tests/corpus/qmail-greeting-late.eml"),
    include_bytes!("../../tests/corpus/sendmail-transcript.eml"),
    include_bytes!("../../tests/corpus/sendmail-forwarded.eml"),
    include_bytes!("../../tests/corpus/postfix-gmo-rbl-late.eml"),
    include_bytes!("../../tests/corpus/qmail-microsoft-blocklist1.eml"),
    include_bytes!("../../tests/corpus/postfix-s3150.eml"),
    include_bytes!("../../tests/corpus/pasted-masked-s3150.eml"),
    include_bytes!("../../tests/corpus/postfix-open-resolver.eml"),
];

/// What came back in these two weeks: 51 bounces.
const REFUSALS: [Refusal; 9] = [
    Refusal {
        mta: Mta::Postfix,
        stage: Stage::RcptTo,
        from: "taro@shop.example.jp",
        to: &[
            "info@kaisha.example.co.jp",
            "sato@kaisha.example.co.jp",
            "suzuki@kaisha.example.co.jp",
        ],
        host: "mx1.kaisha.example.co.jp",
        address: "203.0.113.20",
        reply: "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org; \
                https://www.spamhaus.org/query/ip/192.0.2.10",
        after: AT_ONCE,
        times: 9,
    },
    Refusal {
        mta: Mta::Sendmail,
        stage: Stage::RcptTo,
        from: "hanako@shop.example.jp",
        to: &["sensei@univ.example.ac.jp", "kyoju@univ.example.ac.jp"],
        host: "univ-example-ac-jp01i.mail.protection.outlook.com",
        address: "203.0.113.26",
        reply: "550 5.7.1 Service unavailable, Client host [192.0.2.10] blocked using Spamhaus. To request removal \
                from this list see https://www.spamhaus.org/query/ip/192.0.2.10 (AS16012611) \
                [TY1JPN01FT004.eop-JPN01.prod.protection.outlook.com]",
        after: AT_ONCE,
        times: 5,
    },
    Refusal {
        mta: Mta::Qmail,
        stage: Stage::Greeting,
        from: "hanako@shop.example.jp",
        to: &["keiri@torihiki.example.or.jp"],
        host: "mx.torihiki.example.or.jp",
        address: "203.0.113.21",
        reply: "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org; \
                https://www.spamhaus.org/query/ip/192.0.2.10",
        after: A_WEEK,
        times: 3,
    },
    Refusal {
        mta: Mta::Postfix,
        stage: Stage::Greeting,
        from: "eigyo@iimono.example.jp",
        to: &["b@daisansha.example.org", "c@daisansha.example.org"],
        host: "mx.receiver.example.net",
        address: "203.0.113.80",
        reply: "554 5.7.1 Service unavailable; Client host [192.0.2.77] blocked using gmo-rbl.jp; \
                Poor Reputation Sender",
        after: FIVE_DAYS,
        times: 10,
    },
    Refusal {
        mta: Mta::Postfix,
        stage: Stage::MailFrom,
        from: "web@studio.example.jp",
        to: &["client@portal.example.jp", "staff@portal.example.jp"],
        host: "portal.pamx1.hotmail.com",
        address: "203.0.113.111",
        reply: "550 5.7.1 Unfortunately, messages from [192.0.2.99] weren't sent. Please contact your Internet service \
                provider since part of their network is on our block list (S3150). You can also refer your provider to \
                http://mail.live.com/mail/troubleshooting.aspx#errors. \
                [VI1EUR04FT031.eop-eur04.prod.protection.outlook.com]",
        after: AT_ONCE,
        times: 7,
    },
    Refusal {
        mta: Mta::Postfix,
        stage: Stage::RcptTo,
        from: "web@studio.example.jp",
        to: &["c@small.example.net"],
        host: "mx.small.example.net",
        address: "203.0.113.9",
        reply: "554 5.7.1 Service unavailable; Client host [2001:db8::25] blocked using zen.spamhaus.org; \
                Error: open resolver; https://check.spamhaus.org/returnc/pub/198.51.100.53/",
        after: AT_ONCE,
        times: 3,
    },
    Refusal {
        mta: Mta::Exim,
        stage: Stage::RcptTo,
        from: "taro@shop.example.jp",
        to: &["desk@shinbun.example.jp"],
        host: "mail.shinbun.example.jp",
        address: "203.0.113.60",
        reply: "550 5.7.1 Service unavailable; Client host [192.0.2.60] blocked using bl.spamcop.net; Blocked - see \
                https://www.spamcop.net/bl.shtml?192.0.2.60",
        after: AT_ONCE,
        times: 4,
    },
    Refusal {
        mta: Mta::Postfix,
        stage: Stage::RcptTo,
        from: "news@shop.example.jp",
        to: &[
            "yamada@kokyaku.example.jp",
            "mori@kokyaku.example.jp",
            "hara@kokyaku.example.jp",
        ],
        host: "mx.kokyaku.example.jp",
        address: "203.0.113.90",
        reply: "550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table",
        after: AT_ONCE,
        times: 7,
    },
    Refusal {
        mta: Mta::Qmail,
        stage: Stage::RcptTo,
        from: "news@shop.example.jp",
        to: &["ono@daigaku.example.ac.jp"],
        host: "mx.daigaku.example.ac.jp",
        address: "203.0.113.91",
        reply: "552 5.2.2 Mailbox full",
        after: AT_ONCE,
        times: 3,
    },
];

/// What else lies in such a mailbox.
const LETTERS: [(&str, &str, &str); 5] = [
    (
        "yamada@kokyaku.example.jp",
        "Re: invoice",
        "Thank you, we have paid it today.",
    ),
    ("news@tsushin.example.com", "This week", "Three new articles."),
    (
        "order@shop.example.jp",
        "Order 4412",
        "One teapot, to be sent on Friday.",
    ),
    (
        "sato@kaisha.example.co.jp",
        "Mail does not arrive",
        "They said something like 'blocked using Spamhaus'. What is that?",
    ),
    (
        "watch@monitor.example.net",
        "Undelivered parcel",
        "Your parcel could not be delivered to the door.",
    ),
];

/// Fills the mailbox as it looks at this moment.
///
/// # Errors
/// When a story has no Date.
pub(crate) fn two_weeks_before(now: DateTime<FixedOffset>) -> anyhow::Result<Mailbox> {
    let mut inbox = Vec::new();
    let mut junk = Vec::new();
    let mut japanese = Vec::new();
    for story in STORIES {
        inbox.push((date_of(story)?, with_wire_ends(story)));
    }
    for (row, refusal) in REFUSALS.iter().enumerate() {
        for (turn, recipient) in (0..refusal.times).zip(refusal.to.iter().cycle()) {
            let bounce = Bounce {
                refusal,
                recipient,
                id: format!("{row}{turn:02}.demo@{}", domain(refusal.from)),
                sent: sent(now, refusal, row, turn),
            };
            let mail = (bounce.bounced(), bounce.written());
            // The same bounce in two folders is one bounce.
            if turn == 1 && row < 4 {
                japanese.push(mail.clone());
            }
            match (row + turn) % 5 {
                3 => junk.push(mail),
                4 => japanese.push(mail),
                _ => inbox.push(mail),
            }
        }
    }
    for (turn, letter) in LETTERS.iter().cycle().take(12).enumerate() {
        let day = now - TimeDelta::hours(27 * i64::try_from(turn)? + 1);
        inbox.push((day, letter_of(letter, day, turn)));
    }
    let folders = [
        ("INBOX", None, inbox),
        ("Junk", Some("Junk"), junk),
        (BOUNCES, None, japanese),
    ];
    Ok(Mailbox {
        folders: folders
            .into_iter()
            .map(|(name, mark, mails)| folder(name, mark, mails))
            .collect(),
    })
}

/// `エラーメール`, as its name goes over the wire.
const BOUNCES: &str = "&MKgw6TD8MOEw,DDr-";

/// Evenly over the two weeks, and so that the bounce has come by now.
fn sent(now: DateTime<FixedOffset>, refusal: &Refusal, row: usize, turn: usize) -> DateTime<FixedOffset> {
    let room = TWO_WEEKS - refusal.after - TimeDelta::hours(6);
    let steps = i32::try_from(refusal.times).unwrap_or(i32::MAX);
    let step = room / steps.max(1);
    let turn = i32::try_from(turn).unwrap_or_default();
    let minutes = TimeDelta::minutes(17 * i64::try_from(row).unwrap_or_default());
    now - TWO_WEEKS + step * turn + minutes
}

fn folder(
    name: &str,
    special_use: Option<&'static str>,
    mut mails: Vec<(DateTime<FixedOffset>, Vec<u8>)>,
) -> Folder {
    mails.sort_by_key(|(delivered, _)| *delivered);
    let numbered = mails
        .into_iter()
        .enumerate()
        .map(|(index, (delivered, bytes))| Mail {
            // Mail is deleted now and then, so the UIDs have holes.
            uid: number(100 + index * 3),
            bytes,
            delivered,
            seen: index % 3 == 0,
        });
    Folder {
        name: name.to_owned(),
        special_use,
        uid_validity: NonZeroU32::MIN.saturating_add(1_690_000_000),
        mails: numbered.collect(),
    }
}

fn letter_of((from, subject, text): &(&str, &str, &str), day: DateTime<FixedOffset>, turn: usize) -> Vec<u8> {
    let date = day.to_rfc2822();
    format!(
        "Return-Path: <{from}>\r\nDate: {date}\r\nFrom: {from}\r\nTo: postmaster@hosting.example.jp\r\n\
         Subject: {subject}\r\nMessage-ID: <letter{turn}@{}>\r\n\r\n{text}\r\n",
        domain(from)
    )
    .into_bytes()
}

fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or(address)
}

fn with_wire_ends(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        wire.extend_from_slice(line.trim_ascii_end());
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

fn date_of(mail: &[u8]) -> anyhow::Result<DateTime<FixedOffset>> {
    let parsed = mail_parser::MessageParser::default()
        .parse(mail)
        .context("a story is no mail")?;
    let date = parsed.date().context("a story has no Date")?;
    Ok(DateTime::parse_from_rfc3339(&date.to_rfc3339())?)
}
