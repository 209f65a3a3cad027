//! Follows the server's answers byte by byte, lines and literals (RFC 9051 §4.3), before async-imap parses them: refuses what is
//! longer than it should be, and keeps from the parser what would end the connection or the program though it is harmless.
//!
//! * Untagged answers that nobody here asks for are left out: `* NOOP` (Zimbra), `* NAMESPACE`, `* ESEARCH`, Courier's
//!   `* QUOTA "ROOT"` are parse errors to it.
//! * `* OK [ALERT]é` makes it cut a character in two and panic (imap-proto 0.17, `Outcome::parse`): a blank is put in between.
//! * Of a quoted name in `* LIST` it keeps the escapes, a literal has none, and it does not say which of the two it was
//!   (imap-proto 0.17, `quoted`): such a name becomes a literal.
//! * `* SEARCH` of half a million mails is one line of megabytes, which it parses anew every 4 KiB: it becomes several.

use std::time::Duration;

/// An answer's line; a header field that a server quotes instead of sending it as a literal fits in.
const LINE_BYTES: usize = 64 * 1024;
/// Lines that grow with the mailbox: `* SEARCH …`, `* FLAGS …`.
const LONG_LINE_BYTES: usize = 16 * 1024 * 1024;
const LONG_LINES: [&[u8]; 4] = [b"* SEARCH", b"* FLAGS", b"* LIST", b"* OK [PERMANENTFLAGS"];
/// A line of `* SEARCH` is broken after so many bytes.
const SEARCH_BYTES: usize = 4000;
/// Untagged answers that are of use here, or tell of trouble; those about one mail begin with its number.
const OF_USE: [&[u8]; 8] = [
    b"OK",
    b"NO",
    b"BAD",
    b"BYE",
    b"PREAUTH",
    b"CAPABILITY",
    b"LIST",
    b"SEARCH",
];
/// Untagged answers whose text may end in `}` and is no literal all the same.
const TEXT_LINES: [&[u8]; 5] = [b"* OK", b"* NO", b"* BAD", b"* BYE", b"* PREAUTH"];
/// Enough of a line's beginning to know it by, and of its end for `{4294967295+}` and CRLF.
const KNOWN_BY_BYTES: usize = 24;

/// Why an answer, or its absence, is not put up with; async-imap passes it on inside an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Tripped {
    #[error("silence for {0:?}")]
    Silence(Duration),
    #[error("{0:?} are over")]
    Deadline(Duration),
    #[error("an answer of {bytes} bytes, over the {cap} allowed")]
    Literal { bytes: u64, cap: u64 },
    #[error("a line of over {0} bytes")]
    Line(usize),
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    /// Too little of it has come.
    #[default]
    Open,
    /// It goes on as it comes.
    GoesOn,
    /// It goes on when its line is complete.
    Mended,
    LeftOut,
}

/// Where in the server's answers we are.
#[derive(Debug, Default)]
pub(super) struct Sift {
    literal_left: u64,
    literals: u64,
    line: usize,
    start: Vec<u8>,
    end: Vec<u8>,
    answers: u64,
    fate: Fate,
    /// Of a line that has not gone on yet.
    held: Vec<u8>,
    /// Since `* SEARCH` was written last.
    unbroken: usize,
}

impl Sift {
    /// Whether exactly so many answers have come, and nothing of a further one.
    pub(super) fn is_at_rest_after(&self, answers: u64) -> bool {
        self.line == 0 && self.literal_left == 0 && self.answers == answers
    }

