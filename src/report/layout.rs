//! Lines for a terminal: widths in cells, wrapping, columns, colour.
//!
//! Everything that comes in here goes through [`visible`] before its width is taken.
//! Widths are Unicode's (Standard Annex #11) with ambiguous characters narrow; our own layout is ASCII for that reason.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::safe::visible;
use crate::report::severity::Severity;

/// How many cells a text takes.
pub(super) fn cells(text: &str) -> usize {
    text.width()
}

/// Breaks a text at spaces, and between wide characters (Japanese has no spaces), so that each line fits. A word that
/// fits no line stands alone on its own and is not cut: half an address is no address.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(&visible(text)) {
        let joint = if line.is_empty() { "" } else { piece.space };
        if !line.is_empty() && cells(&line) + cells(joint) + cells(&piece.text) > width {
            lines.push(std::mem::take(&mut line));
        } else {
            line.push_str(joint);
        }
        line.push_str(&piece.text);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// What no line break parts, and whether a space stands before it.
struct Piece {
    space: &'static str,
    text: String,
}

/// Longest number that stays with its unit.
const NUMBER: usize = 8;

/// A text in its pieces: words, and of those in Japanese each character. What opens a bracket stays with what follows,
/// what closes one with what precedes, and a number with the counter behind it (`5 日`).
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for word in text.split_whitespace() {
        let mut before: Option<&str> = None;
        for cluster in word.graphemes(true) {
            let breaks = before.is_some_and(|before| may_part(before, cluster));
            match pieces.last_mut() {
                Some(last) if before.is_some() && !breaks => last.text.push_str(cluster),
                Some(last) if before.is_none() && counts(&last.text) && is_wide(cluster) => {
                    last.text.push(' ');
                    last.text.push_str(cluster);
                }
                Some(_) | None => pieces.push(Piece {
                    space: if breaks { "" } else { " " },
                    text: cluster.to_owned(),
                }),
            }
            before = Some(cluster);
        }
    }
    pieces
}

/// Whether a line may end between two characters of a word (JIS X 4051): beside a wide one, yet neither behind what
/// opens nor before what closes.
fn may_part(before: &str, after: &str) -> bool {
    (is_wide(before) || is_wide(after)) && !is_one_of(before, OPENING) && !is_one_of(after, CLOSING)
}

/// No line ends with them.
const OPENING: &str = "([{\"'\u{300c}\u{300e}\u{3010}\u{3014}\u{ff08}\u{ff3b}";
/// No line begins with them: commas, full stops, closing brackets, the long vowel, the middle dot, small kana.
const CLOSING: &str = ")]},.;:!?%\"'\u{3001}\u{3002}\u{300d}\u{300f}\u{3011}\u{3015}\u{30fb}\u{30fc}\u{ff01}\u{ff09}\u{ff0c}\u{ff0e}\u{ff1a}\u{ff1b}\u{ff1f}\u{ff3d}\u{3005}\u{3041}\u{3043}\u{3045}\u{3047}\u{3049}\u{3063}\u{3083}\u{3085}\u{3087}\u{30a1}\u{30a3}\u{30a5}\u{30a7}\u{30a9}\u{30c3}\u{30e3}\u{30e5}\u{30e7}";

fn is_one_of(cluster: &str, set: &str) -> bool {
    cluster.chars().next().is_some_and(|c| set.contains(c))
}

fn is_wide(cluster: &str) -> bool {
    cluster.chars().next().and_then(UnicodeWidthChar::width) == Some(2)
}

/// Whether it is a short number.
fn counts(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    text.len() <= NUMBER && text.chars().all(digits) && text.ends_with(|c: char| c.is_ascii_digit())
}

/// A text in a column: wrapped, and a word that is wider than the column goes on below itself. Nothing is lost.
pub(super) fn column(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let mut part = String::new();
        for cluster in line.graphemes(true).flat_map(|cluster| fitting(cluster, width)) {
            if !part.is_empty() && cells(&format!("{part}{cluster}")) > width {
                lines.push(std::mem::take(&mut part));
            }
            part.push_str(cluster);
        }
        lines.push(part);
    }
    lines
}

/// A cluster; a stranger's that is wider than the column, in its characters.
fn fitting(cluster: &str, width: usize) -> Vec<&str> {
    if cells(cluster) <= width {
        return vec![cluster];
    }
    let ends = cluster.char_indices().map(|(at, c)| (at, at + c.len_utf8()));
    ends.filter_map(|(from, to)| cluster.get(from..to)).collect()
}

/// What each column gets of `room`, where all together want more: none gets less than one that wants less.
pub(super) fn share(wanted: &[usize], room: usize) -> Vec<usize> {
    let mut granted = wanted.to_vec();
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|at| wanted.get(*at));
    let (mut left, mut columns) = (room, wanted.len());
    for at in order {
        if let Some(width) = granted.get_mut(at) {
            *width = (*width).min(left / columns.max(1));
            left -= *width;
        }
        columns -= 1;
    }
    granted
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

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Bad => Self::Bad,
            Severity::Warn => Self::Warn,
            Severity::Good => Self::Good,
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

    use crate::report::layout::{Page, cells, column, pad, share, wrap};

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

    #[test]
    fn japanese_lines_begin_and_end_as_they_may() {
        for (text, width, lines) in [
            (
                "受信側の、設定です。次に",
                8,
                vec!["受信側", "の、設定", "です。次", "に"],
            ),
            ("拒否 (受信側)", 6, vec!["拒否", "(受信", "側)"]),
            ("これは「掲載」です", 8, vec!["これは", "「掲載」", "です"]),
            ("IP は Spamhaus に掲載", 12, vec!["IP は", "Spamhaus に", "掲載"]),
            ("送信から 5.0 日後です", 12, vec!["送信から", "5.0 日後です"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }

    #[test]
    fn a_cluster_is_not_cut() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(column(&format!("{family}{family}{family}"), 4).len(), 2);
        assert_eq!(column("か\u{3099}か\u{3099}", 2), ["か\u{3099}"; 2]);
    }

    #[test]
    fn who_wants_little_gets_it() {
        assert_eq!(share(&[5, 30, 20], 40), [5, 18, 17]);
        assert_eq!(share(&[5, 6], 40), [5, 6]);
        assert_eq!(share(&[], 40), [0; 0]);
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
        fn no_line_begins_or_ends_as_none_may(text in "[あ漢ョー、。」）「（a1)(]{0,80}", width in 20usize..60) {
            let lines = wrap(&text, width);
            for (above, below) in lines.iter().zip(lines.iter().skip(1)) {
                prop_assert!(!above.ends_with(['「', '（', '(']), "{lines:?}");
                prop_assert!(!below.starts_with(['、', '。', '」', '）', ')', 'ー', 'ョ']), "{lines:?}");
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
