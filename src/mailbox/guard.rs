//! Watches the bytes under async-imap, which has no limit of its own: `{419430400}` without data keeps 400 MB and waits for
//! ever, and a line without an end is parsed anew every 4 KiB (8 MB take 18 s).
//!
//! It follows lines and literals (RFC 9051 §4.3), refuses what is longer than it should be, and a silence.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::tls::Wire;

/// An answer's line; a header field that a server quotes instead of sending it as a literal fits in.
const LINE_BYTES: usize = 64 * 1024;
/// Lines that grow with the mailbox: `* SEARCH …`, `* FLAGS …`.
const LONG_LINE_BYTES: usize = 16 * 1024 * 1024;
const LONG_LINES: [&[u8]; 4] = [b"* SEARCH", b"* FLAGS", b"* LIST", b"* OK [PERMANENTFLAGS"];
/// Untagged answers whose text may end in `}` and is no literal all the same.
const TEXT_LINES: [&[u8]; 5] = [b"* OK", b"* NO", b"* BAD", b"* BYE", b"* PREAUTH"];
/// Enough of a line's beginning to know it by, and of its end for `{4294967295+}` and CRLF.
const KNOWN_BY_BYTES: usize = 24;

/// Why the guard stepped in; async-imap passes it on inside an [`io::Error`].
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

/// A connection that is watched.
#[derive(Debug)]
pub(super) struct Guard {
    wire: Wire,
    /// The longest literal (all those of an answer together).
    pub(super) max_literal_bytes: u64,
    /// How long the server may say nothing.
    pub(super) silence: Duration,
    deadline: Option<Deadline>,
    waiting: Option<Pin<Box<Sleep>>>,
    scan: Scan,
    /// Found in bytes that are held back.
    tripped: Option<Tripped>,
}

/// When everything has to be over, however fast the server sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// The time that was given.
    pub(super) given: Duration,
}

#[derive(Debug, Default)]
struct Scan {
    literal_left: u64,
    literals: u64,
    line: usize,
    start: Vec<u8>,
    end: Vec<u8>,
    answers: u64,
}

impl Guard {
    pub(super) fn new(
        wire: Wire,
        max_literal_bytes: u64,
        silence: Duration,
        deadline: Option<Deadline>,
    ) -> Self {
        Self {
            wire,
            max_literal_bytes,
            silence,
            deadline,
            waiting: None,
            scan: Scan::default(),
            tripped: None,
        }
    }

    /// The connection, if exactly `answers` came through it and nothing after them: what a man in the middle sent ahead of
    /// the TLS handshake must not be taken for the server's word (the STARTTLS injection, CVE-2011-0411 and its kin).
    pub(super) fn into_wire(self, answers: u64) -> Option<Wire> {
        let at_rest = self.scan.line == 0 && self.scan.literal_left == 0;
        (at_rest && self.scan.answers == answers).then_some(self.wire)
    }

    /// A timer runs while a read or write waits, and starts anew with each.
    fn tired<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let now = Instant::now();
        let until = |silence| {
            let silent = now + silence;
            self.deadline.map_or(silent, |deadline| silent.min(deadline.at))
        };
        let silence = self.silence;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep_until(until(silence))));
        ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        self.in_time()?;
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            Tripped::Silence(silence),
        )))
    }

    fn in_time(&self) -> io::Result<()> {
        match self.deadline {
            Some(deadline) if deadline.at <= Instant::now() => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                Tripped::Deadline(deadline.given),
            )),
            Some(_) | None => Ok(()),
        }
    }
}

impl Scan {
    /// Gives how many of the bytes may go on: those before the line that is refused.
    fn see(&mut self, all: &[u8], cap: u64) -> (usize, Result<(), Tripped>) {
        let mut bytes = all;
        while !bytes.is_empty() {
            let skipped =
                usize::try_from(self.literal_left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.literal_left = self.literal_left.saturating_sub(skipped as u64);
            let rest = bytes.get(skipped..).unwrap_or_default();
            let line_end = memchr::memchr(b'\n', rest);
            let (piece, after) = rest
                .split_at_checked(line_end.map_or(rest.len(), |at| at + 1))
                .unwrap_or((rest, &[]));
            let mut seen = self.see_line(piece);
            if seen.is_ok() && line_end.is_some() {
                seen = self.end_of_line(cap);
            }
            if seen.is_err() {
                return (all.len() - rest.len(), seen);
            }
            bytes = after;
        }
        (all.len(), Ok(()))
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

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.in_time()?;
        if let Some(tripped) = this.tripped {
            return Poll::Ready(Err(io::Error::other(tripped)));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.wire).poll_read(cx, buffer) {
            Poll::Ready(result) => {
                this.waiting = None;
                result?;
                let new = buffer.filled().get(before..).unwrap_or_default();
                let (good, seen) = this.scan.see(new, this.max_literal_bytes);
                // What came before the fault is not lost with it. (Nothing at all would mean the end.)
                if let (Err(tripped), 1..) = (seen, good) {
                    buffer.set_filled(before + good);
                    this.tripped = Some(tripped);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(seen.map_err(io::Error::other))
            }
            Poll::Pending => this.tired(cx),
        }
    }
}

impl AsyncWrite for Guard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.wire).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.waiting = None;
                Poll::Ready(written)
            }
            Poll::Pending => this.tired(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.wire).poll_flush(cx) {
            Poll::Ready(flushed) => {
                this.waiting = None;
                Poll::Ready(flushed)
            }
            Poll::Pending => this.tired(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    use super::{Scan, Tripped};

    /// Sees `text` in pieces of `size` bytes.
    fn see(text: &[u8], size: usize, cap: u64) -> Result<u64, Tripped> {
        let mut scan = Scan::default();
        for piece in text.chunks(size) {
            scan.see(piece, cap).1?;
        }
        Ok(scan.answers)
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
