//! A bounce without what people wrote: the body of the returned original, the letter of who passed a bounce on, files.
//!
//! A part stays byte for byte, or is written anew where something is taken out of it. What the structure does not
//! account for (what stands before the first part, between two, behind the last) goes.
//! A copy of the original below the server's own words is cut behind its header. Where no known server wrote the
//! words, or a person's mail holds them, the lines stay that the events are read from, and what stands between them.

use std::ops::Range;

use mail_parser::{MessagePart, MimeHeaders, PartType};

use crate::bounce::charset;
use crate::bounce::head::PARSER;
use crate::bounce::header::field;
use crate::bounce::html;
use crate::bounce::mail::{Bounce, MAX_STRAY, is_mbox, kind_of, text_of};
use crate::bounce::pieces::{
    DECODED_HEADERS, GLOBAL_HEADERS, HEADERS_ONLY, OTHER, PLAIN, Piece, REMOVED, append_line, between,
    halves, is_original, is_report, new_part, returned,
};
use crate::bounce::{
    forwarded, from_header, mend, original, read_all, read_formats, read_mail, rfc3464, shape,
};
use crate::event::{Event, Format, Source, Timestamp};

/// Of a mail with more parts than this no words are kept: it would have to be read too often.
const MAX_PARTS: usize = 200;

/// Bytes of words in which the lines that tell something are looked for.
const MAX_SEARCHED: usize = 64 * 1024;

/// Each mail of an mbox, or the one mail; line ends are LF.
pub(super) fn of_all(bytes: &[u8], received_at: Option<Timestamp>, depth: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    for mail in shape::mails_of_mbox(bytes) {
        let bare = from_header(mail);
        kept.extend_from_slice(mail.get(..mail.len() - bare.len()).unwrap_or_default());
        let bare = mend::bounded(bare);
        let mended = mend::with_boundary(bare);
        let bare = mended.as_deref().unwrap_or(bare);
        if let Some(mail) = PARSER.parse(bare) {
            kept.extend(Trim::of(&mail, 0..bare.len(), received_at, depth).mail());
        }
    }
    kept
}

/// A mail that is about to lose something.
struct Trim<'m> {
    mail: &'m mail_parser::Message<'m>,
    /// Where it lies in its bytes.
    range: Range<usize>,
    received_at: Option<Timestamp>,
    depth: usize,
    bounce: Bounce<'m>,
    events: Vec<Event>,
    /// The bounce is a mail inside this one.
    is_carried: bool,
    /// Its words are those of its HTML, since there are no others.
    is_html: bool,
}

/// What becomes of the words of a mail.
#[derive(Clone)]
enum Words {
    AsTheyAre,
    Lines(Range<usize>),
    Removed,
}

impl<'m> Trim<'m> {
    fn of(
        mail: &'m mail_parser::Message<'m>,
        range: Range<usize>,
        received_at: Option<Timestamp>,
        depth: usize,
    ) -> Self {
        let bounce = Bounce::of(mail, received_at);
        let source = nowhere();
        let carried = || {
            depth > 0
                && (bounce.attached.iter().any(|mail| is_bounce(mail, depth - 1))
                    || bounce.mboxes.iter().any(|mbox| has_bounce(mbox, depth - 1)))
        };
        let is_carried = (!bounce.head.automatic || read_formats(&source, &bounce).is_empty()) && carried();
        Self {
            events: read_mail(&source, mail, received_at, depth),
            mail,
            range,
            received_at,
            depth,
            bounce,
            is_carried,
            is_html: !has_plain_words(mail),
        }
    }

    fn mail(&self) -> Vec<u8> {
        if self.is_carried || self.events.is_empty() || self.mail.parts.len() > MAX_PARTS {
            return self.with(&Words::Removed);
        }
        let whole = match self.copys_header_end() {
            Some(end) => Words::Lines(0..end),
            None => Words::AsTheyAre,
        };
        let is_known = self.bounce.head.automatic
            && self
                .events
                .iter()
                .all(|event| !matches!(event.format, Format::Generic | Format::AutoReply));
        let is_apart = self.bounce.head.automatic
            && self
                .mail
                .parts
                .iter()
                .any(|part| matches!(part.body, PartType::Message(_)) || is_original(&kind_of(part)));
        if is_known || is_apart {
            return self.with(&whole);
        }
        self.with(&Words::Lines(self.telling_lines()))
    }

