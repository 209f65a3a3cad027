//! Lines for a terminal: widths in cells, wrapping, columns, colour.
//!
//! Everything that comes in here goes through [`visible`] before its width is taken.
//! Widths are Unicode's (Standard Annex #11) with ambiguous characters narrow; our own layout is ASCII for that reason.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::safe::visible;

/// How many cells a text takes.
pub(super) fn cells(text: &str) -> usize {
    text.width()
}

/// Breaks a text at spaces, and between wide characters (Japanese has no spaces), so that each line fits. A word that
/// fits no line stands alone on its own and is not cut: half an address is no address.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in visible(text).split_whitespace() {
        let mut space = !line.is_empty();
        for piece in pieces(word) {
            let needed = cells(&line) + usize::from(space) + cells(piece);
            if !line.is_empty() && needed > width {
                lines.push(std::mem::take(&mut line));
                space = false;
            }
            if space {
                line.push(' ');
            }
            line.push_str(piece);
            space = false;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A word in the pieces between which a line may break: before and behind each wide character.
fn pieces(word: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let (mut after_wide, mut after_opening) = (false, false);
    for (at, c) in word.char_indices() {
        let wide = c.width() == Some(2);
        let joins = c.width() == Some(0) || closes(c);
        if at > 0 && !joins && !after_opening && (wide || after_wide) {
            starts.push(at);
        }
        after_opening = opens(c);
        if !joins {
            after_wide = wide;
        }
    }
    starts.push(word.len());
    let mut from = 0;
    starts
        .into_iter()
        .filter_map(|to| {
            let piece = word.get(from..to);
            from = to;
            piece
        })
        .collect()
}

/// Brackets that no line ends with.
fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '\u{300c}' | '\u{300e}' | '\u{3010}' | '\u{ff08}')
}

/// Marks that no line begins with in Japanese (JIS X 4051): commas, full stops, closing brackets, the long vowel.
fn closes(c: char) -> bool {
    matches!(
        c,
        ')' | ']'
            | '\u{3001}'
            | '\u{3002}'
            | '\u{300d}'
            | '\u{300f}'
            | '\u{3011}'
            | '\u{30fc}'
            | '\u{ff09}'
            | '\u{ff0c}'
            | '\u{ff0e}'
    )
}

/// A text in a column: wrapped, and a word that is wider than the column goes on below itself. Nothing is lost.
pub(super) fn column(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let mut part = String::new();
        for c in line.chars() {
            if !part.is_empty() && cells(&part) + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut part));
            }
            part.push(c);
        }
        lines.push(part);
    }
    lines
}

/// Filled with spaces on the right.
pub(super) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(cells(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Filled with spaces on the left, as numbers are.
pub(super) fn pad_left(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(cells(text));
    format!("{}{text}", " ".repeat(missing))
}

/// What a colour repeats; the word beside it always says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Bad,
    Warn,
    Good,
    Faint,
}

impl Tone {
    /// Select Graphic Rendition (ECMA-48 §8.3.117).
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Bad => Some("1;31"),
            Self::Warn => Some("33"),
            Self::Good => Some("32"),
            Self::Faint => Some("2"),
        }
    }
}

