//! Finds what stands encoded in a text: encoded words (RFC 2047) and runs of base64 (RFC 4648).

use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{ISO_2022_JP, UTF_16BE, UTF_16LE};

use crate::report::mime::Charset;

/// Shorter runs of letters hold no address.
const MIN_BASE64: usize = 12;
/// No encoded word is longer: ten times what RFC 2047 §2 allows.
const MAX_WORD: usize = 750;
/// Lines of base64 are at least that long where the next one goes on (RFC 2045 §6.8: at most 76).
const MIN_LINE: usize = 56;

/// What a part of a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Where it stands encoded.
    pub(super) at: Range<usize>,
    /// `None` where it is no text as a whole, and holds an address all the same.
    pub(super) text: Option<String>,
}

/// The encoded words; those that stand side by side are one, since an address may go from one into the next.
pub(super) fn encoded_words(text: &str) -> Vec<Decoded> {
    let mut runs: Vec<Vec<EncodedWord<'_>>> = Vec::new();
    let mut from = 0;
    while let Some(start) = text.get(from..).and_then(|rest| Some(from + rest.find("=?")?)) {
        let Some(word) = EncodedWord::at(text, start) else {
            from = start + 2;
            continue;
        };
        let is_beside = text.get(from..start).is_some_and(|gap| gap.trim().is_empty());
        from = word.at.end;
        match runs.last_mut().filter(|_| is_beside) {
            Some(run) => run.push(word),
            None => runs.push(vec![word]),
        }
    }
    runs.into_iter().filter_map(|run| joined(&run)).collect()
}

fn joined(run: &[EncodedWord<'_>]) -> Option<Decoded> {
    // A character may go from one word into the next.
    let parts = run.chunk_by(|one, next| one.charset.eq_ignore_ascii_case(next.charset));
    let text = parts.filter_map(|words| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| &word.bytes).copied().collect();
        let charset = Charset::of(Some(words.first()?.charset));
        Some(charset.text(&bytes).into_owned())
    });
    Some(Decoded {
        at: run.first()?.at.start..run.last()?.at.end,
        text: Some(text.collect()),
    })
}

struct EncodedWord<'t> {
    charset: &'t str,
    bytes: Vec<u8>,
    at: Range<usize>,
}

impl<'t> EncodedWord<'t> {
    /// `=?charset?B?…?=`; where a text was cut within it, its end is missing.
    fn at(text: &'t str, start: usize) -> Option<Self> {
        let rest = text.get(start + 2..)?;
        let whole = rest.get(..rest.floor_char_boundary(MAX_WORD))?;
        let (charset, rest) = whole.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let is_name = !charset.is_empty() && charset.bytes().all(|byte| byte.is_ascii_graphic());
        let (words, behind) = match rest.split_once("?=") {
            Some(parts) => parts,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        let length = whole.len() - behind.len();
        let bytes = match encoding {
            "B" | "b" => loosely(words)?,
            "Q" | "q" => quoted(words),
            _ => return None,
        };
        is_name.then(|| Self {
            // RFC 2231 §5: a language may follow.
            charset: charset.split('*').next().unwrap_or_default(),
            bytes,
            at: start..start + 2 + length,
        })
    }
}

/// RFC 2047 §4.2
fn quoted(words: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(words.len());
    let mut rest = words.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *byte == b'=');
        let hex = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        rest = behind;
        match (byte, hex) {
            (b'=', Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'_', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// The runs of base64 that are texts, or hold an address between other bytes.
pub(super) fn base64_runs(text: &str) -> Vec<Decoded> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text
        .get(from..)
        .and_then(|rest| Some(from + rest.find(is_of_base64)?))
    {
        let end = end_of_lines(text, start);
        let run = text.get(start..end).unwrap_or_default();
        if run.len() >= MIN_BASE64 {
            found.extend(decoded(run).into_iter().map(|decoded| Decoded {
                at: start + decoded.at.start..start + decoded.at.end,
                ..decoded
            }));
        }
        from = end;
    }
    found
}

fn is_of_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// Where a run ends; full lines go on in the next one, since replies are unfolded.
fn end_of_lines(text: &str, start: usize) -> usize {
    let mut end = start;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let line = rest.len() - rest.trim_start_matches(is_of_base64).len();
        let behind = rest.get(line..).unwrap_or_default();
        let next = behind.trim_start();
        if line >= MIN_LINE
            && line.is_multiple_of(4)
            && next.len() < behind.len()
            && next.starts_with(is_of_base64)
        {
            end += rest.len() - next.len();
            continue;
        }
        let padding = behind.len() - behind.trim_start_matches('=').len();
        return end + line + padding.min(2);
    }
}

/// The run as a whole, else the parts of it between slashes, else between dashes: a path of a URL looks like base64. Else
/// an address in bytes, wherever the base64 begins.
fn decoded(run: &str) -> Vec<Decoded> {
    if run.len() < MIN_BASE64 {
        return Vec::new();
    }
    if let Some(text) = loosely(run).as_deref().and_then(as_text) {
        return vec![Decoded {
            at: 0..run.len(),
            text: Some(text),
        }];
    }
    let divides: &[char] = if run.contains('/') {
        &['/']
    } else {
        &['+', '-', '_']
    };
    let mut found = Vec::new();
    let mut start = 0;
    for part in run.split_inclusive(divides) {
        let word = part.trim_end_matches(divides);
        if word.len() < run.len() {
            found.extend(decoded(word).into_iter().map(|decoded| Decoded {
                at: start + decoded.at.start..start + decoded.at.end,
                ..decoded
            }));
        }
        start += part.len();
    }
    let holds_address = || {
        let mut shifted = (0..4).filter_map(|shift| loosely(run.get(shift..)?));
        shifted.any(|bytes| has_address(&bytes))
    };
    if found.is_empty() && holds_address() {
        found.push(Decoded {
            at: 0..run.len(),
            text: None,
        });
    }
    found
}

/// Of base64 that was cut, what is left of it.
fn loosely(text: &str) -> Option<Vec<u8>> {
    const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
    let mut letters: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '=')
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    ENGINE.decode(letters).ok()
}

