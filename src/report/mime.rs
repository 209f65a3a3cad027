//! The forms of a mail (RFC 2045, RFC 2046), read leniently and written strictly.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// Stands where something was taken out.
pub(super) const REMOVED: &str = "[removed]";

/// Characters in base64 of which nobody sees what they hold.
const OPAQUE: usize = 64;

/// Characters of a line of base64 or quoted-printable (RFC 2045 §6.7, §6.8).
const CODED_LINE: usize = 76;

pub(super) fn with_lf(raw: &[u8]) -> Vec<u8> {
    let has_lf = raw.contains(&b'\n');
    let bytes = raw.iter().copied();
    match has_lf {
        true => bytes.filter(|byte| *byte != b'\r').collect(),
        false => bytes
            .map(|byte| if byte == b'\r' { b'\n' } else { byte })
            .collect(),
    }
}

pub(super) fn with_crlf(lf: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lf.len() + lf.len() / 32);
    for line in lf.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => bytes.extend([line, b"\r\n"].concat()),
            None => bytes.extend([line, b"\r\n"].concat()),
        }
    }
    bytes
}

/// A mail from its first field on: broken gateways put empty lines before it, an mbox its `From ` line.
pub(super) fn from_header(mail: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() && !line.starts_with(b"From ") && !line.starts_with(b">From ") {
            break;
        }
        at += line.len();
    }
    mail.get(at..).unwrap_or_default()
}

/// A part's header and its body, without the empty line between them.
pub(super) fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            let body = bytes.get(at + line.len()..).unwrap_or_default();
            return (bytes.get(..at).unwrap_or_default(), body);
        }
        at += line.len();
    }
    (bytes, b"")
}

/// The lines, each with those that go on from it (RFC 5322 §2.2.3).
pub(super) fn unfolded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        match lines.last_mut().filter(|last| folded && !last.is_empty()) {
            Some(last) => last.extend_from_slice(line),
            None => lines.push(line.to_vec()),
        }
    }
    lines
}

/// `Name: value`
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let is_name =
        !name.is_empty() && name.len() <= 76 && name.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    is_name.then(|| (name, value.trim()))
}

pub(super) fn says_how_to_read(name: &str) -> bool {
    [
        "content-type",
        "content-transfer-encoding",
        "content-length",
        "lines",
    ]
    .iter()
    .any(|one| name.eq_ignore_ascii_case(one))
}

/// The parts between a multipart's delimiters; `None` where there are none.
pub(super) fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<&'b [u8]>> {
    let delimiter = format!("--{boundary}");
    let closing = format!("{delimiter}--");
    let (mut parts, mut begun, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii_end();
        let closes = bare == closing.as_bytes();
        if closes || bare == delimiter.as_bytes() {
            parts.extend(begun.and_then(|from| body.get(from..at)).map(without_line_end));
            begun = (!closes).then_some(at + line.len());
            if closes {
                break;
            }
        }
        at += line.len();
    }
    // the end is lost
    parts.extend(begun.and_then(|from| body.get(from..)));
    (!parts.is_empty()).then_some(parts)
}

/// The line end before a delimiter belongs to it.
fn without_line_end(part: &[u8]) -> &[u8] {
    part.strip_suffix(b"\n").unwrap_or(part)
}

/// The mails of an mbox (RFC 4155).
pub(super) fn mails(bytes: &[u8]) -> Vec<&[u8]> {
    let starts = memchr::memmem::find_iter(bytes, b"\nFrom ").map(|at| at + 1);
    let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let mails = starts
        .iter()
        .zip(ends)
        .filter_map(|(from, to)| bytes.get(*from..to));
    let below_from = |mail: &'_ [u8]| memchr::memchr(b'\n', mail).map_or(mail.len(), |at| at + 1);
    mails
        .map(|mail| mail.get(below_from(mail)..).unwrap_or_default())
        .collect()
}

/// Whether a boundary can be written in quotes as it stands.
pub(super) fn is_plain_boundary(boundary: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_plain) && !boundary.ends_with(' ')
}

/// What takes a transfer encoding off; what cannot be decoded stays as it is.
pub(super) fn decoder(encoding: &str) -> fn(&[u8]) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => |bytes| base64_decode(bytes).unwrap_or_else(|| bytes.to_vec()),
        "quoted-printable" => |bytes| quoted_printable_decode(bytes).unwrap_or_else(|| bytes.to_vec()),
        _ => <[u8]>::to_vec,
    }
}

