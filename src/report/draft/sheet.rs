//! Plain text in lines of at most 76 cells, so that no mail program breaks them again.

use crate::report::layout::{cells, pad, wrap};
use crate::report::safe::visible;

/// Cells of a line; only a reply's or an address's word that is wider has a longer one.
pub(super) const WIDTH: usize = 76;
/// Label and value stand beside each other up to this width.
const LABEL: usize = 26;
/// Stands for a space that no line breaks at, while lines are broken: a blank to fill in stays whole.
const HELD: char = '\u{e000}';

/// One line of evidence.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) value: Value,
}

/// What stands behind a label.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A stranger's words, below the label.
    Quote(String),
    /// A text, and below it lines of two columns.
    Table(String, Vec<(String, String)>),
}

/// The text under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    text: String,
}

/// A text whose spaces no line is broken at.
pub(super) fn held(text: &str) -> String {
    text.replace(' ', &HELD.to_string())
}

impl Sheet {
    pub(super) fn line(&mut self, line: &str) {
        let line = visible(line).replace(HELD, " ");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line, unless one stands there already or nothing does.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Paragraphs: each line of the text is broken on its own.
    pub(super) fn prose(&mut self, text: &str) {
        for line in text.lines() {
            if line.trim().is_empty() {
                self.gap();
            }
            for line in wrap(line, WIDTH).iter().filter(|line| !line.is_empty()) {
                self.line(line);
            }
        }
    }

    /// A text whose lines all begin with this, the following ones moved in.
    pub(super) fn marked(&mut self, mark: &str, hanging: usize, text: &str) {
        for (at, line) in wrap(text, WIDTH - cells(mark) - hanging).iter().enumerate() {
            let indent = if at == 0 { 0 } else { hanging };
            self.line(&format!("{mark}{}{line}", " ".repeat(indent)));
        }
    }

    /// A stranger's words, every one of them.
    pub(super) fn quote(&mut self, text: &str) {
        self.marked("    ", 0, text);
    }

    /// Labels and what stands behind them, in two columns.
    pub(super) fn facts(&mut self, mark: &str, facts: &[Fact]) {
        let widths = facts.iter().map(|fact| cells(&fact.label));
        let label = widths.filter(|width| *width <= LABEL).max().unwrap_or_default();
        let indent = cells(mark) + label + 2;
        for Fact { label: name, value } in facts {
            let head = format!("{mark}{}", pad(name, label + 2));
            match value {
                Value::Text(text) => self.beside(&head, indent, text),
                Value::Quote(text) => {
                    self.line(&head);
                    self.quote(text);
                }
                Value::Table(text, rows) => {
                    self.beside(&head, indent, text);
                    self.table(rows);
                }
            }
        }
    }

    /// A text beside its label, or below it where the label is too wide.
    fn beside(&mut self, head: &str, indent: usize, text: &str) {
        let fits = cells(head) <= indent;
        if !fits {
            self.line(head);
        }
        for (at, line) in wrap(text, WIDTH - indent).iter().enumerate() {
            match at {
                0 if fits => self.line(&format!("{head}{line}")),
                _ => self.line(&format!("{}{line}", " ".repeat(indent))),
            }
        }
    }

    fn table(&mut self, rows: &[(String, String)]) {
        let widest = rows.iter().map(|(name, _)| cells(name)).max().unwrap_or_default();
        for (name, text) in rows {
            let head = format!("    {}", pad(name, widest + 2));
            self.beside(&head, cells(&head), text);
        }
    }

    /// Requests, numbered.
    pub(super) fn numbered(&mut self, items: &[String]) {
        for (at, item) in items.iter().enumerate() {
            let head = format!(" {}. ", at + 1);
            self.beside(&head, cells(&head), item);
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use crate::report::draft::sheet::{Fact, Sheet, Value, WIDTH, held};
    use crate::report::layout::cells;

    #[test]
    fn a_blank_stays_whole_and_a_long_word_too() {
        let word = "x".repeat(100);
        let mut sheet = Sheet::default();
        sheet.prose(&format!("{} {}", "word ".repeat(14), held("[          ]")));
        sheet.facts(
            "",
            &[Fact {
                label: "reply".into(),
                value: Value::Quote(format!("550 {word} \u{1b}[0m end")),
            }],
        );
        let text = sheet.finish();
        assert!(text.contains("\n[          ]\n"), "{text}");
        assert!(text.contains(&word) && text.contains("\\x1b[0m end"), "{text}");
        for line in text.lines().filter(|line| !line.contains(&word)) {
            assert!(cells(line) <= WIDTH, "{line}");
        }
    }
}