/// The text under construction.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) width: usize,
    color: bool,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize, color: bool) -> Self {
        Self {
            width: width.max(60),
            color,
            text: String::new(),
        }
    }

    /// One line as it is; the caller has measured it.
    pub(super) fn line(&mut self, line: &str) {
        self.spans(&[(Tone::Plain, line)]);
    }

    /// One line of several tones.
    pub(super) fn spans(&mut self, spans: &[(Tone, &str)]) {
        let used = spans.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (at, (tone, text)) in spans.iter().enumerate() {
            if used.is_none_or(|used| at > used) {
                break;
            }
            let text = if used == Some(at) { text.trim_end() } else { text };
            let text = visible(text);
            match tone.sgr().filter(|_| self.color) {
                Some(sgr) => {
                    let body = text.trim_end();
                    let rest = " ".repeat(cells(&text) - cells(body));
                    self.text.push_str(&format!("\u{1b}[{sgr}m{body}\u{1b}[0m{rest}"));
                }
                None => self.text.push_str(&text),
            }
        }
        self.text.push('\n');
    }

    /// An empty line, unless one stands there already or nothing does.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A paragraph: wrapped, each line moved in by `indent`, the following ones by `hanging` more.
    pub(super) fn paragraph(&mut self, tone: Tone, indent: usize, hanging: usize, text: &str) {
        let first = self.width - indent;
        // The first line may be longer than the others; wrapping to the shorter width keeps all of them inside.
        let narrow = first.saturating_sub(hanging).max(20);
        let lines = if cells(&visible(text)) <= first {
            vec![visible(text).into_owned()]
        } else {
            wrap(text, narrow)
        };
        for (at, line) in lines.iter().enumerate() {
            let indent = if at == 0 { indent } else { indent + hanging };
            self.spans(&[(Tone::Plain, &" ".repeat(indent)), (tone, line)]);
        }
    }

    /// `id  name`, strong; a long name goes on below, two cells in.
    pub(super) fn heading(&mut self, id: &str, name: &str) {
        let room = self.width.saturating_sub(cells(&visible(id)) + 2).max(20);
        let mut before = format!("{id}  ");
        for line in wrap(name, room) {
            self.spans(&[(Tone::Strong, &before), (Tone::Strong, &line)]);
            before = "  ".to_owned();
        }
    }

    /// `name  value`, the values of several lines below each other; a word too wide for that has a line of its own.
    pub(super) fn field(&mut self, tone: Tone, name: &str, name_width: usize, value: &str) {
        const INDENT: usize = 2;
        let room = self.width.saturating_sub(INDENT + name_width + 2);
        let mut name = name;
        for line in wrap(value, room) {
            let label = format!("{}{}  ", " ".repeat(INDENT), pad(name, name_width));
            if cells(&line) <= room {
                self.spans(&[(Tone::Plain, &label), (tone, &line)]);
            } else {
                if !name.is_empty() {
                    self.line(&label);
                }
                self.spans(&[(Tone::Plain, &" ".repeat(2 * INDENT)), (tone, &line)]);
            }
            name = "";
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use crate::report::layout::{Page, cells, column, pad, wrap};

    #[test]
    fn kana_are_two_cells_and_break_anywhere() {
        assert_eq!(pad("迷惑", 6), "迷惑  ");
        assert_eq!(wrap("受信側が拒否しました。", 12), ["受信側が拒否", "しました。"]);
    }

    #[test]
    fn a_long_address_keeps_a_line_of_its_own() {
        let address = "https://www.spamhaus.org/query/ip/192.0.2.10";
        assert_eq!(wrap(&format!("see {address} now"), 20), ["see", address, "now"]);
    }

    #[test]
    fn a_heading_keeps_the_gap_behind_its_id() {
        let mut page = Page::new(60, false);
        page.heading("microsoft-365-customer", "the receiving organisation's own list");
        page.heading("cox", "Cox");
        let lines = "microsoft-365-customer  the receiving organisation's own\n  list\ncox  Cox\n";
        assert_eq!(page.finish(), lines);
    }

    #[test]
    fn a_word_wider_than_its_column_goes_on_below() {
        assert_eq!(
            column("Outlook.com mail.example.jp", 8),
            ["Outlook.", "com", "mail.exa", "mple.jp"]
        );
        assert_eq!(column("迷惑メール", 5), ["迷惑", "メー", "ル"]);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing(text in ".{0,200}", width in 20usize..100) {
            let lines = wrap(&text, width);
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&crate::report::safe::visible(&text)));
            for line in lines {
                prop_assert!(cells(&line) <= width || !line.contains(' '), "{line:?}");
            }
        }

        #[test]
        fn what_must_fit_fits(text in ".{0,60}", width in 4usize..40) {
            for line in column(&text, width) {
                prop_assert!(cells(&line) <= width);
            }
        }
    }
}
