//! The outer signs of a bounce, seen in its header alone.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::Message;

use crate::bounce::head::{Head, PARSER};

/// Header bytes beyond this number are not looked at.
pub(super) const MAX_HEADER: usize = 256 * 1024;

/// Mails of an mbox beyond this number are not read: `mailbox` takes mboxes apart, this is for the odd one.
const MAX_MAILS: usize = 1000;

/// Words of the subjects of bounces, and of what people write above one, in lower case.
pub(super) const SUBJECTS: [&str; 49] = [
    "notification",
    "notice",
    "auto",
    "out of office",
    "abwesen",
    "réponse",
    "自動",
    "不在",
    "недостав",
    "доставлен",
    "退信",
    "投递",
    "undeliver",
    "deliver",
    "returned",
    "return",
    "failure",
    "failed",
    "bounce",
    "delayed",
    "rejected",
    "not sent",
    "unable",
    "could not",
    "error",
    "fwd:",
    "fw:",
    "tr:",
    "wg:",
    "rv:",
    "doorst",
    "warning",
    "unzustellbar",
    "zurück",
    "mail system",
    "problem",
    "nicht",
    "non remis",
    "échec",
    "no se pudo",
    "不達",
    "配信",
    "配送",
    "エラー",
    "返って",
    "戻って",
    "転送",
    "届か",
    "送信できません",
];

pub(super) fn may_be(header: &[u8]) -> bool {
    let header = header.get(..MAX_HEADER).unwrap_or(header);
    let Some(mail) = PARSER.parse_headers(header) else {
        return false;
    };
    let head = Head::of(&mail, None);
    head.automatic || says_automatic(&mail) || announces(&head.subject)
}

/// Whether a program says that it wrote the mail (RFC 3834 §5: any `Auto-Submitted` but `no`).
pub(super) fn says_automatic(mail: &Message<'_>) -> bool {
    mail.header_raw("Auto-Submitted")
        .is_some_and(|auto| !auto.trim().eq_ignore_ascii_case("no"))
}

/// Whether a subject has one of the words of bounces, or of what people write above one.
pub(super) fn announces(subject: &str) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SUBJECTS).ok());
    let subject = subject.to_lowercase();
    WORDS.as_ref().is_some_and(|words| words.is_match(&subject))
}

/// The mails of an mbox that came as one mail: it begins with a `From ` line, and so does each one after an empty line.
pub(super) fn mails_of_mbox(bytes: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n\nFrom ";
    let mut mails = Vec::new();
    let mut rest = bytes;
    while bytes.starts_with(b"From ") && mails.len() < MAX_MAILS {
        let starts_mail = |at: &usize| {
            let line = rest.get(at + MARK.len()..).unwrap_or_default();
            let header = line.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
            header.split(|byte| *byte == b':').next().is_some_and(|name| {
                !name.is_empty()
                    && name.len() < header.len()
                    && name
                        .iter()
                        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            })
        };
        let Some(at) = memchr::memmem::find_iter(rest, MARK).find(starts_mail) else {
            break;
        };
        let Some((mail, after)) = rest.split_at_checked(at + 2) else {
            break;
        };
        mails.push(mail);
        rest = after;
    }
    mails.push(rest);
    mails
}