/// The charset of a text, as far as its label is to be believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Charset(Option<String>);

impl Charset {
    pub(super) fn of(label: Option<&str>) -> Self {
        Self(label.map(str::to_owned))
    }

    /// The text: by the label where that fits, else each line in the charset that it looks like. Servers put a reply, as it
    /// came, below words in another charset.
    pub(super) fn text<'b>(&self, bytes: &'b [u8]) -> Cow<'b, str> {
        let is_ascii = |label: &&str| !label.to_ascii_lowercase().ends_with("ascii");
        let label = self.0.as_deref().filter(is_ascii).unwrap_or_default();
        // Some call it "cp932", which no standard has.
        let code_page_932 = || label.to_ascii_lowercase().ends_with("932").then_some(SHIFT_JIS);
        let encoding = Encoding::for_label(label.as_bytes()).or_else(code_page_932);
        let is_of_several_bytes = encoding
            .is_some_and(|encoding| !encoding.is_single_byte() && encoding != UTF_8)
            || label.eq_ignore_ascii_case("utf-7");
        if is_of_several_bytes && let Some(decode) = charset_decoder(label.as_bytes()) {
            let text = decode(bytes);
            if !text.contains(char::REPLACEMENT_CHARACTER) {
                return Cow::Owned(text);
            }
        }
        let has_escape = memchr::memmem::find(bytes, b"\x1b$").is_some();
        match std::str::from_utf8(bytes) {
            Ok(text) if !has_escape => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
            _ => Cow::Owned(by_lines(bytes, encoding.filter(|one| *one != UTF_8))),
        }
    }
}

fn by_lines(bytes: &[u8], label: Option<&'static Encoding>) -> String {
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    let is_odd = |line: &[u8]| std::str::from_utf8(line).is_err();
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    lines().filter(|line| is_odd(line)).for_each(|line| {
        detector.feed(line, false);
    });
    detector.feed(&[], true);
    let fits = |label: &&'static Encoding| {
        let decode = |line| label.decode_without_bom_handling_and_without_replacement(line);
        lines()
            .filter(|line| is_odd(line))
            .any(|line| decode(line).is_some())
    };
    let other = label
        .filter(fits)
        .unwrap_or_else(|| detector.guess(None, Utf8Detection::Deny));
    let decode = |line: &[u8]| match line {
        line if memchr::memmem::find(line, b"\x1b$").is_some() => {
            ISO_2022_JP.decode_without_bom_handling(line).0.into_owned()
        }
        line if is_odd(line) => other.decode_without_bom_handling(line).0.into_owned(),
        line => String::from_utf8_lossy(line).into_owned(),
    };
    lines().map(decode).collect()
}

/// Whether bytes under a type that says nothing are a text all the same, as a report in a file of unknown type.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| !text.is_empty() && !text.contains(is_control))
}

/// Whether a line of words is one of a file in base64.
pub(super) fn is_base64_line(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['>', ' ']).trim_end_matches('=');
    line.len() >= OPAQUE - 4 && line.bytes().all(is_base64)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The value of a field of somebody's own without what nobody can look into: long words in base64 (or its form for URLs), with
/// the words in which they go on.
pub(super) fn without_opaque(value: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_inside = false;
    for word in value.split_whitespace() {
        let run = word
            .split(|c: char| !c.is_ascii() || !is_base64(c as u8))
            .map(str::len)
            .max();
        let goes_on = is_inside && word.trim_end_matches('=').bytes().all(is_base64);
        is_inside = goes_on || run.is_some_and(|run| run >= OPAQUE);
        match is_inside {
            true if kept.last() == Some(&REMOVED) => {}
            true => kept.push(REMOVED),
            false => kept.push(word),
        }
    }
    match kept.contains(&REMOVED) {
        true => kept.join(" "),
        false => value.to_owned(),
    }
}

/// HTML with its at signs written as such.
pub(super) fn with_at_signs(html: &str) -> String {
    const ENTITIES: [&str; 5] = ["&#64;", "&#064;", "&#x40;", "&#X40;", "&commat;"];
    let mut html = html.to_owned();
    for entity in ENTITIES {
        if html.contains(entity) {
            html = html.replace(entity, "@");
        }
    }
    html
}

