//! Mbox files (RFC 4155), read one mail at a time: a file of 4 GB is never held whole.
//!
//! A mail ends before the next `From ` line: `From MAILER-DAEMON  Thu Apr 29 23:34:45 2015` (Postfix local(8)),
//! `From - Thu Apr 29 23:34:45 2015` (Thunderbird), `From 1523@xxx Thu Apr 29 23:34:45 +0000 2015` (Gmail's export).
//! `>From `, `>>From ` lose one `>`: right for mboxrd, and for mboxo as far as its own quoting can be told from the text.

use std::io::{self, BufRead, Read};

use super::eml::{MAX_MAIL_BYTES, is_header_line};

/// Lines are read in pieces of this size, for a line may be as long as the file.
const PIECE_BYTES: u64 = 64 * 1024;
/// A longer line is no `From ` line.
const FROM_LINE_BYTES: usize = 1024;

/// The mails of an mbox.
pub(super) struct Mbox {
    reader: Box<dyn BufRead>,
    /// A piece that was read too early.
    ahead: Option<Vec<u8>>,
    begun: bool,
}

/// One mail of an mbox.
pub(super) struct Mail {
    pub(super) bytes: Vec<u8>,
    /// It is longer than [`MAX_MAIL_BYTES`], and the rest is left out.
    pub(super) cut: bool,
}

/// What has been read of the present mail.
#[derive(Default)]
struct Growing {
    bytes: Vec<u8>,
    cut: bool,
    /// The piece before had no line end: what follows belongs to its line.
    inside_line: bool,
    after_blank_line: bool,
}

impl Mbox {
    /// `reader` begins with a `From ` line.
    pub(super) fn new(reader: Box<dyn BufRead>) -> Self {
        Self {
            reader,
            ahead: None,
            begun: false,
        }
    }

    /// The next mail; `None` at the end of the file.
    pub(super) fn next_mail(&mut self) -> io::Result<Option<Mail>> {
        if !self.begun {
            self.begun = true;
            while self.piece()?.is_some_and(|piece| !piece.ends_with(b"\n")) {}
        } else if self.ahead.is_none() && self.reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut mail = Growing::default();
        while let Some(piece) = self.piece()? {
            if !mail.inside_line && is_from_line(&piece) {
                self.ahead = self.piece()?;
                // Some writers leave the blank line out; then a header must follow, or it is a line of the text.
                let header_follows = self.ahead.as_deref().is_some_and(is_header_line);
                if mail.after_blank_line || header_follows {
                    return Ok(Some(mail.ended()));
                }
            }
            mail.push(&piece);
        }
        Ok(Some(mail.ended()))
    }

    fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(piece) = self.ahead.take() {
            return Ok(Some(piece));
        }
        let mut piece = Vec::new();
        self.reader
            .by_ref()
            .take(PIECE_BYTES)
            .read_until(b'\n', &mut piece)?;
        Ok((!piece.is_empty()).then_some(piece))
    }
}

impl Growing {
    fn push(&mut self, piece: &[u8]) {
        let quoted = !self.inside_line && is_quoted_from(piece);
        let text = piece.get(usize::from(quoted)..).unwrap_or_default();
        let room = MAX_MAIL_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(text.get(..room).unwrap_or(text));
        self.cut |= text.len() > room;
        self.after_blank_line = !self.inside_line && matches!(piece, b"\n" | b"\r\n");
        self.inside_line = !piece.ends_with(b"\n");
    }

    /// The blank line before the next `From ` line (and at the file's end) is the mbox's, not the mail's.
    fn ended(mut self) -> Mail {
        if self.after_blank_line && !self.cut {
            let end = if self.bytes.ends_with(b"\r\n") { 2 } else { 1 };
            self.bytes.truncate(self.bytes.len().saturating_sub(end));
        }
        Mail {
            bytes: self.bytes,
            cut: self.cut,
        }
    }
}

