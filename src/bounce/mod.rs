//! Reads bounces: who was refused, by which host, in which words, when.
//!
//! In: a [`Message`]. Out: an [`Event`] for each recipient that it reports on, its verdict not yet given.
//! Follows RFC 3464 (reports), RFC 3463 (status), RFC 5321 (replies), RFC 5965 (feedback) and what mail servers write
//! instead of them. Never fails: what the mail does not say is `None`, what is no bounce gives no event.
//! Not here: what a reply means (`catalogue`), where mails come from (`mailbox`).

mod address;
mod arf;
mod autoreply;
mod bodiless;
mod charset;
mod clues;
mod courier;
mod date;
mod dma;
mod domino;
mod exchange;
mod exim;
mod forwarded;
mod generic;
mod gmail;
mod head;
mod header;
mod html;
mod impersonal;
mod mail;
mod mend;
mod not_understood;
mod opensmtpd;
mod original;
mod pieces;
mod postfix;
mod qmail;
mod received;
mod reply;
mod rfc3464;
mod sendmail;
mod ses;
mod shape;
mod told;

use std::borrow::Cow;

use memchr::memmem;

use crate::event::{Event, Format, Message, NotUnderstood, Source, Times, Timestamp};
use head::PARSER;
use mail::Bounce;
use told::Told;

