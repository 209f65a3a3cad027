//! The header of a bounce: when it was written, by what, and whether a program wrote it.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::{HeaderName, Message, MessageParser};

use crate::bounce::address::{self, is_host};
use crate::bounce::charset;
use crate::bounce::date;
use crate::event::Timestamp;

/// Takes apart the fields that are asked for, and those by which a mail's parts are found. Of all others the raw text is
/// enough: Received lines alone cost as much as the rest.
pub(super) static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_text(HeaderName::ContentTransferEncoding)
        .header_text(HeaderName::Subject)
        .header_address(HeaderName::From)
        .header_address(HeaderName::To)
        .header_id(HeaderName::MessageId)
        .default_header_ignore()
});

/// Bytes of a Subject that are kept.
const MAX_SUBJECT: usize = 4096;

/// What the header of a bounce says.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) message_id: Option<String>,
    pub(super) bounced_at: Option<Timestamp>,
    pub(super) subject: String,
    /// The host in its first Received line: it wrote the bounce, or took it from what did.
    pub(super) written_by: Option<String>,
    /// `X-Failed-Recipients` (Exim, Gmail).
    pub(super) failed_recipients: Vec<String>,
    /// The address it is from.
    pub(super) from: String,
    /// Whom it is to: the sender of what bounced.
    pub(super) to: Vec<String>,
    /// Whether a program wrote it: null sender, MAILER-DAEMON, a report.
    pub(super) automatic: bool,
    /// Whether it is from an address that mail servers write bounces under.
    pub(super) daemon: bool,
    /// Whether `Auto-Submitted: auto-replied` (RFC 3834 §5.1) or one of its forerunners says so.
    pub(super) auto_replied: bool,
}

impl Head {
    /// Reads a mail's header; `received_at` stands in for a missing Date.
    pub(super) fn of(mail: &Message<'_>, received_at: Option<Timestamp>) -> Self {
        let raw = |name: &'static str| mail.header_raw(name).map(str::trim).unwrap_or_default();
        let failed = mail.header_raw("X-Failed-Recipients").unwrap_or_default();
        let sender = mail.from().and_then(|from| from.first());
        let address = sender
            .and_then(|from| from.address())
            .unwrap_or_default()
            .to_owned();
        let daemon = is_daemon(raw("From")) || raw("From") == "<>";
        let kind = mail
            .header(HeaderName::ContentType)
            .and_then(|kind| kind.as_content_type());
        let is_report = kind.is_some_and(|kind| {
            let told = kind
                .attribute("report-type")
                .unwrap_or("delivery-status")
                .to_ascii_lowercase();
            let is_report = kind
                .subtype()
                .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
            is_report && told != "disposition-notification"
        });
        Self {
            message_id: message_id(mail),
            bounced_at: date::read(raw("Date")).or(received_at),
            subject: subject(mail),
            automatic: is_report || has_null_sender(mail) || !failed.is_empty() || daemon,
            daemon,
            auto_replied: raw("Auto-Submitted")
                .to_ascii_lowercase()
                .starts_with("auto-replied")
                || mail.header_raw("X-Autoreply").is_some()
                || mail.header_raw("X-Autorespond").is_some(),
            written_by: first_hop(mail),
            failed_recipients: address::all(failed).collect(),
            to: address::all(raw("To")).collect(),
            from: address,
        }
    }
}

/// A mail's Message-ID without brackets. What is longer than a line may be (RFC 5322 §2.1.1) or is no one word, as where
/// the bracket at its end is lost, identifies nothing.
pub(super) fn message_id(mail: &Message<'_>) -> Option<String> {
    let id = mail.message_id()?.trim();
    let is_word =
        !id.is_empty() && id.len() <= 998 && !id.contains(|c: char| c.is_whitespace() || c.is_control());
    is_word.then(|| id.to_owned())
}

/// A mail's Subject, decoded, on one line; empty where there is none. Each of a mail's events keeps a copy, so that it is cut.
pub(super) fn subject(mail: &Message<'_>) -> String {
    let decoded = mail.subject().unwrap_or_default();
    let is_odd = decoded.contains([char::REPLACEMENT_CHARACTER, '\u{1b}']);
    let again = || {
        let name = |header: &&mail_parser::Header<'_>| header.name == HeaderName::Subject;
        let header = mail.headers().iter().rfind(name)?;
        let raw = mail
            .raw_message
            .get(header.offset_start as usize..header.offset_end as usize)?;
        Some(charset::of_field(raw.get(..MAX_SUBJECT * 4).unwrap_or(raw)))
    };
    let again = is_odd.then(again).flatten();
    let words = again.as_deref().unwrap_or(decoded);
    let end = (MAX_SUBJECT..words.len()).find(|at| words.is_char_boundary(*at));
    let words = end.and_then(|end| words.get(..end)).unwrap_or(words);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `Return-Path: <>`; some write `<MAILER-DAEMON>` or `<null>` into the mailbox.
pub(super) fn has_null_sender(mail: &Message<'_>) -> bool {
    mail.header_raw("Return-Path").is_some_and(|path| {
        let path = path
            .trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .trim()
            .to_ascii_lowercase();
        path.is_empty() || path == "null" || path.starts_with("mailer-daemon")
    })
}

/// The host of the lowest Received line. Where it says `from` another host than itself, that one wrote the mail and
/// handed it over without a line of its own: `from mx4.example.org (mx4.example.org [192.0.2.7]) by mx.example.net`.
fn first_hop(mail: &Message<'_>) -> Option<String> {
    let lines = mail
        .headers_raw()
        .filter(|(name, _)| name.eq_ignore_ascii_case("received"));
    let line = lines.map(|(_, line)| line).last()?;
    let word_after = |mark: &str| {
        let mut words = line.split_whitespace();
        words.find(|word| word.eq_ignore_ascii_case(mark))?;
        let word = words.next()?.trim_matches(['[', ']', '(', ')', ';', ',']);
        Some(word.trim_end_matches('.')).filter(|word| is_host(word) && word.contains('.'))
    };
    let is_name = |host: &&str| host.parse::<std::net::IpAddr>().is_err() && !host.starts_with("localhost");
    // `from 98.138.229.112 (EHLO nm36-vm0.bullet.mail.ne1.yahoo.com)`
    let said = || {
        word_after("(EHLO")
            .or_else(|| word_after("(HELO"))
            .filter(is_name)
    };
    let from = word_after("from").filter(is_name).or_else(said);
    from.or_else(|| word_after("by").filter(is_name))
        .map(str::to_owned)
}

/// Whether a From is one that mail servers write bounces under.
pub(super) fn is_daemon(from: &str) -> bool {
    const NAMES: [&str; 13] = [
        "mailer-daemon",
        "mailer_daemon",
        "mailerdaemon",
        "mail delivery",
        "mail-delivery",
        "maildelivery",
        "postmaster",
        "delivery subsystem",
        "delivery status",
        "mdaemon",
        "microsoft exchange",
        "mail administrator",
        "mail system",
    ];
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(NAMES).ok());
    let from = from.to_lowercase();
    WORDS.as_ref().is_some_and(|words| words.is_match(&from))
}
