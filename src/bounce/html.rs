//! The words of a mail that came as HTML alone, line by line as a reader sees them.
//!
//! mail-parser's own conversion ends a line at `<br>` and `</p>` only. Outlook, Gmail and Apple Mail write a line as a
//! `<div>`, Microsoft 365 writes its report as a table, mail servers' words stand in `<pre>`; and who pastes a bounce into
//! HTML by hand leaves `<a@example.net>` unescaped, which is no element.

use mail_parser::decoders::html::add_html_token;

/// Elements whose content nobody sees.
const UNSEEN: [&str; 5] = ["head", "style", "script", "title", "template"];

/// Elements that begin and end a line.
const BLOCKS: [&str; 23] = [
    "address",
    "article",
    "blockquote",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "li",
    "p",
    "pre",
    "section",
    "table",
    "tr",
];

/// Bytes that the name of an entity has at most (`&CounterClockwiseContourIntegral;`).
const MAX_ENTITY: usize = 34;

/// Bytes that an element's attributes are looked through for their end.
const MAX_ATTRIBUTES: usize = 1_000;

pub(super) fn text(html: &str) -> String {
    let mut page = Page {
        text: String::with_capacity(html.len() / 2),
        preformatted: false,
    };
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        page.write(before);
        rest = after;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, behind)) = tag(after) else {
            page.text.push('<');
            continue;
        };
        rest = behind;
        match (UNSEEN.iter().find(|name| tag == **name), tag.as_str()) {
            (Some(name), _) => rest = behind_the_end(name, rest),
            (None, name) => page.element(name),
        }
    }
    page.write(rest);
    page.text
}

struct Page {
    text: String,
    preformatted: bool,
}

impl Page {
    fn element(&mut self, tag: &str) {
        match tag {
            "br" | "br/" | "hr" | "hr/" | "/p" => self.text.push('\n'),
            "td" | "th" if !self.begins_line() => self.text.push('\t'),
            _ => {
                let name = tag.strip_prefix('/').unwrap_or(tag);
                if BLOCKS.contains(&name) && !self.begins_line() {
                    self.text.push('\n');
                }
                if name == "pre" {
                    self.preformatted = !tag.starts_with('/');
                }
            }
        }
    }

    fn begins_line(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// Words between two elements: blanks and line ends are one blank, but not in `<pre>`.
    fn write(&mut self, words: &str) {
        let mut rest = words;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '&' => entity(rest).unwrap_or(1),
                _ => c.len_utf8(),
            };
            let Some((piece, behind)) = rest.split_at_checked(length) else {
                return;
            };
            rest = behind;
            match c {
                // a blank that does not break is there for the eye: indentation
                '\u{a0}' => self.text.push(' '),
                '&' if piece.eq_ignore_ascii_case("&nbsp;") || piece == "&#160;" => self.text.push(' '),
                '&' => add_html_token(&mut self.text, piece.as_bytes(), false),
                ' ' | '\t' | '\n' | '\r' if !self.preformatted => {
                    if !self.text.ends_with([' ', '\t', '\n']) && !self.text.is_empty() {
                        self.text.push(' ');
                    }
                }
                _ => self.text.push(c),
            }
        }
    }
}

/// The length of the entity that a text begins with.
fn entity(text: &str) -> Option<usize> {
    let end = text.bytes().take(MAX_ENTITY).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    is_name.then_some(end + 1)
}

/// The name of the element that begins here, in lower case with its `/` where it ends one, and what follows it. `None`
/// where it is none: `<a@example.net>`, `<<< 550 …`.
fn tag(text: &str) -> Option<(String, &str)> {
    let end = text.find(['<', '>'])?;
    let (inner, rest) = text.split_at_checked(end)?;
    let name = inner.split_whitespace().next().unwrap_or_default();
    let rest = match rest.strip_prefix('>') {
        Some(rest) => rest,
        // HTML §13.2.5.33: a `<` among the attributes is one of their characters
        None if has_attributes(inner, name) => {
            let mut ahead = rest.bytes().take(MAX_ATTRIBUTES);
            rest.get(ahead.position(|byte| byte == b'>')? + 1..)?
        }
        None => return None,
    };
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        return None;
    }
    (!name.contains('@')).then(|| (name.to_ascii_lowercase(), rest))
}

/// Whether a text is the name of an element of ours and the beginning of what is said of it.
fn has_attributes(inner: &str, name: &str) -> bool {
    inner.len() > name.len() && BLOCKS.iter().any(|block| name.eq_ignore_ascii_case(block))
}

fn behind_the_end<'a>(name: &str, text: &'a str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        let is_end = after
            .get(..name.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(name));
        if is_end {
            return after.split_once('>').map_or("", |(_, rest)| rest);
        }
        rest = after;
    }
    ""
}

#[cfg(test)]
mod tests {
    use crate::bounce::html::text;

    #[test]
    fn a_line_ends_where_a_reader_sees_it_end() {
        for (html, want) in [
            ("<div>a@x.example</div><div>550 no</div>", "a@x.example\n550 no\n"),
            (
                "<table><tr><td>Reported error:</td><td>550 no</td></tr><tr><td>DSN:</td></tr></table>",
                "Reported error:\t550 no\nDSN:\n",
            ),
            (
                "<pre>Received: from x\n by y;\nDate: now</pre>",
                "Received: from x\n by y;\nDate: now\n",
            ),
            ("<p>one\n two<br>three</p>four", "one two\nthree\nfour"),
            (
                "<style>p { color: red }</style><title>x</title>f&uuml;r&nbsp;&nbsp;&lt;a@x.example&gt; &amp; R&D",
                "für  <a@x.example> & R&D",
            ),
            (
                "<a@x.example>:<br>192.0.2.1 does not like recipient.",
                "<a@x.example>:\n192.0.2.1 does not like recipient.",
            ),
            ("<!-- <p>x</p> -->1 < 2 <<< 550", "1 < 2 <<< 550"),
            ("a<p cl<ss=\"x\">Remote host said", "a\nRemote host said"),
            ("<p<b>1 <p 2", "<p1 <p 2"),
        ] {
            assert_eq!(text(html), want, "{html}");
        }
    }
}
