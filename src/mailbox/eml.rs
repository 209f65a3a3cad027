//! Mails in files: what a file is by its content, and a file that holds one mail (`.eml`, a file of a Maildir).
//!
//! Lines end in LF, CRLF or a bare CR (old Mac exports); a byte order mark or blank lines may stand before the first header.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::path::Path;

use crate::event::{Gap, Place};

/// A mail in a file is cut after this: 4 GB of returned originals have to fit through little memory.
pub(super) const MAX_MAIL_BYTES: usize = 32 * 1024 * 1024;
/// As much is looked at to tell what a file is.
const HEAD_BYTES: u64 = 16 * 1024;
/// One of these in the first block makes a mail of a file whose first line is no header (a cut or pasted one).
const WELL_KNOWN: [&str; 10] = [
    "received",
    "from",
    "to",
    "date",
    "subject",
    "message-id",
    "return-path",
    "mime-version",
    "content-type",
    "delivered-to",
];

/// What a file is, and its bytes from the first that counts.
pub(super) enum Content {
    /// One mail.
    Mail(Box<dyn BufRead>),
    /// An mbox: its first line begins with `From `.
    Mbox(Box<dyn BufRead>),
    /// No byte, or nothing but blank lines.
    Empty,
    /// Something else.
    NoMail,
}

/// Looks at the head of what `reader` gives.
pub(super) fn content(mut reader: impl BufRead + 'static) -> io::Result<Content> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    let start = start_of(&head);
    let head = head.split_off(start);
    // Sisimai's `mac/` copies of bounces end each line in CR alone; a mail of today has an LF long before 16 KiB.
    let bare_cr = head.contains(&b'\r') && !head.contains(&b'\n');
    let text: Vec<u8> = match bare_cr {
        true => head.iter().map(|&byte| cr_to_lf(byte)).collect(),
        false => head.clone(),
    };
    let reader: Box<dyn BufRead> = match bare_cr {
        true => Box::new(io::BufReader::new(CrToLf(joined(head, reader)))),
        false => Box::new(joined(head, reader)),
    };
    Ok(match text.as_slice() {
        [] => Content::Empty,
        text if text.starts_with(b"From ") => Content::Mbox(reader),
        text if begins_with_header(text) => Content::Mail(reader),
        _no_header => Content::NoMail,
    })
}

/// Whether a file among others, whose name does not say that it is a mail, is one beyond doubt.
pub(super) fn is_surely_mail(head: &[u8]) -> bool {
    head.starts_with(b"From ") || has_well_known_header(head)
}

/// Whether this is the beginning of a mail.
pub(super) fn begins_with_header(text: &[u8]) -> bool {
    is_header_line(text) || has_well_known_header(text)
}

/// Reads one mail; true when it is longer than [`MAX_MAIL_BYTES`] and was cut.
pub(super) fn read_mail(reader: &mut dyn BufRead) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_MAIL_BYTES).unwrap_or(u64::MAX);
    Read::take(&mut *reader, most).read_to_end(&mut bytes)?;
    let cut = bytes.len() == MAX_MAIL_BYTES && !reader.fill_buf()?.is_empty();
    Ok((bytes, cut))
}

/// `Subject: x`, `Return-path : <>` (a blank before the colon is obsolete syntax, RFC 5322 §4.5).
pub(super) fn is_header_line(line: &[u8]) -> bool {
    header_name(line).is_some()
}

/// A file that cannot be read, or holds no mail.
pub(super) fn gap(path: &Path, why: impl Into<String>) -> Gap {
    Gap {
        at: Place::Path(path.to_owned()),
        why: why.into(),
    }
}

fn start_of(head: &[u8]) -> usize {
    let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let blank = head
        .iter()
        .skip(mark)
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    mark + blank.count()
}

fn has_well_known_header(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .filter_map(header_name)
        .any(|name| {
            WELL_KNOWN
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        })
}

fn header_name(line: &[u8]) -> Option<&[u8]> {
    let mut parts = line.splitn(2, |&byte| byte == b':');
    let name = parts.next()?.trim_ascii_end();
    parts.next()?;
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!name.is_empty() && name.iter().all(token)).then_some(name)
}

fn joined<R: BufRead>(head: Vec<u8>, rest: R) -> Chain<Cursor<Vec<u8>>, R> {
    Cursor::new(head).chain(rest)
}

fn cr_to_lf(byte: u8) -> u8 {
    if byte == b'\r' { b'\n' } else { byte }
}

struct CrToLf<R>(R);

impl<R: Read> Read for CrToLf<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        for byte in buffer.iter_mut().take(read) {
            *byte = cr_to_lf(*byte);
        }
        Ok(read)
    }
}
