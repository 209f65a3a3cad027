//! What a mail looks like that has the outer signs of a bounce and that no reader understood.

use mail_parser::{HeaderName, Message, MessagePart, MimeHeaders, PartType};

use crate::bounce::head::{Head, PARSER, has_null_sender, is_daemon};
use crate::bounce::impersonal;
use crate::bounce::mend;
use crate::bounce::shape::{MAX_HEADER, announces, says_automatic};
use crate::event::{self, NotUnderstood, Shape, Sign};

/// Parts of a mail and parts within parts beyond these numbers are not named.
const MAX_PARTS: usize = 12;
const MAX_DEPTH: usize = 4;
/// Reports that have a use of their own and speak of no failed mail: a read receipt (RFC 8098), a count of TLS
/// connections (RFC 8460).
const OTHER_REPORTS: [&str; 2] = ["disposition-notification", "tlsrpt"];
/// Names in the From of what programs write, the telling ones first: the mailboxes of RFC 2142 and their like.
const ROLES: [&str; 20] = [
    "mailer-daemon",
    "mailer_daemon",
    "mailerdaemon",
    "mail delivery subsystem",
    "mail delivery system",
    "mail delivery",
    "delivery subsystem",
    "microsoft exchange",
    "mail administrator",
    "mail system",
    "postmaster",
    "complaint",
    "feedback",
    "abuse",
    "bounce",
    "notification",
    "noreply",
    "no-reply",
    "daemon",
    "admin",
];

