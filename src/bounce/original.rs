//! The returned original: its header fields, whichever way the bounce gives it back.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::Message;

use crate::bounce::address;
use crate::bounce::date;
use crate::bounce::head::{self, PARSER};
use crate::bounce::header::begins_mail;
use crate::bounce::received;
use crate::event::{Original, Timestamp};

/// What the returned original says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Returned {
    pub(super) fields: Original,
    /// Its Date.
    pub(super) sent_at: Option<Timestamp>,
    /// The addresses in its To, where there is just one of them: a last hint at the recipient.
    pub(super) to: Vec<String>,
}

impl Returned {
    /// From an original that came as a part of its own (message/rfc822).
    pub(super) fn of(message: &Message<'_>) -> Self {
        let text = |name: &'static str| {
            message
                .header_raw(name)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let from = message
            .from()
            .and_then(|from| from.first())
            .and_then(|from| from.address());
        let to = message.to().into_iter().flat_map(|to| to.iter());
        Self {
            fields: Original {
                message_id: head::message_id(message),
                from: from.and_then(address::only),
                subject: Some(head::subject(message)).filter(|subject| !subject.is_empty()),
                helos: received::helos(message),
            },
            sent_at: text("Date").and_then(date::read),
            to: to
                .filter_map(|to| to.address())
                .filter_map(address::only)
                .take(2)
                .collect(),
        }
    }

    /// From a header block as text (text/rfc822-headers, or the copy below the words of the bounce).
    pub(super) fn read(block: &str) -> Option<Self> {
        let block = block.trim_start_matches(['\n', '\r']);
        PARSER
            .parse_headers(block.as_bytes())
            .map(|message| Self::of(&message))
    }

    /// Whether anything was read.
    pub(super) fn is_empty(&self) -> bool {
        let Original {
            message_id,
            from,
            subject,
            helos: _,
        } = &self.fields;
        let fields = [message_id, from, subject];
        self.sent_at.is_none() && fields.iter().all(|field| field.is_none()) && self.to.is_empty()
    }
}

/// Words of the lines that mail servers put above the copy of the original, in lower case.
///
/// qmail 1.03 `--- Below this line is a copy of the message.`, indimail `--- Enclosed is a copy of the message.`,
/// Exim 4 `------ This is a copy of the message, including all the headers. ------`, sendmail 8
/// `----- Original message follows -----`, `----- Unsent message follows -----` (5), Gmail
/// `----- Original message -----`, OpenSMTPD `Below is a copy of the original message:`, dma `Original message follows.`
const ABOVE_A_COPY: [&str; 12] = [
    "copy of the message",
    "copy of your message",
    "copy of the mail",
    "copy of the original",
    "copy of the header",
    "original message",
    "original mail",
    "message follows",
    "message header",
    "headers follow",
    "returned message",
    "undelivered message",
];

/// Splits the words of a bounce from the copy of the original below them.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let mut at = 0;
    let mut after_gap = false;
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        let rest = text.get(next..).unwrap_or("");
        if is_above_a_copy(line) {
            let copy = rest.trim_start_matches(['\n', ' ', '\t']);
            if copy.is_empty() || begins_mail(copy) {
                return (
                    text.get(..at).unwrap_or(text),
                    Some(copy).filter(|copy| !copy.is_empty()),
                );
            }
        }
        // without a line above it: `Return-Path:` and `Received:` open nothing but a mail
        if after_gap && opens_a_mail(line) && text.get(at..).is_some_and(begins_mail) {
            return (text.get(..at).unwrap_or(text), text.get(at..));
        }
        // a label in any language stands above it, too: Exchange's `Ursprüngliche Nachrichtenkopfzeilen:`
        let line = line.trim();
        after_gap = line.trim_matches(['-', '=', '_', '*']).is_empty() || line.ends_with([':', '：']);
        at = next;
    }
    (text, None)
}

fn is_above_a_copy(line: &str) -> bool {
    let line = line.trim();
    if line.len() < 8 || line.len() > 120 {
        return false;
    }
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(ABOVE_A_COPY)
            .ok()
    });
    WORDS.as_ref().is_some_and(|words| words.is_match(line))
}

fn opens_a_mail(line: &str) -> bool {
    [
        "return-path:",
        "received:",
        "x-originalarrivaltime:",
        "dkim-signature:",
    ]
    .iter()
    .any(|name| {
        line.get(..name.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use crate::bounce::original::{Returned, split};

    #[test]
    fn the_copy_begins_below_the_line_of_the_mail_server() {
        let text = "Sorry.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <a@x.example>\nFrom: a@x.example\n\nhi\n";
        let (words, copy) = split(text);
        assert_eq!(words, "Sorry.\n\n");
        assert!(copy.unwrap().starts_with("Return-Path"));
        assert_eq!(
            split("The original message was received at noon\nfrom x\n").1,
            None
        );
    }

    #[test]
    fn the_original_says_when_and_by_whom() {
        let block = "Date: Tue, 24 Jan 2023 14:09:58 +0900\nFrom: Taro <taro@shop.example.jp>\nSubject: =?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=\nMessage-ID: <a000@shop.example.jp>\n\nx";
        let returned = Returned::read(block).unwrap();
        assert_eq!(returned.fields.subject.as_deref(), Some("見積書"));
        assert_eq!(returned.fields.from.as_deref(), Some("taro@shop.example.jp"));
        assert_eq!(
            returned.fields.message_id.as_deref(),
            Some("a000@shop.example.jp")
        );
        assert_eq!(
            returned.sent_at.unwrap().to_rfc3339(),
            "2023-01-24T14:09:58+09:00"
        );
    }
}
