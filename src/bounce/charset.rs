//! Bytes as words: the charset that they are in, whatever the label says, and the escapes that stand for bytes.
//!
//! A label is right nearly always, and mail-parser has decoded by it. Bounces are the exception: servers put the remote
//! host's words, as they came, below words of their own in another charset, and label the whole `us-ascii` or not at all.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS};
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderValue, MessagePart, MimeHeaders};
use memchr::memmem;

/// Opens a character of ISO-2022-JP.
const ESCAPE: &[u8] = b"\x1b$";

/// Bytes that a charset is guessed from.
const MAX_GUESSED: usize = 64 * 1024;

/// The words of a part that mail-parser has decoded to `text`; `raw` is the mail that its offsets are of.
pub(super) fn of_part<'m>(part: &'m MessagePart<'_>, text: &'m str, raw: &[u8]) -> Cow<'m, str> {
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let own = |bytes: &[u8]| Cow::Owned(of_lines(bytes, label.and_then(encoding)).into_owned());
    if label.is_some_and(|label| label.eq_ignore_ascii_case("utf-7")) {
        return bytes_of(part, raw).map_or(Cow::Borrowed(text), |bytes| Cow::Owned(utf7(&bytes)));
    }
    if part.is_encoding_problem
        && let Some(bytes) = cut_base64(part, raw)
    {
        return own(&bytes);
    }
    if text.is_ascii() {
        return match memmem::find(text.as_bytes(), ESCAPE) {
            Some(_) => own(text.as_bytes()),
            None => Cow::Borrowed(text),
        };
    }
    let is_undecoded = text.contains(char::REPLACEMENT_CHARACTER);
    if !is_undecoded && !label.is_none_or(is_of_one_byte) {
        return Cow::Borrowed(text);
    }
    match bytes_of(part, raw) {
        // a text that is UTF-8 by chance is no text
        Some(bytes)
            if is_undecoded || label.is_none_or(is_ascii_label) || std::str::from_utf8(&bytes).is_ok() =>
        {
            own(&bytes)
        }
        _ => Cow::Borrowed(text),
    }
}

/// Words that have no label. Japanese servers write ISO-2022-JP into a report all the same; UTF-8 is what RFC 6533 asks for.
pub(super) fn of_bytes(bytes: &[u8]) -> Cow<'_, str> {
    of_lines(bytes, None)
}

/// Each line is in a charset of its own: ISO-2022-JP or UTF-8 where it can be, else the labelled one where that fits any
/// line, else the one that all these lines are most likely in.
fn of_lines<'b>(bytes: &'b [u8], label: Option<&'static Encoding>) -> Cow<'b, str> {
    if memmem::find(bytes, ESCAPE).is_none()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    let is_odd = |line: &&[u8]| memmem::find(line, ESCAPE).is_none() && std::str::from_utf8(line).is_err();
    let fits = |label: &&'static Encoding| {
        let decode = |line| label.decode_without_bom_handling_and_without_replacement(line);
        lines().filter(is_odd).any(|line| decode(line).is_some())
    };
    let other = label.filter(fits).unwrap_or_else(|| {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        let mut room = MAX_GUESSED;
        for line in lines().filter(is_odd) {
            let part = line.get(..room).unwrap_or(line);
            detector.feed(part, false);
            room = room.saturating_sub(part.len());
        }
        detector.feed(&[], true);
        detector.guess(None, Utf8Detection::Deny)
    });
    let decode = |line: &[u8]| match line {
        line if is_odd(&line) => other.decode_without_bom_handling(line).0.into_owned(),
        line if line.is_ascii() || memmem::find(line, ESCAPE).is_some() => {
            ISO_2022_JP.decode_without_bom_handling(line).0.into_owned()
        }
        line => String::from_utf8_lossy(line).into_owned(),
    };
    Cow::Owned(lines().map(decode).collect())
}

/// The charset of a label; those of Microsoft's code page 932 that the Encoding Standard does not know, too.
fn encoding(label: &str) -> Option<&'static Encoding> {
    let is_932 = || label.to_ascii_lowercase().ends_with("932").then_some(SHIFT_JIS);
    Encoding::for_label(label.as_bytes())
        .filter(|_| !is_ascii_label(label))
        .or_else(is_932)
}

fn is_ascii_label(label: &str) -> bool {
    ["us-ascii", "ascii", "unknown-8bit", "x-unknown"]
        .iter()
        .any(|name| label.eq_ignore_ascii_case(name))
}

/// Charsets in which any bytes are words: that they are UTF-8 all the same is no chance.
fn is_of_one_byte(label: &str) -> bool {
    encoding(label).is_none_or(Encoding::is_single_byte)
}