    /// The line behind the header of the copy below the words.
    fn copys_header_end(&self) -> Option<usize> {
        let text = &self.bounce.text;
        let (_, copy) = original::split(text);
        let copy = copy?;
        let before = text.get(..text.len() - copy.len())?;
        let is_of_header = |(at, line): &(usize, &str)| {
            let line = line.trim_end();
            let opens = *at == 0 && (line.starts_with("From ") || line.starts_with(">From "));
            let folded = *at > 0 && line.starts_with([' ', '\t']) && !line.trim().is_empty();
            opens || folded || field(line).is_some()
        };
        let header = copy.lines().enumerate().take_while(is_of_header).count();
        let rest = copy.lines().skip(header);
        let ends = before.matches('\n').count() + header;
        rest.into_iter()
            .any(|line| !line.trim().is_empty())
            .then_some(ends)
    }

    /// The lines without which the events would not be the same, and what stands between them. Of a server's mail what
    /// stands before them, too, and their paragraph.
    fn telling_lines(&self) -> Range<usize> {
        let text = &self.bounce.text;
        let lines: Vec<&str> = text.lines().collect();
        let mut bytes = 0;
        let fits = |line: &&&str| {
            bytes += line.len() + 1;
            bytes <= MAX_SEARCHED
        };
        let total = lines.iter().take_while(fits).count();
        let tells = |range: Range<usize>| self.tells(&Words::Lines(range));
        let (mut first, mut last) = (0, total);
        while first < last {
            let middle = first.midpoint(last);
            match tells(0..middle) {
                true => last = middle,
                false => first = middle + 1,
            }
        }
        let (mut start, mut beyond) = (0, if self.bounce.head.automatic { 0 } else { last });
        while start < beyond {
            let middle = (start + beyond).div_ceil(2);
            match tells(middle..last) {
                true => start = middle,
                false => beyond = middle - 1,
            }
        }
        // a server's paragraph is its own to the end, a person's line may stand beside what is quoted
        let is_blank = |at: &usize| lines.get(*at).is_none_or(|line| line.trim().is_empty());
        let ends = match self.bounce.head.automatic {
            true => (last.saturating_sub(1)..total).find(is_blank).unwrap_or(total),
            false => last,
        };
        let is_field = |at: &usize| lines.get(*at).is_some_and(|line| forwarded::shows_field(line));
        let fields = (0..start).rev().take_while(is_field).count();
        let whole = start - fields..ends.max(last);
        match tells(whole.clone()) {
            true => whole,
            false => start..last,
        }
    }

    /// Whether the events are the same with these words.
    fn tells(&self, words: &Words) -> bool {
        read_all(&nowhere(), &self.with(words), self.received_at, self.depth) == self.events
    }

