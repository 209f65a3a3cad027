//! The bytes of a CSV cell: UTF-8, or Windows code page 932 with what it cannot hold replaced and counted.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, SHIFT_JIS};

use crate::report::settings::CsvEncoding;

/// Characters that JIS X 0208 has once and Unicode twice. The first of each pair comes from other systems' converters
/// (or a European keyboard); code page 932 knows the second. Without this, encoding_rs would turn `¥` and `‾` into the
/// ASCII characters that share their byte, `\` and `~`.
const TWINS: [(char, char); 9] = [
    ('\u{301c}', '\u{ff5e}'), // wave dash, full-width tilde
    ('\u{2016}', '\u{2225}'), // double vertical line, parallel to
    ('\u{2014}', '\u{2015}'), // em dash, horizontal bar
    ('\u{2212}', '\u{ff0d}'), // minus sign, full-width hyphen-minus
    ('\u{a2}', '\u{ffe0}'),   // cent sign
    ('\u{a3}', '\u{ffe1}'),   // pound sign
    ('\u{ac}', '\u{ffe2}'),   // not sign
    ('\u{a5}', '\u{ffe5}'),   // yen sign
    ('\u{203e}', '\u{ffe3}'), // overline, full-width macron
];

/// The bytes of a text, and how many characters became `?`.
pub(super) fn encode(text: &str, encoding: CsvEncoding) -> (Cow<'_, [u8]>, u64) {
    match encoding {
        CsvEncoding::Utf8 | CsvEncoding::Utf8Bom => (Cow::Borrowed(text.as_bytes()), 0),
        CsvEncoding::ShiftJis if text.is_ascii() => (Cow::Borrowed(text.as_bytes()), 0),
        CsvEncoding::ShiftJis => {
            let (bytes, replaced) = shift_jis(&text.chars().map(twin).collect::<String>());
            (Cow::Owned(bytes), replaced)
        }
    }
}

fn twin(c: char) -> char {
    TWINS
        .iter()
        .find_map(|(from, to)| (*from == c).then_some(*to))
        .unwrap_or(c)
}

fn shift_jis(text: &str) -> (Vec<u8>, u64) {
    let mut encoder = SHIFT_JIS.new_encoder();
    // Each character takes at most two bytes, and at least one in UTF-8; room for an end mark that never comes.
    let mut bytes = Vec::with_capacity(text.len() * 2 + 8);
    let mut rest = text;
    let mut replaced = 0;
    loop {
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return (bytes, replaced),
            EncoderResult::Unmappable(_) => {
                bytes.push(b'?');
                replaced += 1;
            }
            EncoderResult::OutputFull => bytes.reserve(rest.len() * 2 + 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::SHIFT_JIS;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use crate::report::encode::{encode, twin};
    use crate::report::settings::CsvEncoding;

    fn through(text: &str) -> (String, u64) {
        let (bytes, replaced) = encode(text, CsvEncoding::ShiftJis);
        (SHIFT_JIS.decode(&bytes).0.into_owned(), replaced)
    }

    #[test]
    fn the_windows_repertoire_is_kept() {
        assert_eq!(through("髙﨑① 御見積り㈱"), ("髙﨑① 御見積り㈱".into(), 0));
    }

    #[test]
    fn twins_become_what_windows_has() {
        assert_eq!(through("〜‖—−¢£¬¥‾"), ("～∥―－￠￡￢￥￣".into(), 0));
    }

    #[test]
    fn what_it_cannot_hold_is_a_question_mark_and_counted() {
        assert_eq!(through("café ✓ \u{1f600} 終"), ("caf? ? ? 終".into(), 3));
    }

    proptest! {
        #[test]
        fn each_character_comes_back_or_is_counted(text in "\\PC{0,60}") {
            let (back, replaced) = through(&text);
            prop_assert_eq!(back.chars().count(), text.chars().count());
            let mut lost = 0;
            for (was, is) in text.chars().map(twin).zip(back.chars()) {
                prop_assert!(was == is || is == '?');
                lost += u64::from(was != is);
            }
            prop_assert_eq!(lost, replaced);
        }
    }
}
