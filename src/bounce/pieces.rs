//! The pieces that a mail without its bodies is put together from.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mail_parser::{Encoding, Message, MessagePart};

/// Stands where something was taken out.
pub(super) const REMOVED: &str = "[body removed by bounceaudit]\n";

/// RFC 6522 §4
pub(super) const HEADERS_ONLY: &str = "text/rfc822-headers";
pub(super) const DECODED_HEADERS: &str = "text/rfc822-headers; charset=utf-8";
/// RFC 6533 §5
pub(super) const GLOBAL_HEADERS: &str = "message/global-headers";
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
pub(super) const OTHER: &str = "application/octet-stream";

/// What stands in the place of a part's header and body.
pub(super) enum Piece {
    /// Both as they are.
    Raw,
    New(Vec<u8>),
    /// Neither.
    Gone,
}

/// A part of a mail with its own header fields, but for its type, and another body.
pub(super) fn new_part(mail: &Message<'_>, part: &MessagePart<'_>, kind: &str, body: &[u8]) -> Piece {
    let header = mail
        .raw_message
        .get(part.offset_header as usize..part.offset_body as usize)
        .unwrap_or_default();
    let mut new = without_type(header);
    new.extend_from_slice(format!("Content-Type: {kind}\n").as_bytes());
    // what was encoded may hold lines that would be taken for delimiters, or for the next mail of an mbox
    let encoding = match part.encoding {
        Encoding::QuotedPrintable | Encoding::Base64 if kind != "message/rfc822" => "base64",
        Encoding::None | Encoding::QuotedPrintable | Encoding::Base64 if body.is_ascii() => "7bit",
        Encoding::None | Encoding::QuotedPrintable | Encoding::Base64 => "8bit",
    };
    new.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\n\n").as_bytes());
    if encoding != "base64" {
        new.extend_from_slice(body);
        return Piece::New(new);
    }
    for line in BASE64_STANDARD.encode(body).as_bytes().chunks(76) {
        new.extend_from_slice(line);
        new.push(b'\n');
    }
    Piece::New(new)
}

pub(super) fn is_report(kind: &str) -> bool {
    matches!(
        kind,
        "message/delivery-status"
            | "message/global-delivery-status"
            | "message/feedback-report"
            | "message/disposition-notification"
    )
}

/// The types of returned originals that are not taken apart.
pub(super) fn is_original(kind: &str) -> bool {
    matches!(
        kind,
        "text/rfc822-headers"
            | "text/rfc822-header"
            | "message/rfc822-headers"
            | "message/global-headers"
            | "text/rfc822"
            | "message/rfc822"
    )
}

/// A returned original's header, and what is behind it.
pub(super) fn halves(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(['\n', '\r']);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// A header without its body.
pub(super) fn returned(header: &[u8]) -> Vec<u8> {
    [header.trim_ascii_end(), b"\n\n", REMOVED.as_bytes()].concat()
}

/// The lines between two parts that belong there.
pub(super) fn between<'g>(gap: &'g [u8], delimiters: &[Vec<u8>]) -> Vec<&'g [u8]> {
    let belongs = |line: &&[u8]| {
        let line = line.trim_ascii_end();
        line.is_empty() || delimiters.iter().any(|delimiter| delimiter == line)
    };
    gap.split_inclusive(|byte| *byte == b'\n')
        .filter(belongs)
        .collect()
}

pub(super) fn append_line(kept: &mut Vec<u8>, line: &[u8]) {
    if !line.trim_ascii().is_empty() && kept.last().is_some_and(|last| *last != b'\n') {
        kept.push(b'\n');
    }
    kept.extend_from_slice(line);
}

/// A part's header fields but those that say how its body is to be read; without the empty line behind them.
fn without_type(header: &[u8]) -> Vec<u8> {
    const OF_TYPE: [&str; 2] = ["content-type", "content-transfer-encoding"];
    let mut kept = Vec::with_capacity(header.len());
    let mut is_dropped = false;
    for line in header.trim_ascii_end().split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line
                .split(|byte| *byte == b':')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            is_dropped = OF_TYPE.iter().any(|of| name.eq_ignore_ascii_case(of.as_bytes()));
        }
        if !is_dropped {
            kept.extend_from_slice(line);
        }
    }
    if kept.last().is_some_and(|last| *last != b'\n') {
        kept.push(b'\n');
    }
    kept
}
