//! What holds of every mail, whatever a stranger wrote: the promises of `bounce` and `catalogue` that can be seen from
//! outside. The property tests and `fuzz/` hold mails against them.

use std::collections::HashSet;

use bounceaudit::bounce;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::event::{Event, Format, Message, Source, Timestamp};
use mail_parser::decoders::html::html_to_text;
use mail_parser::{MessageParser, PartType};

/// Reads a mail, judges its events and panics where one breaks a promise.
pub(crate) fn kept(catalogue: &Catalogue, bytes: &[u8]) -> Vec<Event> {
    let message = Message {
        source: Source::File("promises.eml".into()),
        received_at: None,
        bytes: bytes.to_vec(),
    };
    let events = bounce::read(&message);
    assert!(
        bounce::may_be(bytes) || bounce::not_understood(&message).is_none(),
        "what looks like a bounce may be one"
    );
    if events.is_empty() {
        return events;
    }
    let written = written(bytes);
    // an mbox may hold the same mail twice
    let is_mbox = written.contains("\nfrom ") || written.starts_with("from ");
    // of an encoding that is cut or broken each reader makes out another piece
    let is_encoded = written.contains("base64") || written.contains("quoted-printable");
    // two mails of one Message-ID may speak of one recipient
    let carries_several =
        written.matches("message/rfc822").count() > 1 || written.contains("multipart/digest");
    let mut seen = HashSet::new();
    for event in &events {
        keeps_to_the_fields(event);
        if !is_mbox {
            if !is_encoded {
                is_written(event, &written);
            }
            let of_one_mail = (&event.message_id, event.times.bounced_at);
            let is_new = seen.insert((event.recipient.to_ascii_lowercase(), of_one_mail));
            assert!(is_new || carries_several, "{} is reported twice", event.recipient);
        }
        let judged = catalogue.classify(event.clone());
        keeps_to_the_verdict(&judged);
        assert_eq!(catalogue.classify(judged.clone()), judged, "a verdict stays");
    }
    events
}

fn keeps_to_the_fields(event: &Event) {
    let recipient = &event.recipient;
    assert!(
        !recipient.contains(char::is_control),
        "{recipient:?} has a control character"
    );
    let (local, domain) = recipient.rsplit_once('@').unwrap_or_default();
    assert!(
        !local.is_empty() && !domain.is_empty(),
        "{recipient:?} is no address"
    );
    let is_quoted = local.starts_with('"') && local.ends_with('"') && local.len() > 1;
    assert!(
        is_quoted || !local.contains(['@', ' ', '"', '<', '>']),
        "{recipient:?} is no address"
    );
    let receiving = event.receiving_domain.as_str();
    assert!(
        receiving.is_ascii() && receiving == receiving.to_ascii_lowercase() && !receiving.is_empty(),
        "{receiving:?} is no domain"
    );
    for time in [event.times.bounced_at, event.times.sent_at]
        .into_iter()
        .flatten()
    {
        assert!(year(time) >= 1982, "{time} is before all mail");
    }
    let class = event.status.map(bounceaudit::event::Status::class);
    assert!(class.is_none_or(|class| matches!(class, 2 | 4 | 5)), "{class:?}");
    let is_line = |text: &String| !text.is_empty() && text.trim() == text && !text.contains(['\n', '\r']);
    for text in [
        &event.reply,
        &event.original.subject,
        &event.message_id,
        &event.remote_host,
    ] {
        assert!(text.as_ref().is_none_or(is_line), "{text:?} is no line");
    }
    assert!(
        event.remote_ip.is_none_or(|ip| ip == ip.to_canonical()),
        "{:?} is not canonical",
        event.remote_ip
    );
}

/// RFC 3339 has four digits of it; another number of them is a year that no mail has.
fn year(time: Timestamp) -> i32 {
    let text = time.to_rfc3339();
    let digits = text.split('-').next().filter(|digits| digits.len() == 4);
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Nothing comes from nowhere: each word of ours stands in the mail.
fn is_written(event: &Event, written: &str) {
    let is_there = |word: &str| !word.is_ascii() || written.contains(&word.to_ascii_lowercase());
    for piece in event.recipient.rsplitn(2, '@') {
        assert!(is_there(piece), "{} stands nowhere", event.recipient);
    }
    // the text of a JSON string has escapes
    if event.format == Format::Ses {
        return;
    }
    // marks between words are the charset's or HTML's, too
    let words = event.reply.iter().flat_map(|reply| reply.split_whitespace());
    let plain = words.filter(|word| word.is_ascii());
    for word in plain.flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())) {
        assert!(is_there(word), "{word:?} of {:?} stands nowhere", event.reply);
    }
    let numbers = [
        event.smtp_code.map(|code| code.to_string()),
        event.remote_host.clone(),
        event.reporting_mta.clone(),
    ];
    for number in numbers.into_iter().flatten() {
        assert!(is_there(&number), "{number:?} stands nowhere");
    }
}

/// All that a mail says in lower case: as it came, and its parts decoded.
fn written(bytes: &[u8]) -> String {
    let has_lf = bytes.contains(&b'\n');
    let line_end = |byte: &u8| match (byte, has_lf) {
        (b'\r', true) => None,
        (b'\r', false) => Some(b'\n'),
        (byte, _) => Some(*byte),
    };
    let mail: Vec<u8> = bytes.iter().filter_map(line_end).collect();
    let mut all = String::from_utf8_lossy(&mail).into_owned();
    // an mbox's `From ` line and empty lines may stand above the header
    let is_above = |line: &&[u8]| {
        line.trim_ascii().is_empty() || line.starts_with(b"From ") || line.starts_with(b">From ")
    };
    let above = mail.split_inclusive(|byte| *byte == b'\n').take_while(is_above);
    let begins = above.map(<[u8]>::len).sum();
    if let Some(mail) = MessageParser::default().parse(mail.get(begins..).unwrap_or_default()) {
        decode(&mail, &mut all);
    }
    // a quoted local part may be folded
    let unfolded = all.split_whitespace().collect::<Vec<_>>().join(" ");
    all.push('\n');
    all.push_str(&unfolded);
    all.make_ascii_lowercase();
    all
}

fn decode(mail: &mail_parser::Message<'_>, all: &mut String) {
    for part in &mail.parts {
        all.push('\n');
        match &part.body {
            PartType::Text(text) => all.push_str(text),
            PartType::Html(html) => {
                all.push_str(html);
                all.push_str(&html_to_text(html));
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                all.push_str(&String::from_utf8_lossy(bytes));
            }
            PartType::Message(mail) => decode(mail, all),
            PartType::Multipart(_) => {}
        }
    }
}

fn keeps_to_the_verdict(event: &Event) {
    let verdict = &event.verdict;
    if let Some(ip) = verdict.blocked_ip {
        assert!(
            ip == ip.to_canonical() && !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast(),
            "{ip} is nobody's sending address"
        );
        assert!(event.reply.is_some(), "{ip} comes from no reply");
    }
    if let Some(removal) = &verdict.removal {
        let has_scheme = ["http://", "https://", "mailto:"]
            .iter()
            .any(|scheme| removal.to_ascii_lowercase().starts_with(scheme));
        assert!(
            has_scheme && !removal.contains(char::is_whitespace),
            "{removal:?} is no address"
        );
    }
}