/// Reads the words of one format; `None` where they are not of that format.
type Reader = fn(&Bounce<'_>) -> Option<Told>;

/// The formats, in the order in which they are tried: the first that knows its own words wins, and what it reads is
/// merged with the report part where there is one.
const FORMATS: [(Format, Reader); 15] = [
    (Format::Arf, arf::read),
    (Format::Ses, ses::read),
    (Format::Postfix, postfix::read),
    (Format::Qmail, qmail::read),
    (Format::Opensmtpd, opensmtpd::read),
    (Format::Dma, dma::read),
    (Format::Courier, courier::read),
    (Format::Sendmail, sendmail::read),
    (Format::Gmail, gmail::read),
    (Format::Exim, exim::read),
    (Format::Exchange, exchange::read),
    (Format::Domino, domino::read),
    (Format::AutoReply, autoreply::read),
    (Format::Rfc3464, generic::read_beside_report),
    (Format::Generic, generic::read),
];

/// Bytes of one part beyond this number are not looked at: more than the text that is read of it, or a report about 10,000
/// recipients.
const MAX_PART: usize = 8 << 20;

/// Mails in mails beyond this depth are not looked into.
const MAX_DEPTH: usize = 4;

/// Events beyond this number are not read from one mail.
const MAX_EVENTS: usize = 10_000;

/// Whether a header block (or some fields of it) may belong to a bounce, a forwarded one too. Generous: a mail that is
/// no bounce costs only its reading.
#[must_use]
pub fn may_be(header: &[u8]) -> bool {
    shape::may_be(from_header(&lines(header)))
}

/// What a mail looks like that has a bounce's outer signs (null sender, MAILER-DAEMON, a report) and of which [`read`] gave
/// no event. Stricter than [`may_be`]; `None` where the mail looks like none.
#[must_use]
pub fn not_understood(message: &Message) -> Option<NotUnderstood> {
    not_understood::describe(message, from_header(&lines(&message.bytes)))
}

/// The mail without what people wrote into it, for evidence that is kept: of the returned original the header stays,
/// of a mail that carries a bounce the bounce. The words and the report of the mail server stay as they are, its line
/// ends become LF. [`read`] gives the same events of it; of a mail that gives none only the header is left.
#[must_use]
pub fn without_body(message: &Message) -> Vec<u8> {
    bodiless::of_all(&lines(&message.bytes), message.received_at, MAX_DEPTH)
}

/// Reads a mail: an event for each recipient that it reports on, none where it is no bounce.
#[must_use]
pub fn read(message: &Message) -> Vec<Event> {
    read_all(&message.source, &message.bytes, message.received_at, MAX_DEPTH)
}

/// The events of one mail, or of each mail of an mbox.
fn read_all(source: &Source, bytes: &[u8], received_at: Option<Timestamp>, depth: usize) -> Vec<Event> {
    let bytes = lines(bytes);
    let mails = shape::mails_of_mbox(&bytes).into_iter();
    let events = mails.filter_map(|mail| {
        let mail = mend::bounded(from_header(mail));
        let mended = mend::with_boundary(mail);
        let mail = PARSER.parse(mended.as_deref().unwrap_or(mail))?;
        Some(read_mail(source, &mail, received_at, depth))
    });
    events.flatten().take(MAX_EVENTS).collect()
}

/// A program's mail is read itself before what it carries (the returned original may be a bounce, too); a person's
/// mail carries the bounce, attached or pasted.
fn read_mail(
    source: &Source,
    mail: &mail_parser::Message<'_>,
    received_at: Option<Timestamp>,
    depth: usize,
) -> Vec<Event> {
    let bounce = Bounce::of(mail, received_at);
    // the date and the id of a person's mail are not those of the bounce pasted into it
    let undated = |event: Event| match bounce.head.automatic
        || matches!(event.format, Format::Ses | Format::AutoReply)
    {
        true => event,
        false => Event {
            message_id: None,
            times: Times {
                bounced_at: None,
                ..event.times
            },
            ..event
        },
    };
    let direct = || read_formats(source, &bounce).into_iter().map(undated).collect();
    let carried = || read_carried(source, &bounce, depth);
    let hinted = || {
        let told = generic::read_hint(&bounce).filter(|_| !bounce.is_receipt);
        told.map_or_else(Vec::new, |told| {
            told::events(source, &bounce, Format::Generic, told)
        })
    };
    let stages: [&dyn Fn() -> Vec<Event>; 3] = match bounce.head.automatic {
        true => [&direct, &carried, &hinted],
        false => [&carried, &direct, &Vec::new],
    };
    stages
        .iter()
        .map(|stage| stage())
        .find(|events| !events.is_empty())
        .unwrap_or_default()
}

fn read_carried(source: &Source, bounce: &Bounce<'_>, depth: usize) -> Vec<Event> {
    if depth > 0 {
        let mails = bounce.attached.iter();
        let attached = mails.flat_map(|mail| read_mail(source, mail, None, depth - 1));
        let mboxes = bounce.mboxes.iter();
        let of_mbox = mboxes.flat_map(|mbox| read_all(source, mbox, None, depth - 1));
        let carried: Vec<Event> = attached.chain(of_mbox).take(MAX_EVENTS).collect();
        if !carried.is_empty() {
            return carried;
        }
    }
    let shown = [forwarded::inside, forwarded::quoted].into_iter();
    let mut shown = shown.filter_map(|find| {
        let mut shown = find(&bounce.text)?;
        // who passed it on never becomes a recipient, nor does whom it was passed on to
        shown.head.to.extend(bounce.head.to.iter().cloned());
        shown.head.to.push(bounce.head.from.clone());
        Some(read_formats(source, &shown))
    });
    shown.find(|events| !events.is_empty()).unwrap_or_default()
}

fn read_formats(source: &Source, bounce: &Bounce<'_>) -> Vec<Event> {
    if bounce.is_receipt {
        return Vec::new();
    }
    let mut told = FORMATS
        .iter()
        .filter_map(|(format, read)| Some((*format, read(bounce)?)));
    told.find_map(|(format, words)| {
        let events = told::events(source, bounce, format, words);
        (!events.is_empty()).then_some(events)
    })
    .unwrap_or_default()
}

/// The mail with LF at its line ends, whichever it came with, and without what nobody reads.
fn lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    match read_pieces(bytes).as_slice() {
        [whole] if memchr::memchr(b'\r', whole).is_none() => Cow::Borrowed(whole),
        pieces => Cow::Owned(with_lf(pieces)),
    }
}

/// The pieces of a mail that are looked at. Within a part no line begins with two hyphens and a boundary (RFC 2046 §5.1.1):
/// of what is longer than any text or report that is read, the rest is an attachment's, mostly of the returned original,
/// and would only be decoded. An mbox stays whole, also one that is attached: its mails have no boundaries between them.
fn read_pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut kept_from, mut begun) = (0, 0);
    let begins_line = |at: &usize| at.checked_sub(1).is_none_or(|at| is_line_end(bytes.get(at)));
    let hyphens = (bytes.len() > MAX_PART).then(|| memmem::find_iter(bytes, b"--"));
    let boundaries = hyphens.into_iter().flatten().filter(begins_line);
    for next in boundaries.chain([bytes.len()]) {
        let long = bytes.get(begun + MAX_PART..next).unwrap_or_default();
        let cut = || long.iter().position(|byte| is_line_end(Some(byte)));
        let start = bytes.get(begun..begun + MAX_PART).unwrap_or_default();
        if let Some(at) = cut().filter(|_| !may_be_mbox(start)) {
            // CRLF is two of them
            let ends = long.iter().skip(at).take_while(|byte| is_line_end(Some(byte)));
            let kept_to = begun + MAX_PART + at + ends.count();
            pieces.extend(bytes.get(kept_from..kept_to));
            kept_from = next;
        }
        begun = next;
    }
    pieces.extend(bytes.get(kept_from..));
    pieces
}