/// A text in the transfer encoding that fits it: as it stands where that is possible, else so that most of it can be read.
pub(super) fn encoded(text: &str, max_line: usize) -> (&'static str, String) {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let is_plain = |line: &str| {
        let is_written = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
        line.len() <= max_line
            && line.bytes().all(is_written)
            && !line.starts_with("--")
            && !line.starts_with("From ")
    };
    if text.split('\n').all(is_plain) {
        return ("7bit", format!("{text}\n"));
    }
    let strange = text.bytes().filter(|byte| !byte.is_ascii()).count();
    if strange * 4 <= text.len() {
        return ("quoted-printable", quoted_printable(text));
    }
    let text = format!("{}\r\n", text.replace('\n', "\r\n"));
    let coded = BASE64_STANDARD.encode(text);
    let lines = coded.as_bytes().chunks(CODED_LINE).map(String::from_utf8_lossy);
    ("base64", lines.map(|line| format!("{line}\n")).collect())
}

/// RFC 2045 §6.7. What begins a line as a delimiter or the line above a mail of an mbox would, is written in code.
fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        let mut width = 0;
        let last = line.len().saturating_sub(1);
        for (at, byte) in line.bytes().enumerate() {
            let begins = at == 0 && (line.starts_with("--") || line.starts_with("From "));
            let is_bare = match byte {
                b'=' => false,
                b' ' | b'\t' => at != last,
                byte => byte.is_ascii_graphic() && !begins,
            };
            let room = if is_bare { 1 } else { 3 };
            if width + room >= CODED_LINE {
                out.push_str("=\n");
                width = 0;
            }
            match is_bare {
                true => out.push(char::from(byte)),
                false => out.push_str(&format!("={byte:02X}")),
            }
            width += room;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::report::mime::{Charset, encoded, is_base64_line, parts, without_opaque};

    #[test]
    fn parts_stand_between_delimiters_also_where_the_end_is_lost() {
        let bytes = |parts: &[&str]| {
            parts
                .iter()
                .map(|part| part.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        for (body, want) in [
            (
                "before\n--b\none\n\n--b \ntwo\n--b--\nbehind\n--b\nno",
                &["one\n", "two"][..],
            ),
            ("--b\none\n--bb\n", &["one\n--bb\n"]),
        ] {
            let found = parts(body.as_bytes(), "b").unwrap();
            assert_eq!(found, bytes(want), "{body}");
        }
        assert_eq!(parts(b"none\n--c\n", "b"), None);
    }

    #[test]
    fn what_nobody_can_look_into_goes() {
        let long = "Ab3+".repeat(20);
        assert_eq!(
            without_opaque(&format!("a=1; b={long} {long} xY== ; c=2")),
            "a=1; [removed] ; c=2"
        );
        assert_eq!(without_opaque("SFV:SPM;  SCL:9"), "SFV:SPM;  SCL:9");
        assert!(is_base64_line(&format!("> {long}==")));
        assert!(!is_base64_line("-".repeat(10).as_str()));
    }

    #[test]
    fn a_text_is_in_the_encoding_that_keeps_most_of_it_to_be_read() {
        assert_eq!(encoded("plain\n", 998), ("7bit", "plain\n".to_owned()));
        let delimiter = ("quoted-printable", "=2D- b=20\n=46rom a\n".to_owned());
        assert_eq!(encoded("-- b \nFrom a", 998), delimiter);
        assert_eq!(encoded("拒否", 998), ("base64", "5ouS5ZCmDQo=\n".to_owned()));
    }

    #[test]
    fn a_line_is_in_its_own_charset_where_the_label_does_not_fit() {
        let (sjis, ..) = encoding_rs::SHIFT_JIS.encode("宛先は拒否されました。\n");
        let (iso, ..) = encoding_rs::ISO_2022_JP.encode("拒否\n");
        let mixed = [&iso[..], "拒否\n".as_bytes()].concat();
        assert_eq!(
            Charset::of(Some("shift_jis")).text(&sjis),
            "宛先は拒否されました。\n"
        );
        assert_eq!(
            Charset::of(Some("us-ascii")).text(&sjis),
            "宛先は拒否されました。\n"
        );
        assert_eq!(Charset::of(Some("iso-2022-jp")).text(&mixed), "拒否\n拒否\n");
    }
}
