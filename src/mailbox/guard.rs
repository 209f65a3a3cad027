//! Watches the bytes under async-imap, which has no limit of its own: `{419430400}` without data keeps 400 MB and waits for
//! ever, and a line without an end is parsed anew every 4 KiB (8 MB take 18 s).
//!
//! It ends a silence and what takes too long; what the bytes say is looked at by `sift`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::sift::{Sift, Tripped};
use super::tls::Wire;

/// As much as TLS gives at a time.
const CHUNK_BYTES: usize = 16 * 1024;

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
    sift: Sift,
    /// What came last.
    chunk: Box<[u8]>,
    /// What of it may go on.
    ready: Vec<u8>,
    gone_on: usize,
    /// Found behind what is ready.
    tripped: Option<Tripped>,
}

/// When everything has to be over, however fast the server sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// The time that was given.
    pub(super) given: Duration,
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
            sift: Sift::default(),
            chunk: vec![0; CHUNK_BYTES].into(),
            ready: Vec::new(),
            gone_on: 0,
            tripped: None,
        }
    }

    /// The connection, if exactly `answers` came through it and nothing after them: what a man in the middle sent ahead of
    /// the TLS handshake must not be taken for the server's word (the STARTTLS injection, CVE-2011-0411 and its kin).
    pub(super) fn into_wire(self, answers: u64) -> Option<Wire> {
        self.sift.is_at_rest_after(answers).then_some(self.wire)
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

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            this.in_time()?;
            let ready = this.ready.get(this.gone_on..).unwrap_or_default();
            let some = ready.get(..buffer.remaining()).unwrap_or(ready);
            if !some.is_empty() {
                buffer.put_slice(some);
                this.gone_on += some.len();
                return Poll::Ready(Ok(()));
            }
            // What came before the fault is not lost with it.
            if let Some(tripped) = this.tripped {
                return Poll::Ready(Err(io::Error::other(tripped)));
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            let Poll::Ready(read) = Pin::new(&mut this.wire).poll_read(cx, &mut chunk) else {
                return this.tired(cx);
            };
            this.waiting = None;
            read?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            (this.gone_on, this.tripped) = (0, None);
            this.ready.clear();
            let seen = this
                .sift
                .see(chunk.filled(), this.max_literal_bytes, &mut this.ready);
            this.tripped = seen.err();
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