/// `From `, as it stands or in base64.
fn may_be_mbox(start: &[u8]) -> bool {
    [&b"From "[..], b"RnJvbS"]
        .iter()
        .any(|mark| memmem::find(start, mark).is_some())
}

fn is_line_end(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b'\n' | b'\r'))
}

/// CRLF and a CR alone are line ends; a CR beside others (`\r\r\n`, of broken gateways) adds none.
fn with_lf(pieces: &[&[u8]]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
    if pieces.iter().all(|piece| memchr::memchr(b'\n', piece).is_none()) {
        let bytes = pieces.iter().copied().flatten();
        kept.extend(bytes.map(|byte| if *byte == b'\r' { b'\n' } else { *byte }));
        return kept;
    }
    for piece in pieces {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\r', piece) {
            kept.extend_from_slice(piece.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        kept.extend_from_slice(piece.get(from..).unwrap_or_default());
    }
    kept
}

/// The mail without what stands before its header: empty lines, an mbox's `From ` line.
fn from_header(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let Some((line, after)) = rest.split_at_checked(end) else {
            return rest;
        };
        let skip = line.trim_ascii().is_empty() || line.starts_with(b"From ") || line.starts_with(b">From ");
        match after.split_first() {
            Some((_, after)) if skip => rest = after,
            _ => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use crate::bounce::{MAX_PART, lines, may_be, not_understood, read};
    use crate::event::{Message, Source};

    const SAMPLES: [&[u8]; 10] = [
        include_bytes!("../../tests/corpus/postfix-gmo-rbl-late.eml"),
        include_bytes!("../../tests/corpus/qmail-greeting-late.eml"),
        include_bytes!("../../tests/corpus/sendmail-transcript.eml"),
        include_bytes!("../../tests/corpus/sendmail-forwarded.eml"),
        include_bytes!("../../tests/corpus/pasted-masked-s3150.eml"),
        include_bytes!("../../tests/corpus/debian-exim-japanese-reply.eml"),
        include_bytes!("../../tests/corpus/debian-opensmtpd-japanese-reply.eml"),
        include_bytes!("../../tests/corpus/debian-courier-data-451-delayed.eml"),
        include_bytes!("../../tests/corpus/debian-dma-rcpt-several-lines.eml"),
        include_bytes!("../../tests/corpus/debian-postfix-ja-iso2022jp-japanese-reply.eml"),
    ];

    fn message(bytes: Vec<u8>) -> Message {
        Message {
            source: Source::File("x.eml".into()),
            received_at: None,
            bytes,
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let message = message(bytes);
            let _ = (read(&message), may_be(&message.bytes), not_understood(&message));
        }

        #[test]
        fn any_cut_of_a_bounce_and_any_changed_byte_is_survived(
            sample in 0..SAMPLES.len(), cut: proptest::sample::Index, at: proptest::sample::Index, byte in any::<u8>(),
        ) {
            let mut bytes = SAMPLES[sample].to_vec();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let message = message(bytes);
            let _ = (read(&message), may_be(&message.bytes), not_understood(&message));
        }

        #[test]
        fn a_cut_bounce_reads_the_same_whatever_its_line_ends(sample in 0..SAMPLES.len(), cut: proptest::sample::Index) {
            let lf: Vec<u8> = SAMPLES[sample].iter().copied().filter(|byte| *byte != b'\r').collect();
            let lf = &lf[..cut.index(lf.len())];
            let with = |end: &[u8]| lf.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
            prop_assert_eq!(read(&message(with(b"\r\n"))), read(&message(lf.to_vec())));
            prop_assert_eq!(read(&message(with(b"\r"))), read(&message(lf.to_vec())));
        }
    }

    fn events_of(text: &str) -> usize {
        read(&message(text.as_bytes().to_vec())).len()
    }

    #[test]
    fn what_is_no_bounce_gives_no_event() {
        let receipt = "Return-Path: <>\nFrom: b@x.example\nTo: a@y.example\nSubject: Read: offer\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nYour message could not be delivered unread; b@x.example has read it.\n\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; b@x.example\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b\nContent-Type: text/rfc822-headers\n\nFrom: a@y.example\nTo: b@x.example\nSubject: offer\n\n--b--\n";
        let newsletter = "Return-Path: <news@shop.example>\nFrom: Shop <news@shop.example>\nTo: a@y.example\nSubject: Free delivery on returned orders\n\nOrder now, delivery is free.\n\nservice@shop.example\n\n550 new items from 4 Euro\n";
        let question = "From: a@y.example\nTo: b@x.example\nSubject: bounces\n\nWhat does it mean when a server says 550? Write to\nc@x.example\nplease.\n";
        for (what, text) in [
            ("receipt", receipt),
            ("newsletter", newsletter),
            ("question", question),
        ] {
            assert_eq!(events_of(text), 0, "{what}");
        }
    }

    #[test]
    fn what_fuzzing_found_stays_mended() {
        let one_of = |text: &str| {
            let mut events = read(&message(text.as_bytes().to_vec()));
            assert_eq!(events.len(), 1, "{text}");
            events.remove(0)
        };
        let head = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\n";
        let original =
            "Message-ID: <o1@x.exampleReceived: from\n y\nTo: a@\u{10}y.example, b@y.example\nSubject: x\n";
        let copy = format!("{head}\n<c@y.example>: 550 no\n\nOriginal message follows\n\n{original}");
        assert_eq!(one_of(&copy).original.message_id, None);
        let hint = format!("{head}\nNot delivered.\n\nOriginal message follows\n\n{original}");
        assert_eq!(one_of(&hint).recipient, "b@y.example");
        // an alias of the report and the address behind it, of which the words speak
        let twice = format!(
            "{head}Content-Type: multipart/report; boundary=b\n\n--b\n\nThe following address(es) failed:\n\n  b@y.example\n    (generated from a@x.example)\n    550 no\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822;a@x.example\nStatus: 5.0.0\n\nFinal-Recipient: rfc822;b@y.example\nStatus: 5.0.0\n--b--\n"
        );
        assert_eq!(one_of(&twice).recipient, "b@y.example");
    }

    #[test]
    fn an_mbox_in_one_mail_gives_each_bounce() {
        let one = "From MAILER-DAEMON  Thu Apr 29 23:34:45 2015\nReturn-Path: <>\nFrom: MAILER-DAEMON@x.example\n\nHi. This is the qmail-send program at x.example.\n\n<a@y.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n";
        assert_eq!(events_of(&format!("{one}{}", one.replace("<a@", "<b@"))), 2);
    }

    #[test]
    fn what_comes_behind_a_large_attachment_is_read() {
        let bounce = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\n\nHi. This is the qmail-send program at x.example.\n\n<a@y.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n";
        for line_end in ["\n", "\r\n", "\r"] {
            let attachment = format!("{}{line_end}", "A".repeat(77)).repeat(3 * MAX_PART / 155);
            let text = format!(
                "From: a@z.example\nSubject: Fwd: bounce\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nATTACHMENT--b\nContent-Type: message/rfc822\n\n{bounce}--b--\n"
            );
            let text = text.replace('\n', line_end).replace("ATTACHMENT", &attachment);
            let kept = lines(text.as_bytes()).len();
            assert!(kept < MAX_PART + 2000, "{line_end:?}: {kept}");
            assert_eq!(events_of(&text), 1, "{line_end:?}");
        }
    }

    #[test]
    fn time_stays_linear_whatever_is_repeated() {
        let head = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Returned mail\n\n";
        let transcript = "   ----- The following addresses had permanent fatal errors -----\n<a@x.example>\n\n   ----- Transcript of session follows -----\n";
        let many = |line: &str| line.repeat(200_000 / line.len());
        let bodies = [
            many("\n"),
            format!("From: MAILER-DAEMON\n{}", many("\n")),
            many("a@x.example\n"),
            many("<a@x.example>: host x.example[192.0.2.1] said: 550 no\n"),
            many("Final-Recipient: rfc822; a@x.example\n"),
            many("@"),
            many("\"@"),
            many("> "),
            format!(
                "{transcript}{}",
                many("<<< 550 <a@x.example>\n550 <b@x.example>...\n")
            ),
            format!(
                "This is the MAILER-DAEMON, please DO NOT REPLY to this email\n{}",
                many("a@x.example: 550\n")
            ),
            format!("Remote host said: \n{}", many("<a@x.example>:\n550 no\n\n")),
            format!(
                "following address(es) failed:\n{}",
                many("  a@x.example\n    host x [192.0.2.1]\n")
            ),
        ];
        let begun = std::time::Instant::now();
        for body in bodies {
            events_of(&format!("{head}{body}"));
        }
        // seconds in a debug build on a busy machine; squares of these would take hours
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
    }
}
