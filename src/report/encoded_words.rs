//! Words of header fields that are not ASCII (RFC 2047), read and written.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::report::decoded::encoded_words;

/// Bytes of UTF-8 in one encoded word: it may have 75 characters (RFC 2047 §2).
const MAX_ENCODED: usize = 42;

/// Characters of a line, where it can be folded (RFC 5322 §2.1.1).
const GOOD_LINE: usize = 78;

/// Some words of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    /// They stood in encoded words, where any character is but one of a name.
    pub(super) is_encoded: bool,
}

/// The words of a field's value. Encoded words beside each other are one.
pub(super) fn words(value: &str) -> Vec<Words> {
    let mut found = Vec::new();
    let mut from = 0;
    let plain = |found: &mut Vec<Words>, at: Range<usize>| {
        let text = value.get(at).unwrap_or_default();
        if !text.is_empty() {
            found.push(Words {
                text: text.to_owned(),
                is_encoded: false,
            });
        }
    };
    for run in encoded_words(value) {
        plain(&mut found, from..run.at.start);
        from = run.at.end;
        found.extend(run.text.map(|text| Words {
            text,
            is_encoded: true,
        }));
    }
    plain(&mut found, from..value.len());
    found
}

/// The value of a field in the making.
#[derive(Debug, Default)]
pub(super) struct Written(String);

impl Written {
    /// Adds what stood in encoded words: a name may hold what would be syntax outside of them.
    pub(super) fn phrase(&mut self, text: &str) {
        let is_atom = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/^_`{|}~.@".contains(c);
        match text.chars().all(is_atom) {
            true => self.0.push_str(text),
            false => self.encoded(text),
        }
    }

    /// Adds what stood as it is; where it is not ASCII, its words become encoded ones.
    pub(super) fn plain(&mut self, text: &str) {
        let mut run: Vec<String> = Vec::new();
        let mut is_first = true;
        for word in text.split(' ') {
            let word = with_ascii_domain(word);
            if is_written(&word) {
                self.flush(&mut run, &mut is_first);
                self.blank(&mut is_first);
                self.0.push_str(&word);
            } else {
                // encoded words do not stand in quotes (RFC 2047 §5)
                run.push(word.replace(['"', '\\'], ""));
            }
        }
        self.flush(&mut run, &mut is_first);
    }

    fn flush(&mut self, run: &mut Vec<String>, is_first: &mut bool) {
        if !run.is_empty() {
            self.blank(is_first);
            self.encoded(&run.join(" "));
            run.clear();
        }
    }

    fn blank(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.0.push(' ');
        }
    }

    fn encoded(&mut self, text: &str) {
        let mut word = String::new();
        let mut words = Vec::new();
        for c in text.chars() {
            if word.len() + c.len_utf8() > MAX_ENCODED {
                words.push(std::mem::take(&mut word));
            }
            word.push(c);
        }
        words.push(word);
        let words = words
            .iter()
            .map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)));
        self.0.push_str(&words.collect::<Vec<_>>().join(" "));
    }

    /// The field with this value on its lines, each ended.
    pub(super) fn field(self, name: &str, max_line: usize) -> String {
        Self(format!("{name}: {}", self.0)).line(max_line)
    }

    /// The value, folded at blanks, each line ended. A word that is longer than a line is broken.
    pub(super) fn line(self, max_line: usize) -> String {
        let mut lines = String::new();
        let mut width = 0;
        for (at, word) in self.0.split([' ', '\t']).enumerate() {
            if at > 0 {
                let folds = width + 1 + word.len() > GOOD_LINE && !word.is_empty() && width > 0;
                if folds && !lines.ends_with([' ', '\n']) && at > 1 {
                    lines.push('\n');
                    width = 0;
                }
                lines.push(' ');
                width += 1;
            }
            for (index, piece) in word.as_bytes().chunks(max_line - GOOD_LINE).enumerate() {
                if index > 0 {
                    lines.push_str("\n ");
                    width = 1;
                }
                lines.push_str(&String::from_utf8_lossy(piece));
                width += piece.len();
            }
        }
        lines.push('\n');
        lines
    }
}

fn is_written(word: &str) -> bool {
    word.bytes().all(|byte| matches!(byte, b'!'..=b'~' | b'\t'))
}

/// An address with its domain as A-labels: no encoded word may stand in it.
fn with_ascii_domain(word: &str) -> String {
    let ascii = || {
        let (local, rest) = word.rsplit_once('@')?;
        let is_of_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
        let end = rest.find(|c| !is_of_domain(c)).unwrap_or(rest.len());
        let (domain, rest) = rest.split_at_checked(end)?;
        Some(format!("{local}@{}{rest}", idna::domain_to_ascii(domain).ok()?))
    };
    match word.is_ascii() {
        true => word.to_owned(),
        false => ascii().unwrap_or_else(|| word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::encoded_words::{Written, words};

    fn rewritten(value: &str) -> String {
        let mut written = Written::default();
        for one in words(value) {
            match one.is_encoded {
                true => written.phrase(&one.text),
                false => written.plain(&one.text),
            }
        }
        written.field("X", 998)
    }

    #[test]
    fn encoded_words_are_read_together_and_written_where_they_are_needed() {
        for (value, want) in [
            (
                "=?utf-8?B?6KuL5rE=?= =?UTF-8?B?guabuA==?= <a@b.example>",
                "X: =?utf-8?B?6KuL5rGC5pu4?= <a@b.example>\n",
            ),
            (
                "=?us-ascii?Q?Taro_Yamada?= <a@b.example>",
                "X: Taro Yamada <a@b.example>\n",
            ),
            // outside of an encoded word the comma would part two addresses
            (
                "=?us-ascii?Q?Yamada=2C_Taro?= <a@b.example>",
                "X: =?utf-8?B?WWFtYWRhLCBUYXJv?= <a@b.example>\n",
            ),
            (
                "\"山田 太郎\" <a@例え.example>",
                "X: =?utf-8?B?5bGx55SwIOWkqumDjg==?= <a@xn--r8jz45g.example>\n",
            ),
            ("a =? b ?= c", "X: a =? b ?= c\n"),
        ] {
            assert_eq!(rewritten(value), want, "{value}");
        }
    }

    #[test]
    fn a_long_value_is_folded_and_a_long_word_is_broken() {
        let folded = rewritten(&"word ".repeat(40));
        assert!(folded.lines().all(|line| line.len() <= 78), "{folded}");
        assert_eq!(folded.replace("\n", ""), format!("X: {}", "word ".repeat(40)));
        let broken = rewritten(&"w".repeat(3000));
        assert!(broken.lines().all(|line| line.len() <= 998), "{broken}");
    }
}