    /// Puts into `out` what may go on; all before a line that is refused does.
    pub(super) fn see(&mut self, all: &[u8], cap: u64, out: &mut Vec<u8>) -> Result<(), Tripped> {
        let mut bytes = all;
        while !bytes.is_empty() {
            let skipped =
                usize::try_from(self.literal_left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.literal_left = self.literal_left.saturating_sub(skipped as u64);
            let (literal, rest) = bytes.split_at_checked(skipped).unwrap_or((bytes, &[]));
            if self.fate != Fate::LeftOut {
                out.extend_from_slice(literal);
            }
            let line_end = memchr::memchr(b'\n', rest);
            let (piece, after) = rest
                .split_at_checked(line_end.map_or(rest.len(), |at| at + 1))
                .unwrap_or((rest, &[]));
            self.see_line(piece)?;
            let before = out.len();
            self.pass_on(piece, out);
            if line_end.is_some()
                && let Err(tripped) = self.end_of_line(cap)
            {
                out.truncate(before);
                return Err(tripped);
            }
            bytes = after;
        }
        Ok(())
    }

    fn pass_on(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self.fate {
            Fate::LeftOut => return,
            Fate::GoesOn => return self.broken(piece, out),
            Fate::Open | Fate::Mended => self.held.extend_from_slice(piece),
        }
        if self.fate == Fate::Open {
            self.fate = fate_of(&self.held);
        }
        let held = match self.fate {
            Fate::Open => return,
            Fate::Mended if !self.held.ends_with(b"\n") => return,
            Fate::Mended => mended(std::mem::take(&mut self.held)),
            Fate::GoesOn | Fate::LeftOut => std::mem::take(&mut self.held),
        };
        if self.fate != Fate::LeftOut {
            self.broken(&held, out);
        }
    }

    /// Breaks `* SEARCH` between two numbers.
    fn broken(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if !self.begins_with(&[b"* SEARCH"]) {
            out.extend_from_slice(piece);
            return;
        }
        for word in piece.split_inclusive(|byte| *byte == b' ') {
            out.extend_from_slice(word);
            self.unbroken += word.len();
            if self.unbroken > SEARCH_BYTES && word.ends_with(b" ") {
                out.truncate(out.len() - 1);
                out.extend_from_slice(b"\r\n* SEARCH ");
                self.unbroken = 0;
            }
        }
    }

    fn see_line(&mut self, piece: &[u8]) -> Result<(), Tripped> {
        self.line += piece.len();
        let room = KNOWN_BY_BYTES.saturating_sub(self.start.len());
        self.start.extend(piece.iter().take(room));
        self.end
            .extend(piece.iter().skip(piece.len().saturating_sub(KNOWN_BY_BYTES)));
        self.end.drain(..self.end.len().saturating_sub(KNOWN_BY_BYTES));
        let most = if self.begins_with(&LONG_LINES) {
            LONG_LINE_BYTES
        } else {
            LINE_BYTES
        };
        if self.line > most {
            return Err(Tripped::Line(most));
        }
        Ok(())
    }

    fn end_of_line(&mut self, cap: u64) -> Result<(), Tripped> {
        let untagged = self.start.starts_with(b"* ") && !self.begins_with(&TEXT_LINES);
        let literal = if untagged { literal_at_end(&self.end) } else { None };
        self.end.clear();
        let Some(literal) = literal else {
            self.line = 0;
            self.literals = 0;
            self.start.clear();
            self.held.clear();
            self.unbroken = 0;
            self.fate = Fate::Open;
            self.answers += 1;
            return Ok(());
        };
        self.literals = self.literals.saturating_add(literal);
        self.literal_left = literal;
        if self.literals > cap {
            return Err(Tripped::Literal {
                bytes: self.literals,
                cap,
            });
        }
        Ok(())
    }

    fn begins_with(&self, known: &[&[u8]]) -> bool {
        let is = |word: &&[u8]| {
            self.start
                .get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        known.iter().any(is)
    }
}

/// By the first word of an answer. What is no answer at all goes on, for the parser to refuse.
fn fate_of(held: &[u8]) -> Fate {
    let Some(untagged) = held.strip_prefix(b"* ") else {
        return match held {
            [] | [b'*'] => Fate::Open,
            [b'+', ..] => Fate::GoesOn,
            _tagged => Fate::Mended,
        };
    };
    let is_end = |byte: &u8| byte.is_ascii_whitespace();
    let Some(word) = untagged
        .split(is_end)
        .next()
        .filter(|word| word.len() < untagged.len())
    else {
        return if held.len() < KNOWN_BY_BYTES {
            Fate::Open
        } else {
            Fate::LeftOut
        };
    };
    let is = |known: &&[u8]| word.eq_ignore_ascii_case(known);
    match word.first() {
        Some(byte) if byte.is_ascii_digit() => Fate::GoesOn,
        _ if TEXT_LINES
            .iter()
            .any(|line| line.strip_prefix(b"* ").is_some_and(|name| is(&name))) =>
        {
            Fate::Mended
        }
        _ if is(&b"LIST".as_slice()) => Fate::Mended,
        _ if OF_USE.iter().any(is) => Fate::GoesOn,
        _ => Fate::LeftOut,
    }
}

/// `* OK [ALERT]text`, `b7 NO [LIMIT]text`: with a blank behind the code; `* LIST` of an escaped name: with a literal.
fn mended(mut line: Vec<u8>) -> Vec<u8> {
    if let Some(line) = with_literal_name(&line) {
        return line;
    }
    let text = line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
    if text.starts_with(b"[")
        && let Some(end) = memchr::memchr(b']', text)
        && text.get(end + 1).is_some_and(|next| !next.is_ascii_whitespace())
    {
        line.insert(line.len() - text.len() + end + 1, b' ');
    }
    line
}

/// `* LIST (\HasNoChildren) "/" "!@#$%&-*()_+{}|:\"?><"` (Gmail, IndySockets/Indy #112)
fn with_literal_name(line: &[u8]) -> Option<Vec<u8>> {
    line.get(..7)
        .filter(|start| start.eq_ignore_ascii_case(b"* LIST "))?;
    let flags = memchr::memchr(b')', line)? + 1;
    let ([b' ', b'"', b'\\', _, b'"', b' ', name @ ..]
    | [b' ', b'"', _, b'"', b' ', name @ ..]
    | [b' ', b'N' | b'n', _, _, b' ', name @ ..]) = line.get(flags..)?
    else {
        return None;
    };
    let before = line.get(..line.len() - name.len())?;
    let name = match name.trim_ascii_end() {
        name if !name.contains(&b'\\') => return None,
        [b'"', quoted @ .., b'"'] => unescaped(quoted),
        [b'"', ..] => return None,
        // Domino: `* LIST (\HasNoChildren) "\\" Folder\Subfolder 1` (IndySockets/Indy #329)
        bare => bare.to_vec(),
    };
    let length = format!("{{{}}}\r\n", name.len());
    Some([before, length.as_bytes(), &name, b"\r\n"].concat())
}

/// What stands between the quotes of a quoted string (RFC 9051 §9, `QUOTED-CHAR`).
fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut is_escape = false;
    let mut text = quoted.to_vec();
    text.retain(|byte| {
        is_escape = *byte == b'\\' && !is_escape;
        !is_escape
    });
    text
}

/// `… BODY[] {5473}`, `… {5473+}`: how many bytes follow.
fn literal_at_end(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let number = line.strip_suffix(b"+").unwrap_or(line);
    let digits = number
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (before, digits) = number.split_at_checked(number.len() - digits)?;
    // Too many digits for a number, or for what is remembered of the line, are too many bytes as well.
    let too_many = before.is_empty();
    if digits.is_empty() || !(too_many || before.ends_with(b"{")) {
        return None;
    }
    let value = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    Some(value.filter(|_| !too_many).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use async_imap::imap_proto::{MailboxDatum, Response};
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    use super::{Sift, Tripped};

    /// Sees `text` in pieces of `size` bytes.
    fn see(text: &[u8], size: usize, cap: u64) -> Result<u64, Tripped> {
        let (mut sift, mut out) = (Sift::default(), Vec::new());
        for piece in text.chunks(size) {
            sift.see(piece, cap, &mut out)?;
        }
        Ok(sift.answers)
    }

    /// What goes on of `text`, however it comes in pieces.
    fn sifted(text: &str) -> String {
        let of = |size| {
            let (mut sift, mut out) = (Sift::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                sift.see(piece, 1000, &mut out).unwrap();
            }
            String::from_utf8(out).unwrap()
        };
        let whole = of(text.len());
        for size in 1..40 {
            assert_eq!(of(size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn what_nobody_asked_for_is_left_out_with_its_literals() {
        let (fetch, done) = ("* 3 FETCH (UID 3 BODY[] {8}\r\n* NOOP\r\n)\r\n", "b1 OK done\r\n");
        let noise = "* NOOP\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* QUOTA \"ROOT\"\r\n* ESEARCH (TAG \"a\") UID ALL 1:3\r\n\
                     * ID (\"name\" {9}\r\nb1 OK no\r \"x\" {2}\r\n\r\n)\r\n* FLAGS ()\r\n* X\r\n";
        assert_eq!(
            sifted(&format!("{noise}{fetch}{noise}{done}")),
            format!("{fetch}{done}")
        );
        let plain = "* OK hi\r\n* LIST () \"/\" INBOX\r\n+ go on\r\n* 5 EXISTS\r\n* CAPABILITY IMAP4rev1\r\n* BYE\r\n";
        assert_eq!(sifted(plain), plain);
        // Mail that runs on after its literal is for the parser to refuse.
        assert_eq!(sifted("of a stranger\r\n"), "of a stranger\r\n");
    }

    #[test]
    fn blanks_where_none_belong_are_put_up_with() {
        // QQ (jakartaee/mail-api #209), Outlook, Surgemail.
        for said in [
            "* 11487 FETCH (UID 19436 )\r\n",
            "* 3 FETCH (UID 3 RFC822.SIZE 5799845 )\r\n",
            "* 172 EXISTS \r\n",
            "* LIST (\\HasNoChildren ) \"/\" INBOX\r\n",
        ] {
            assert_eq!(sifted(said), said);
            Response::parse(said.as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_code_is_parted_from_its_text_that_would_else_stop_the_program() {
        for (said, goes_on) in [
            ("* OK [ALERT]é\r\n", "* OK [ALERT] é\r\n"),
            ("b1 NO [LIMIT]満杯です\r\n", "b1 NO [LIMIT] 満杯です\r\n"),
            ("b1 NO [LIMIT] 満杯\r\n", "b1 NO [LIMIT] 満杯\r\n"),
            ("* OK [UIDNEXT 5]\r\n", "* OK [UIDNEXT 5]\r\n"),
            ("* BAD é [a]b\r\n", "* BAD é [a]b\r\n"),
        ] {
            assert_eq!(sifted(said), goes_on);
            Response::parse(goes_on.as_bytes()).unwrap();
        }
    }

    #[test]
    fn an_escaped_name_becomes_a_literal() {
        for (said, name) in [
            (r#"(\HasNoChildren) "/" "a\"b\\c""#, r#"a"b\c"#),
            (r#"() NIL "\\""#, r"\"),
            (
                r#"(\HasChildren) "\\" "Folder\\Sub folder ""#,
                r"Folder\Sub folder ",
            ),
            (
                r#"(\HasNoChildren) "\\" Folder\Subfolder 1"#,
                r"Folder\Subfolder 1",
            ),
            (r#"() "/" "&MKgw6TD8-\" {3}""#, "&MKgw6TD8-\" {3}"),
            (r#"() "/" "エラー\"""#, "エラー\""),
            ("() \"/\" {4}\r\na\\\\b", r"a\\b"),
            ("() \"/\" \"a b\"", "a b"),
            ("() \"/\" inbox", "INBOX"),
        ] {
            let goes_on = sifted(&format!("* LIST {said}\r\n"));
            let Ok((b"", Response::MailboxData(MailboxDatum::List(list)))) =
                Response::parse(goes_on.as_bytes())
            else {
                panic!("{goes_on}");
            };
            assert_eq!(list.name, name, "{said}");
        }
    }

    #[test]
    fn a_search_of_half_a_million_mails_becomes_short_lines_with_the_same_numbers() {
        let numbers: Vec<u32> = (0..500_000).map(|number| number * 7 + 1).collect();
        let said = numbers
            .iter()
            .map(|number| format!(" {number}"))
            .collect::<String>();
        let (mut sift, mut out) = (Sift::default(), Vec::new());
        sift.see(
            format!("* SEARCH{said}\r\nb1 OK done\r\n").as_bytes(),
            0,
            &mut out,
        )
        .unwrap();
        let mut found = Vec::new();
        let mut rest = out.as_slice();
        while let Ok((after, Response::MailboxData(MailboxDatum::Search(some)))) = Response::parse(rest) {
            assert!(rest.len() - after.len() < 4200);
            found.extend(some);
            rest = after;
        }
        assert_eq!(rest, b"b1 OK done\r\n");
        assert_eq!(found, numbers);
        assert_eq!(sift.answers, 2);
    }

    proptest! {
        #[test]
        fn answers_are_counted_however_they_are_cut(bodies in prop::collection::vec("[a{}0-9\r\n]{0,40}", 0..6), size in 1usize..50) {
            let answers: String = bodies.iter()
                .map(|body| format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n{body} FLAGS ())\r\n", body.len()))
                .collect();
            prop_assert_eq!(see(answers.as_bytes(), size, 40), Ok(bodies.len() as u64));
        }
    }

    #[test]
    fn a_literal_over_the_cap_is_refused_before_its_first_byte() {
        let refused = |text: &str| see(text.as_bytes(), 7, 1000);
        assert_eq!(
            refused("* 1 FETCH (BODY[] {1001}\r\n"),
            Err(Tripped::Literal {
                bytes: 1001,
                cap: 1000
            })
        );
        assert!(refused("* 1 FETCH (BODY[] {99999999999999999999999}\r\n").is_err());
        assert_eq!(refused("* OK not a literal {1001}\r\na1 OK {1001}\r\n"), Ok(2));
    }

    #[test]
    fn a_line_without_an_end_is_refused_but_a_long_search_is_not() {
        let long = "1 ".repeat(40_000);
        assert_eq!(
            see(format!("* 1 FETCH {long}").as_bytes(), 4096, 0),
            Err(Tripped::Line(65536))
        );
        assert_eq!(see(format!("* SEARCH {long}\r\n").as_bytes(), 4096, 0), Ok(1));
    }
}