/// `From `, an envelope address, and a date with a time and a year (RFC 4155, Appendix A): text that merely begins
/// with "From " has none.
fn is_from_line(line: &[u8]) -> bool {
    if line.len() > FROM_LINE_BYTES || !line.starts_with(b"From ") {
        return false;
    }
    let words = || {
        line.split(u8::is_ascii_whitespace)
            .skip(2)
            .filter(|word| !word.is_empty())
    };
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let is_year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    // `23:34:45`, `23:34`, `2015-04-29T23:34:45+09:00`
    let is_time = |word: &[u8]| {
        word.windows(4).any(|four| {
            digit(four.first()) && four.get(1) == Some(&b':') && digit(four.get(2)) && digit(four.get(3))
        })
    };
    let is_iso = |word: &[u8]| word.get(4) == Some(&b'-') && word.iter().take(4).all(u8::is_ascii_digit);
    words().any(is_time) && words().any(|word| is_year(word) || is_iso(word))
}

fn is_quoted_from(line: &[u8]) -> bool {
    let after = line.iter().position(|&byte| byte != b'>').unwrap_or_default();
    after > 0 && line.get(after..).is_some_and(|rest| rest.starts_with(b"From "))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::{prop, prop_assert_eq, proptest};

    use super::{Mbox, is_from_line};

    fn mails(mbox: Vec<u8>) -> Vec<Vec<u8>> {
        let mut mbox = Mbox::new(Box::new(Cursor::new(mbox)));
        std::iter::from_fn(|| mbox.next_mail().unwrap())
            .map(|mail| mail.bytes)
            .collect()
    }

    /// As mboxrd writers do it: one `>` before each line of `>`s and `From `, a blank line after each mail.
    fn written(mails: &[String], end: &str) -> String {
        let mut mbox = String::new();
        for mail in mails {
            mbox += &format!("From MAILER-DAEMON  Thu Apr 29 23:34:45 2015{end}");
            for line in mail.split_inclusive('\n') {
                if line.trim_start_matches('>').starts_with("From ") {
                    mbox.push('>');
                }
                mbox += line;
            }
            mbox += end;
        }
        mbox
    }

    proptest! {
        #[test]
        fn what_an_mboxrd_writer_quoted_reads_back_as_it_was(
            lines in prop::collection::vec(prop::collection::vec("(>{0,3}From |From:|>|)[ -~é]{0,30}", 0..8), 1..5), crlf: bool,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let sent: Vec<String> = lines.iter()
                .map(|lines| lines.iter().map(|line| format!("{line}{end}")).collect()).collect();
            let read = mails(written(&sent, end).into_bytes());
            prop_assert_eq!(read, sent.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(0u8..=255, 0..400)) {
            let mut mbox = b"From a Thu Apr 29 23:34:45 2015\n".to_vec();
            mbox.extend(&bytes);
            mails(mbox);
        }
    }

    #[test]
    fn from_lines_of_several_writers_are_known_and_sentences_are_not() {
        for line in [
            "From MAILER-DAEMON  Thu Apr 29 23:34:45 2015\n",
            "From - Thu Apr 29 23:34:45 2015\r\n",
            "From 1523@xxx Thu Apr 29 23:34:45 +0000 2015\n",
            "From user@shop.example.jp Thu Apr  9 03:04 2015\n",
            "From user@shop.example.jp 2015-04-29T23:34:45+09:00\n",
        ] {
            assert!(is_from_line(line.as_bytes()), "{line}");
        }
        for line in [
            "From here on, at 10:30 we wait\n",
            "From: a\n",
            "From 2015 to 2016\n",
            "from a Thu Apr 29 23:34:45 2015\n",
        ] {
            assert!(!is_from_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_from_line_without_a_blank_line_before_it_counts_when_a_header_follows() {
        let from = "From a  Thu Apr 29 23:34:45 2015\n";
        let mbox = format!("{from}Subject: 1\n\nx\n{from}Subject: 2\n\ntext\n{from}is no header\n");
        let read = mails(mbox.into_bytes());
        assert_eq!(read.len(), 2);
        assert!(read[1].ends_with(b"2015\nis no header\n"));
    }

    #[test]
    fn a_line_longer_than_a_piece_is_not_split_into_mails() {
        let long = "x".repeat(64 * 1024) + "From a  Thu Apr 29 23:34:45 2015\n";
        let mbox = format!("From a  Thu Apr 29 23:34:45 2015\nSubject: 1\n\n{long}\n");
        assert_eq!(
            mails(mbox.into_bytes()),
            [format!("Subject: 1\n\n{long}").into_bytes()]
        );
    }
}
