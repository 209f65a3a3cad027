//! Bounces that a person passes on in the words of a mail: forwarded inline, quoted, pasted.
//!
//! The header fields that the person's mail program writes above the bounce become its header; the person never
//! becomes a recipient, and the dates are the bounce's own.

use crate::bounce::address;
use crate::bounce::date;
use crate::bounce::head::{Head, is_daemon};
use crate::bounce::header::field;
use crate::bounce::mail::Bounce;

/// The fields that mail programs show above a forwarded mail, in the languages they do it in, by what they are.
const FIELDS: [(&str, Kind); 34] = [
    ("from", Kind::From),
    ("sender", Kind::From),
    ("von", Kind::From),
    ("de", Kind::From),
    ("da", Kind::From),
    ("van", Kind::From),
    ("差出人", Kind::From),
    ("送信者", Kind::From),
    ("发件人", Kind::From),
    ("date", Kind::Date),
    ("sent", Kind::Date),
    ("gesendet", Kind::Date),
    ("datum", Kind::Date),
    ("envoyé", Kind::Date),
    ("enviado", Kind::Date),
    ("fecha", Kind::Date),
    ("送信日時", Kind::Date),
    ("日時", Kind::Date),
    ("日付", Kind::Date),
    ("发送时间", Kind::Date),
    ("subject", Kind::Subject),
    ("betreff", Kind::Subject),
    ("objet", Kind::Subject),
    ("asunto", Kind::Subject),
    ("oggetto", Kind::Subject),
    ("件名", Kind::Subject),
    ("主题", Kind::Subject),
    ("message-id", Kind::Id),
    ("to", Kind::To),
    ("an", Kind::To),
    ("cc", Kind::Other),
    ("宛先", Kind::To),
    ("reply-to", Kind::Other),
    ("return-path", Kind::Other),
];

/// Levels of quoting that are taken off.
const MAX_QUOTES: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    From,
    To,
    Date,
    Subject,
    Id,
    Other,
}

/// The bounce inside the words of a mail, where a header block of one stands in them.
pub(super) fn inside(words: &str) -> Option<Bounce<'static>> {
    let mut text = words.to_owned();
    for _ in 0..MAX_QUOTES {
        if let Some((head, rest)) = below_a_header(&text) {
            return Some(Bounce::pasted(head, rest));
        }
        text = unquoted(&text)?;
    }
    None
}

/// The words of a mail without the marks of quoting, where most lines have one: a bounce may stand there without its
/// header. A few such lines are a session's (`>>> DATA`).
pub(super) fn quoted(words: &str) -> Option<Bounce<'static>> {
    let mut text = Some(words.to_owned()).filter(|text| is_quoted(text))?;
    for _ in 0..MAX_QUOTES {
        if !is_quoted(&text) {
            break;
        }
        text = unquoted(&text)?;
    }
    Some(Bounce::pasted(Head::default(), &text))
}

fn is_quoted(text: &str) -> bool {
    let written = text.lines().filter(|line| !line.trim().is_empty());
    let (quoted, plain): (Vec<&str>, Vec<&str>) =
        written.partition(|line| line.starts_with('>') && !line.starts_with(">>> "));
    quoted.len() > plain.len()
}

/// One level of `> ` taken off; `None` where nothing is quoted. `>>>> DATA` behind `> ` is sendmail's `>>> DATA`.
fn unquoted(text: &str) -> Option<String> {
    let mut any = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.strip_prefix('>') {
            Some(rest) => {
                any = true;
                out.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    any.then_some(out)
}

/// The first run of lines that shows a bounce's header, and what follows it.
fn below_a_header(text: &str) -> Option<(Head, &str)> {
    let mut block = Block::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if let Some((kind, value)) = shown(line) {
            block.set(kind, value);
            continue;
        }
        // a folded value, or the empty lines that HTML leaves between the fields
        let goes_on = block.fields > 0 && (line.starts_with([' ', '\t']) || line.trim().is_empty());
        if goes_on && line.trim().is_empty() && !next_is_field(text.get(at..)) {
            if let Some(head) = block.head() {
                return Some((head, text.get(at..)?));
            }
            block = Block::default();
        } else if !goes_on {
            let other_field = block.fields > 0 && field(line).is_some_and(|(name, _)| name.contains('-'));
            if !other_field {
                if let Some(head) = block.head() {
                    return Some((head, text.get(at - line.len()..)?));
                }
                block = Block::default();
            }
        }
    }
    None
}

fn next_is_field(rest: Option<&str>) -> bool {
    rest.and_then(|rest| rest.lines().take(3).find(|line| !line.trim().is_empty()))
        .is_some_and(|line| shown(line).is_some())
}

/// `From: …`, `*From:* …`, `差出人： …`
fn shown(line: &str) -> Option<(Kind, &str)> {
    let line = line.trim().trim_start_matches('*');
    let at = line.find([':', '：'])?;
    let name = line.get(..at)?.trim().trim_end_matches('*').to_lowercase();
    let value = line.get(at..)?.trim_start_matches([':', '：', '*']).trim();
    let kind = FIELDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)?;
    Some((kind, value))
}

#[derive(Default)]
struct Block<'a> {
    fields: usize,
    from: &'a str,
    date: &'a str,
    subject: &'a str,
    id: &'a str,
    to: &'a str,
}

impl<'a> Block<'a> {
    fn set(&mut self, kind: Kind, value: &'a str) {
        self.fields += 1;
        match kind {
            Kind::From => self.from = value,
            Kind::To => self.to = value,
            Kind::Date => self.date = value,
            Kind::Subject => self.subject = value,
            Kind::Id => self.id = value.trim_matches(['<', '>']),
            Kind::Other => {}
        }
    }

    /// The header, if it is that of a bounce.
    fn head(&self) -> Option<Head> {
        let is_bounce = self.fields >= 2 && is_daemon(self.from);
        is_bounce.then(|| Head {
            message_id: (!self.id.is_empty()).then(|| self.id.to_owned()),
            bounced_at: date::read(self.date),
            subject: self.subject.to_owned(),
            to: address::all(self.to).collect(),
            automatic: true,
            daemon: true,
            ..Head::default()
        })
    }
}