/// The mail, where it looks like a bounce: null sender, MAILER-DAEMON, a report. `mail` begins with its header.
pub(super) fn describe(message: &event::Message, mail: &[u8]) -> Option<NotUnderstood> {
    let header = PARSER.parse_headers(mail.get(..MAX_HEADER).unwrap_or(mail))?;
    // the header tells most mails apart, without a look at their parts
    let signs = signs(&header);
    if signs.is_empty() || is_something_else(&header) {
        return None;
    }
    let parsed = PARSER.parse(mend::bounded(mail));
    let parsed = parsed.as_ref().unwrap_or(&header);
    let head = Head::of(parsed, message.received_at);
    let line = |name| {
        parsed
            .header_raw(name)
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let program = line("X-Mailer").or_else(|| line("User-Agent"));
    Some(NotUnderstood {
        source: message.source.clone(),
        message_id: head.message_id,
        bounced_at: head.bounced_at,
        shape: Some(Shape {
            signs,
            from: role(line("From").unwrap_or_default()),
            subject: (!head.subject.is_empty()).then(|| impersonal::subject(&head.subject)),
            mailer: program.map(impersonal::program),
            parts: parts(parsed),
        }),
    })
}

fn signs(mail: &Message<'_>) -> Vec<Sign> {
    let from = mail.header_raw("From").unwrap_or_default().trim();
    let reported = report_type(mail).is_some();
    let failed = mail
        .header_raw("X-Failed-Recipients")
        .is_some_and(|failed| !failed.trim().is_empty());
    [
        (has_null_sender(mail), Sign::NullSender),
        (
            from == "<>" || is_daemon(from) && !is_person(mail, from),
            Sign::Daemon,
        ),
        (reported, Sign::Report),
        (failed, Sign::FailedRecipients),
    ]
    .into_iter()
    .filter_map(|(is_there, sign)| is_there.then_some(sign))
    .collect()
}

/// A postmaster is a person, too: what one writes is no bounce unless it says that a program wrote it, or of what.
fn is_person(mail: &Message<'_>, from: &str) -> bool {
    let from = from.to_lowercase().replace("postmaster", "");
    !is_daemon(&from) && !says_automatic(mail) && !announces(mail.subject().unwrap_or_default())
}

/// An answer of somebody who is away, a receipt, a statistic: understood, and no bounce.
fn is_something_else(mail: &Message<'_>) -> bool {
    let away = mail
        .header_raw("Auto-Submitted")
        .is_some_and(|auto| auto.to_ascii_lowercase().contains("vacation"));
    away || report_type(mail).is_some_and(|told| OTHER_REPORTS.contains(&told.as_str()))
}

/// The report-type of a multipart/report (RFC 6522 §3); empty where it names none.
fn report_type(mail: &Message<'_>) -> Option<String> {
    let kind = mail.header(HeaderName::ContentType)?.as_content_type()?;
    let is_report = kind
        .subtype()
        .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    is_report.then(|| {
        kind.attribute("report-type")
            .unwrap_or_default()
            .to_ascii_lowercase()
    })
}

fn role(from: &str) -> Option<String> {
    let from = from.to_lowercase();
    let role = ROLES.iter().find(|role| from.contains(*role))?;
    Some((*role).to_owned())
}

/// `multipart/report; report-type=delivery-status (text/plain, message/rfc822)`. What came attached is not looked into.
fn parts(mail: &Message<'_>) -> String {
    match mail.parts.first() {
        Some(part) => part_and_below(mail, part, MAX_DEPTH),
        None => "text/plain".to_owned(),
    }
}

fn part_and_below(mail: &Message<'_>, part: &MessagePart<'_>, depth: usize) -> String {
    let kind = kind_of(part);
    let PartType::Multipart(ids) = &part.body else {
        return kind;
    };
    if depth == 0 {
        return format!("{kind} (…)");
    }
    let below = ids.iter().filter_map(|id| mail.parts.get(*id as usize));
    let mut below: Vec<String> = below
        .take(MAX_PARTS)
        .map(|part| part_and_below(mail, part, depth - 1))
        .collect();
    if ids.len() > MAX_PARTS {
        below.push("…".to_owned());
    }
    format!("{kind} ({})", below.join(", "))
}

fn kind_of(part: &MessagePart<'_>) -> String {
    let Some(kind) = part.content_type() else {
        return "text/plain".to_owned();
    };
    let (of, subtype) = (token(kind.ctype()), kind.subtype().map(token));
    let report = kind.attribute("report-type").map(token);
    let subtype = subtype.map(|subtype| format!("/{subtype}")).unwrap_or_default();
    let report = report
        .map(|report| format!("; report-type={report}"))
        .unwrap_or_default();
    format!("{of}{subtype}{report}")
}

/// A token of RFC 2045 §5.1 as types are made of; what is no such name is not repeated.
fn token(text: &str) -> String {
    let in_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
    match !text.is_empty() && text.len() <= 40 && text.chars().all(in_names) {
        true => text.to_ascii_lowercase(),
        false => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::bounce::{not_understood, read};
    use crate::event::{Message, Shape, Sign, Source};

    fn shape_of(mail: &str) -> Option<Shape> {
        let message = Message {
            source: Source::File("x.eml".into()),
            received_at: None,
            bytes: mail.as_bytes().to_vec(),
        };
        assert_eq!(read(&message), []);
        not_understood(&message)?.shape
    }

    /// RFC 5965 §3.2: the recipient is optional, and some receivers take it out of the original too.
    const REDACTED: &str = "From: feedbackloop@isp.example.net\nTo: abuse@shop.example.jp\nSubject: Abuse report for 192.0.2.10\nMessage-ID: <a1@isp.example.net>\nDate: Thu, 19 Nov 2026 10:00:00 +0900\nX-Mailer: ReportMill 2.4 (fbl7.isp.example.net)\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nHanako Yamada called a mail spam.\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: ReportMill/2.4\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\nFrom: news@shop.example.jp\nTo: \"undisclosed\"\nSubject: Our offer\n\nBuy.\n\n--b--\n";

    #[test]
    fn a_shape_names_the_program_and_nobody_else() {
        let shape = Shape {
            signs: vec![Sign::Report],
            from: Some("feedback".to_owned()),
            subject: Some("Abuse report for <n>".to_owned()),
            mailer: Some("ReportMill <n> (<host>)".to_owned()),
            parts: "multipart/report; report-type=feedback-report (text/plain, message/feedback-report, message/rfc822)"
                .to_owned(),
        };
        assert_eq!(shape_of(REDACTED), Some(shape));
        let of_another_day = REDACTED
            .replace("192.0.2.10", "198.51.100.7")
            .replace("Hanako Yamada", "Taro")
            .replace("fbl7", "fbl8");
        assert_eq!(shape_of(&of_another_day), shape_of(REDACTED));
    }

    #[test]
    fn each_outer_sign_is_told() {
        let signs =
            |header: &str| shape_of(&format!("{header}Subject: x\n\nNothing.\n")).map(|shape| shape.signs);
        let daemon = "From: Mail Delivery System <MAILER-DAEMON@x.example>\n";
        assert_eq!(signs(daemon), Some(vec![Sign::Daemon]));
        assert_eq!(signs("Return-Path: <>\n"), Some(vec![Sign::NullSender]));
        let report = "Content-Type: multipart/report; boundary=b\nReturn-Path: <>\n";
        assert_eq!(signs(report), Some(vec![Sign::NullSender, Sign::Report]));
        assert_eq!(
            signs("X-Failed-Recipients: somebody\n"),
            Some(vec![Sign::FailedRecipients])
        );
    }

    #[test]
    fn what_was_understood_to_be_something_else_is_not_among_them() {
        for (what, header) in [
            ("a mail", "Return-Path: <a@x.example>\nFrom: a@x.example\n"),
            (
                "a postmaster's mail",
                "From: Postmaster <postmaster@x.example>\nSubject: lunch\n",
            ),
            (
                "an answer",
                "Return-Path: <>\nAuto-Submitted: auto-replied (vacation)\n",
            ),
            (
                "a receipt (RFC 8098)",
                "Return-Path: <>\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n",
            ),
            (
                "a count of TLS connections (RFC 8460)",
                "From: noreply@x.example\nContent-Type: multipart/report; report-type=\"tlsrpt\"; boundary=b\n",
            ),
        ] {
            assert_eq!(
                shape_of(&format!("{header}To: b@y.example\n\nHello.\n")),
                None,
                "{what}"
            );
        }
        let notice = "From: Postmaster <postmaster@x.example>\nSubject: Undeliverable mail\n\nSorry.\n";
        assert!(shape_of(notice).is_some());
    }
}