/// Bytes that are nothing but text. Random ones hardly ever are.
fn as_text(bytes: &[u8]) -> Option<String> {
    let is_text = |text: &str| {
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n' | '\0'))
    };
    if bytes.windows(2).any(|pair| pair == b"\x1b$") {
        let (text, had_errors) = ISO_2022_JP.decode_without_bom_handling(bytes);
        return (!had_errors && is_text(&text)).then(|| text.into_owned());
    }
    // As many zeros as letters: UTF-16.
    let zeros = |odd: usize| {
        bytes
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    for (odd, encoding) in [(1, UTF_16LE), (0, UTF_16BE)] {
        if zeros(odd) * 4 >= bytes.len() {
            let text = encoding.decode_without_bom_handling(bytes).0;
            return is_text(&text).then(|| text.into_owned());
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => is_text(text).then(|| text.to_owned()),
        Err(cut) if cut.error_len().is_none() && bytes.len() > MIN_BASE64 => {
            let text = std::str::from_utf8(bytes.get(..cut.valid_up_to())?).ok()?;
            is_text(text).then(|| text.to_owned())
        }
        Err(_) => None,
    }
}

/// `a@b.jp` between any bytes.
fn has_address(bytes: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let at_signs = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@');
    at_signs.into_iter().any(|(at, _)| {
        let before = bytes.get(..at).and_then(<[u8]>::last);
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let domain: Vec<u8> = behind.iter().copied().take_while(is_of_name).collect();
        let labels: Vec<&[u8]> = domain.split(|byte| *byte == b'.').collect();
        before.is_some_and(is_of_name)
            && labels.len() >= 2
            && labels.iter().all(|label| !label.is_empty())
            && labels
                .last()
                .is_some_and(|last| last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic))
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use encoding_rs::{ISO_2022_JP, SHIFT_JIS};

    use crate::report::decoded::{base64_runs, encoded_words};

    fn texts(text: &str) -> Vec<Option<String>> {
        base64_runs(text)
            .into_iter()
            .map(|decoded| decoded.text)
            .collect()
    }

    #[test]
    fn encoded_words_are_read_in_their_charsets_and_over_their_ends() {
        let said = "太郎 taro@x.jp";
        for (charset, bytes) in [
            ("utf-8", said.as_bytes().to_vec()),
            ("ISO-2022-JP", ISO_2022_JP.encode(said).0.into_owned()),
            ("Shift_JIS*ja", SHIFT_JIS.encode(said).0.into_owned()),
            ("cp932", SHIFT_JIS.encode(said).0.into_owned()),
        ] {
            let text = format!("Re: =?{charset}?B?{}?= x", BASE64_STANDARD.encode(&bytes));
            let found = encoded_words(&text);
            assert_eq!(found[0].text.as_deref(), Some(said), "{text}");
            assert_eq!(&text[found[0].at.end..], " x", "{text}");
            let quoted: String = bytes.iter().map(|byte| format!("={byte:02X}")).collect();
            let text = format!("=?{charset}?q?{quoted}?=");
            assert_eq!(encoded_words(&text)[0].text.as_deref(), Some(said), "{text}");
        }
        let split = "=?utf-8?Q?taro?= =?utf-8?Q?=40x?=\r\n =?iso-8859-1?Q?.jp?= and =?utf-8?B?dGFyb0B4Lmpw";
        let found: Vec<_> = encoded_words(split)
            .into_iter()
            .map(|word| word.text.unwrap())
            .collect();
        assert_eq!(found, ["taro@x.jp", "taro@x.jp"]);
    }

    #[test]
    fn a_run_of_base64_is_read_whole_in_a_path_and_over_lines() {
        let address = BASE64_STANDARD.encode("taro@x.jp");
        let said = Some("taro@x.jp".to_owned());
        assert_eq!(texts(&format!("id={address}, see")), std::slice::from_ref(&said));
        assert_eq!(
            texts(&format!("https://host.example.jp/leave/{address}")).last(),
            Some(&said)
        );
        let long =
            BASE64_STANDARD.encode("the mail of somebody whose name ends in the next line: hanako@x.jp, yes");
        let lines = format!("{} {}", &long[..76], &long[76..]);
        assert!(
            texts(&lines)[0].as_ref().unwrap().contains("hanako@x.jp"),
            "{lines}"
        );
        let bytes = [&[0xff, 0xfe, 0x80][..], b"taro@x.jp", &[0x81]].concat();
        assert_eq!(texts(&BASE64_STANDARD.encode(bytes)), [None]);
    }

    #[test]
    fn words_are_no_base64() {
        let text =
            "550 5.7.1 Authentication-Results required; internationalization of notifications.protection";
        assert_eq!(texts(text), Vec::<Option<String>>::new());
    }
}