    /// The mail with these words in the place of its own.
    fn with(&self, words: &Words) -> Vec<u8> {
        let raw: &[u8] = &self.mail.raw_message;
        let mut parts: Vec<(usize, &MessagePart<'_>)> = self.mail.parts.iter().enumerate().collect();
        parts.sort_by_key(|(_, part)| part.offset_header);
        let delimiters = self.delimiters();
        let mut kept: Vec<u8> = Vec::new();
        let mut at = self.range.start;
        let mut is_written = false;
        for (number, part) in parts {
            let (header, body) = (part.offset_header as usize, part.offset_body as usize);
            let end = match part.body {
                PartType::Multipart(_) => body,
                _ => (part.offset_end as usize).max(body).min(self.range.end),
            };
            if header < at {
                continue;
            }
            let mut gap = between(raw.get(at..header).unwrap_or_default(), &delimiters);
            let piece = self.piece(number, part, words, &mut is_written);
            if matches!(piece, Piece::Gone) {
                gap.pop();
            }
            gap.iter().for_each(|line| append_line(&mut kept, line));
            match piece {
                Piece::Raw => kept.extend_from_slice(raw.get(header..end).unwrap_or_default()),
                Piece::New(bytes) => kept.extend(bytes),
                Piece::Gone => {}
            }
            at = end;
        }
        let rest = raw.get(at..self.range.end).unwrap_or_default();
        between(rest, &delimiters)
            .iter()
            .for_each(|line| append_line(&mut kept, line));
        kept
    }

    /// The lines that may stand between its parts.
    fn delimiters(&self) -> Vec<Vec<u8>> {
        let kinds = self.mail.parts.iter().filter_map(|part| part.content_type());
        let boundaries = kinds.filter_map(|kind| Some(kind.attribute("boundary")?.trim_end()));
        boundaries
            .flat_map(|boundary| {
                [
                    format!("--{boundary}").into_bytes(),
                    format!("--{boundary}--").into_bytes(),
                ]
            })
            .collect()
    }

    fn piece(&self, number: usize, part: &MessagePart<'_>, words: &Words, is_written: &mut bool) -> Piece {
        let raw: &[u8] = &self.mail.raw_message;
        let kind = kind_of(part);
        match (&part.body, kind.as_str()) {
            (PartType::Multipart(_), _) => Piece::Raw,
            (PartType::Message(mail), _) => self.attached(part, mail, &kind),
            (_, kind) if is_report(kind) => Piece::Raw,
            (_, kind) if is_original(kind) => {
                let text = text_of(part, raw).unwrap_or_default();
                let (header, body) = halves(&text);
                match body.trim().is_empty() {
                    true => Piece::Raw,
                    false => new_part(self.mail, part, DECODED_HEADERS, &returned(header.as_bytes())),
                }
            }
            (PartType::Text(text), _) if is_mbox(text.as_bytes()) && part.attachment_name().is_some() => {
                self.mbox(part, text.as_bytes())
            }
            (PartType::Html(_), _) if !self.is_html => self.html(number, part, words),
            (PartType::Html(_) | PartType::Text(_), _) => self.words(part, words, is_written),
            (PartType::Binary(bytes) | PartType::InlineBinary(bytes), _) => self.file(part, bytes),
        }
    }

    /// A mail inside this one: a bounce that was passed on, else an original, of which the header stays.
    fn attached(&self, part: &MessagePart<'_>, mail: &mail_parser::Message<'_>, kind: &str) -> Piece {
        let raw: &[u8] = &self.mail.raw_message;
        let begins = mail.parts.first().map_or(0, |part| part.offset_header as usize);
        let is_encoded = part.encoding != mail_parser::Encoding::None;
        let (ends, bytes) = match is_encoded {
            true => (mail.raw_message.len(), &mail.raw_message[..]),
            false => (part.offset_end as usize, raw),
        };
        if self.is_carried && self.depth > 0 && is_bounce(mail, self.depth - 1) {
            let inner = Trim::of(mail, begins..ends.max(begins), None, self.depth - 1);
            // a digest's mails need not name their type (RFC 2046 §5.1.5)
            let kind = if kind.starts_with("message/") {
                kind
            } else {
                "message/rfc822"
            };
            return new_part(self.mail, part, kind, &inner.mail());
        }
        let kind = if kind == "message/global" {
            GLOBAL_HEADERS
        } else {
            HEADERS_ONLY
        };
        let body = mail.parts.first().map_or(0, |part| part.offset_body as usize);
        new_part(
            self.mail,
            part,
            kind,
            &returned(bytes.get(begins..body).unwrap_or_default()),
        )
    }

    fn mbox(&self, part: &MessagePart<'_>, mails: &[u8]) -> Piece {
        match self.is_carried && self.depth > 0 && has_bounce(mails, self.depth - 1) {
            true => new_part(
                self.mail,
                part,
                "application/mbox",
                &of_all(mails, None, self.depth - 1),
            ),
            false => new_part(self.mail, part, OTHER, REMOVED.as_bytes()),
        }
    }

    /// An HTML part beside words that are read: it says the same to people.
    fn html(&self, number: usize, part: &MessagePart<'_>, words: &Words) -> Piece {
        let raw: &[u8] = &self.mail.raw_message;
        let text = html::text(&text_of(part, raw).unwrap_or_default());
        if matches!(words, Words::AsTheyAre) && original::split(&text).1.is_none() {
            return Piece::Raw;
        }
        let id = u32::try_from(number).unwrap_or(u32::MAX);
        let is_one_of_several =
            self.mail.parts.iter().any(
                |part| matches!(&part.body, PartType::Multipart(of) if of.len() > 1 && of.contains(&id)),
            );
        match is_one_of_several {
            true => Piece::Gone,
            false => new_part(self.mail, part, OTHER, REMOVED.as_bytes()),
        }
    }

    /// The first part with words takes what is left of all of them.
    fn words(&self, part: &MessagePart<'_>, words: &Words, is_written: &mut bool) -> Piece {
        let lines = match words {
            Words::AsTheyAre => return Piece::Raw,
            Words::Removed => return new_part(self.mail, part, PLAIN, REMOVED.as_bytes()),
            Words::Lines(lines) => lines.clone(),
        };
        if *is_written {
            return new_part(self.mail, part, OTHER, REMOVED.as_bytes());
        }
        *is_written = true;
        let all = self.bounce.text.lines().count();
        let mut text = String::new();
        if lines.start > 0 {
            text.push_str(REMOVED);
            text.push('\n');
        }
        for line in self.bounce.text.lines().skip(lines.start).take(lines.len()) {
            text.push_str(line);
            text.push('\n');
        }
        if lines.end < all {
            text.push('\n');
            text.push_str(REMOVED);
        }
        new_part(self.mail, part, PLAIN, text.as_bytes())
    }

    /// Files go, but for a report under a strange type.
    fn file(&self, part: &MessagePart<'_>, bytes: &[u8]) -> Piece {
        if is_mbox(bytes) {
            return self.mbox(part, bytes);
        }
        let text = charset::of_bytes(bytes);
        if bytes.len() > MAX_STRAY || rfc3464::begins_at(&text).is_none() {
            return new_part(self.mail, part, OTHER, REMOVED.as_bytes());
        }
        let (report, copy) = original::split(&text);
        match copy {
            None => Piece::Raw,
            Some(_) => new_part(self.mail, part, OTHER, report.as_bytes()),
        }
    }
}

fn has_plain_words(mail: &mail_parser::Message<'_>) -> bool {
    let is_words = |part: &&MessagePart<'_>| {
        let kind = kind_of(part);
        matches!(part.body, PartType::Text(_)) && !is_report(&kind) && !is_original(&kind)
    };
    let says =
        |part: &MessagePart<'_>| text_of(part, &mail.raw_message).is_some_and(|text| !text.trim().is_empty());
    mail.parts.iter().filter(is_words).any(says)
}