/// A part's bytes, its transfer encoding taken off.
fn bytes_of<'r>(part: &MessagePart<'_>, raw: &'r [u8]) -> Option<Cow<'r, [u8]>> {
    let bytes = raw.get(part.offset_body as usize..part.offset_end as usize)?;
    match part.encoding {
        mail_parser::Encoding::None => Some(Cow::Borrowed(bytes)),
        mail_parser::Encoding::QuotedPrintable => quoted_printable_decode(bytes).map(Cow::Owned),
        mail_parser::Encoding::Base64 => Some(Cow::Owned(base64(bytes))),
    }
}

/// What is left of a part in base64 that ends in the middle: mail-parser gives up on it.
fn cut_base64(part: &MessagePart<'_>, raw: &[u8]) -> Option<Vec<u8>> {
    let is_base64 = part.headers.iter().any(|header| {
        let encoding = match &header.value {
            HeaderValue::Text(encoding) => encoding.as_ref(),
            _ => "",
        };
        header
            .name
            .as_str()
            .eq_ignore_ascii_case("Content-Transfer-Encoding")
            && encoding.eq_ignore_ascii_case("base64")
    });
    let bytes = raw.get(part.offset_body as usize..part.offset_end as usize)?;
    is_base64.then(|| base64(bytes)).filter(|bytes| !bytes.is_empty())
}

/// Bytes in base64, up to where they are none any more.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let bytes = bytes.iter().copied().filter(|byte| !is_blank(byte));
    let mut written: Vec<u8> = bytes.take_while(is_of_it).collect();
    if written.len() % 4 == 1 {
        written.pop();
    }
    LENIENT.decode(&written).unwrap_or_default()
}

/// RFC 2152: `+` opens UTF-16 in base64 without padding, which `-` or any other character ends; `+-` is a plus sign.
fn utf7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'+', rest) {
        let (plain, coded) = rest.split_at(at);
        text.push_str(&String::from_utf8_lossy(plain));
        let coded = coded.get(1..).unwrap_or_default();
        let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let end = coded
            .iter()
            .position(|byte| !is_of_it(byte))
            .unwrap_or(coded.len());
        let (coded, after) = coded.split_at(end);
        let units = base64(coded);
        let units = units
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte)));
        let decoded = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        text.extend(decoded);
        if coded.is_empty() {
            text.push('+');
        }
        rest = after.strip_prefix(b"-").unwrap_or(after);
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// A header field's words with their encoded words (RFC 2047) decoded. Other than the RFC demands, mail programs break a
/// character in two between words of one charset, so that these are put together first.
pub(super) fn of_field(raw: &[u8]) -> String {
    let mut text = String::new();
    let mut run: Option<(&[u8], Vec<u8>)> = None;
    let mut rest = raw;
    let flush = |run: Option<(&[u8], Vec<u8>)>, text: &mut String| {
        if let Some((label, bytes)) = run {
            let label = std::str::from_utf8(label).ok().and_then(encoding);
            text.push_str(&of_lines(&bytes, label));
        }
    };
    while let Some(at) = memmem::find(rest, b"=?") {
        let (before, word) = rest.split_at(at);
        let Some((label, bytes, after)) = encoded_word(word) else {
            let (open, after) = word.split_at(2);
            flush(run.take(), &mut text);
            text.push_str(&of_bytes(before));
            text.push_str(&of_bytes(open));
            rest = after;
            continue;
        };
        let between_words = run.is_some() && before.trim_ascii().is_empty();
        match &mut run {
            Some((of, all)) if between_words && of.eq_ignore_ascii_case(label) => all.extend(bytes),
            _ => {
                flush(run.take(), &mut text);
                if !between_words {
                    text.push_str(&of_bytes(before));
                }
                run = Some((label, bytes));
            }
        }
        rest = after;
    }
    flush(run, &mut text);
    text.push_str(&of_bytes(rest));
    text
}