fn nowhere() -> Source {
    Source::File("".into())
}

fn is_bounce(mail: &mail_parser::Message<'_>, depth: usize) -> bool {
    !read_mail(&nowhere(), mail, None, depth).is_empty()
}

fn has_bounce(mbox: &[u8], depth: usize) -> bool {
    !read_all(&nowhere(), mbox, None, depth).is_empty()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{any, proptest};

    use crate::bounce::{read, without_body};
    use crate::event::{Message, Source};

    fn message(name: &str, bytes: impl Into<Vec<u8>>) -> Message {
        Message {
            source: Source::File(name.into()),
            received_at: None,
            bytes: bytes.into(),
        }
    }

    fn corpus(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        std::fs::read_to_string(folder.join(name))
            .unwrap()
            .replace('\r', "")
    }

    #[test]
    fn every_mail_of_the_corpus_reads_the_same_without_its_bodies() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let mut different = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "eml") {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let mail = message(name, std::fs::read(&path).unwrap());
            let kept = message(name, without_body(&mail));
            if read(&mail) != read(&kept) {
                different.push(name.to_owned());
            }
        }
        assert!(different.is_empty(), "{different:?}");
    }

    #[test]
    fn what_people_wrote_is_not_in_it() {
        const SECRET: &str = "Dear Taro, the offer is 3,000,000 yen.\n";
        const PERSON: &str = "From: Hanako <hanako@client.example.org>\nTo: web@studio.example.jp\nSubject: Fwd: bounce\nMIME-Version: 1.0\n";
        let qmail = corpus("qmail-greeting-late.eml");
        let postfix = corpus("postfix-gmo-rbl-late.eml");
        let (_, words) = qmail.split_once("\n\n").unwrap();
        let shown = format!(
            "From: MAILER-DAEMON@mx.example.org\nDate: Fri, 19 Oct 2018 16:36:25 +0900\nSubject: failure notice\n\n{words}"
        );
        let quoted: String = shown.lines().map(|line| format!("> {line}\n")).collect();
        let letter =
            |kind: &str, body: &str| format!("{PERSON}Content-Type: {kind}; charset=utf-8\n\n{body}");
        let parts = |parts: &[&str]| {
            let parts: String = parts.iter().map(|part| format!("--zz\n{part}\n")).collect();
            format!("{PERSON}Content-Type: multipart/mixed; boundary=zz\n\n{SECRET}{parts}--zz--\n{SECRET}")
        };
        let text = format!("Content-Type: text/plain\n\n{SECRET}");
        let attached = format!(
            "Content-Type: message/rfc822\n\n{}",
            postfix.replace("honbun\n", SECRET)
        );
        let file = format!("Content-Type: application/pdf\n\n{SECRET}");
        let other = format!("Content-Type: message/rfc822\n\nFrom: a@b.example\nSubject: x\n\n{SECRET}");
        let html = format!("<p>{SECRET}</p><pre>{}</pre>", shown.replace('<', "&lt;"));
        let mails = [
            ("a copy below the words", qmail.replace("honbun\n", SECRET)),
            ("a part of its own", postfix.replace("honbun\n", SECRET)),
            ("behind the last part", format!("{postfix}\n{SECRET}")),
            ("a letter around it", parts(&[&text, &attached, &file, &other])),
            (
                "pasted",
                letter("text/plain", &format!("{SECRET}\n{shown}\n-- \n{SECRET}")),
            ),
            (
                "quoted",
                letter("text/plain", &format!("{SECRET}\n{quoted}\n{SECRET}")),
            ),
            ("in HTML", letter("text/html", &html)),
            ("no bounce", letter("text/plain", SECRET)),
        ];
        for (what, mail) in mails {
            let (mail, is_bounce) = (message(what, mail), what != "no bounce");
            let kept = message(what, without_body(&mail));
            assert_eq!(read(&mail), read(&kept), "{what}");
            assert_eq!(!read(&kept).is_empty(), is_bounce, "{what}");
            let text = String::from_utf8(kept.bytes).unwrap();
            assert!(
                mail.bytes.windows(10).any(|bytes| bytes == b"Dear Taro,"),
                "{what}"
            );
            assert!(!text.contains("3,000,000"), "{what}:\n{text}");
            assert!(
                text.contains("[body removed by bounceaudit]") || what.starts_with("behind"),
                "{what}:\n{text}"
            );
        }
    }

    #[test]
    fn what_the_server_said_stays_byte_for_byte() {
        let postfix = corpus("postfix-gmo-rbl-late.eml");
        let kept = String::from_utf8(without_body(&message("x", postfix.clone()))).unwrap();
        let (said, _) = postfix.split_once("Content-Type: message/rfc822").unwrap();
        let (_, said) = said.split_once("\n--").unwrap();
        assert!(kept.contains(said), "{kept}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, cut in any::<proptest::sample::Index>()) {
            let _ = without_body(&message("x", bytes));
            let mail = corpus("pasted-masked-s3150.eml").into_bytes();
            let _ = without_body(&message("x", &mail[..cut.index(mail.len())]));
        }
    }
}