/// `=?charset*language?B?…?=` at the start of some bytes: charset, content, what follows.
fn encoded_word(word: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    let mut pieces = word.get(2..)?.splitn(3, |byte| *byte == b'?');
    let (label, how, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let end = memmem::find(rest, b"?=")?;
    let (coded, after) = (rest.get(..end)?, rest.get(end + 2..)?);
    let label = label.split(|byte| *byte == b'*').next()?;
    let bytes = match how {
        b"B" | b"b" => base64(coded),
        b"Q" | b"q" => {
            let coded: Vec<u8> = coded
                .iter()
                .map(|byte| if *byte == b'_' { b' ' } else { *byte })
                .collect();
            quoted_printable_decode(&coded)?
        }
        _ => return None,
    };
    Some((label, bytes, after))
}

/// The words with bytes above ASCII in place of their octal escapes (`\346\213\222`; Exim's `src/string.c`,
/// string_printing()), where they are UTF-8.
pub(super) fn without_octal(words: &str) -> Option<String> {
    let (first, escapes) = words.split_once('\\')?;
    let mut bytes = first.as_bytes().to_vec();
    for piece in escapes.split('\\') {
        let byte = piece
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (Some(byte), Some(rest)) = (byte.filter(|byte| !byte.is_ascii()), piece.get(3..)) else {
            bytes.push(b'\\');
            bytes.extend(piece.as_bytes());
            continue;
        };
        bytes.push(byte);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The characters of an address as RFC 6533 §3 writes them where UTF-8 may not stand (`\x{7528}\x{6237}@example.net`).
pub(super) fn without_unicode_escapes(address: &str) -> Cow<'_, str> {
    const OPEN: &str = r"\x{";
    let Some((first, escapes)) = address.split_once(OPEN) else {
        return Cow::Borrowed(address);
    };
    let mut text = first.to_owned();
    for piece in escapes.split(OPEN) {
        let escape = piece.split_once('}').and_then(|(digits, rest)| {
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((c, rest))
        });
        match escape {
            Some((c, rest)) => {
                text.push(c);
                text.push_str(rest);
            }
            None => text.extend([OPEN, piece]),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use crate::bounce::charset::{of_bytes, of_field, utf7, without_octal, without_unicode_escapes};

    #[test]
    fn words_without_a_label_are_in_the_charset_that_they_look_like() {
        let japanese = "宛先 192.0.2.77 は拒否されました。";
        let french = "Expéditeur 192.0.2.77 refusé, désolé";
        let chinese = "发件人 192.0.2.77 被拒绝，请联系管理员";
        for (text, charset) in [
            (japanese, encoding_rs::ISO_2022_JP),
            (japanese, encoding_rs::SHIFT_JIS),
            (japanese, encoding_rs::EUC_JP),
            (japanese, encoding_rs::UTF_8),
            (french, encoding_rs::WINDOWS_1252),
            (chinese, encoding_rs::GBK),
        ] {
            let (bytes, ..) = charset.encode(text);
            assert_eq!(of_bytes(&bytes), text, "{}", charset.name());
        }
    }

    #[test]
    fn each_line_has_its_own_charset() {
        // Postfix with a Japanese template above a reply in UTF-8
        let (words, ..) = encoding_rs::ISO_2022_JP.encode("宛先\n");
        let both = [&words, "550 拒否\n".as_bytes()].concat();
        assert_eq!(of_bytes(&both), "宛先\n550 拒否\n");
    }

    #[test]
    fn encoded_words_may_break_a_character() {
        for (raw, want) in [
            ("=?utf-8?B?6KuL5rE=?= =?UTF-8?B?guabuA==?=", "請求書"),
            ("Re: =?utf-8?Q?d=C3=A9sol=C3=A9?= !", "Re: désolé !"),
            ("=?utf-8?q?a_b?=\n =?utf-8?q?c?=", "a bc"),
            ("a =? b ?= c", "a =? b ?= c"),
            ("=?x?y?z", "=?x?y?z"),
        ] {
            assert_eq!(of_field(raw.as_bytes()), want, "{raw}");
        }
    }

    #[test]
    fn a_blank_may_end_the_base64_of_utf_7() {
        assert_eq!(
            utf7(b"550 +W5tRSA 192.0.2.77 +YtJUJg- 1 +- 1"),
            "550 宛先 192.0.2.77 拒否 1 + 1"
        );
    }

    #[test]
    fn octal_escapes_become_the_words_that_were_said() {
        // Exim 4.96
        let said = |words: &str| without_octal(words);
        assert_eq!(
            said(r"550 \346\213\222\345\220\246 [192.0.2.10]").as_deref(),
            Some("550 拒否 [192.0.2.10]")
        );
        assert_eq!(said("550 no"), None);
        // Latin-1 stays as it was written
        assert_eq!(said(r"550 refus\351"), None);
        assert_eq!(
            said(r"550 C:\346\213\222\Users").as_deref(),
            Some(r"550 C:拒\Users")
        );
        assert_eq!(
            without_unicode_escapes(r"\x{7528}\x{6237}@x.example"),
            "用户@x.example"
        );
        assert_eq!(without_unicode_escapes(r"\x{zz}@x.example"), r"\x{zz}@x.example");
    }
}
