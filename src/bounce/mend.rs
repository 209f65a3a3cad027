//! A mail's structure, before mail-parser takes it apart: bounds for what strangers nest, a boundary where none is named.
//!
//! mail-parser (0.11) looks to the mail's end for each boundary that stands nowhere and through all parameters for each
//! one of a field (squares of the mail's length), and drops mails in mails one inside the other (at some hundred
//! thousand of them the stack is used up and the program ends).

use std::collections::HashMap;

use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::bounce::charset;

/// Multiparts whose boundary does not follow: a mail is cut at the next one.
const MAX_LOST: usize = 100;

/// Mails in a mail: it is cut at the next one. A mailbox of bounces attached one by one has fewer.
const MAX_MAILS: usize = 10_000;

/// Lines that look like delimiters in a mail of parts: it is cut at the next one. Each part costs some hundred bytes of
/// memory, and 64 MB may hold nine million of them.
const MAX_DELIMITERS: usize = 100_000;

/// Mails in transfer encodings that are decoded inside one another; mail-parser goes no further.
const MAX_ENCODED: usize = 3;

/// Bytes of a Content-Type or Content-Disposition: before a longer one a mail is cut.
const MAX_FIELD: usize = 16 * 1024;

/// Bytes of a body in which its first delimiter stands.
const MAX_PREAMBLE: usize = 4096;

/// The mail as far as it can be taken apart in a time and a stack that its length bounds.
pub(super) fn bounded(mail: &[u8]) -> &[u8] {
    bounded_inside(mail, MAX_ENCODED)
}

fn bounded_inside(mail: &[u8], depth: usize) -> &[u8] {
    let types = content_types(mail);
    let has_parts = types.iter().any(|(_, kind)| matches!(kind, Kind::Multipart(_)));
    let too_many = has_parts.then(|| memchr::memmem::find_iter(mail, b"\n--").nth(MAX_DELIMITERS));
    let mail = too_many.flatten().and_then(|at| mail.get(..=at)).unwrap_or(mail);
    let mut lost = 0;
    let mut mails = 0;
    let is_multipart = |kind: &&Kind<'_>| matches!(kind, Kind::Multipart(_));
    let has_many = types.iter().map(|(_, kind)| kind).filter(is_multipart).count() > MAX_LOST;
    let last = if has_many {
        last_delimiters(mail)
    } else {
        HashMap::new()
    };
    for (at, kind) in &types {
        let ends = match kind {
            Kind::Endless => true,
            Kind::Multipart(boundary) => {
                let follows = boundary
                    .and_then(|boundary| last.get(boundary))
                    .is_some_and(|last| last > at);
                lost += usize::from(has_many && !follows);
                lost > MAX_LOST
            }
            Kind::Mail => {
                mails += 1;
                mails > MAX_MAILS
                    || depth > 0 && !is_bounded_encoded(mail.get(*at..).unwrap_or_default(), depth)
            }
        };
        if ends {
            return mail.get(..*at).unwrap_or(mail);
        }
    }
    mail
}

/// Whether a mail in a transfer encoding, if it is in one, need not be cut; `part` begins in its header.
fn is_bounded_encoded(part: &[u8], depth: usize) -> bool {
    let end = memchr::memmem::find(part, b"\n\n").unwrap_or(part.len());
    let (header, body) = part.split_at(end);
    let header = header.get(..MAX_FIELD).unwrap_or(header).to_ascii_lowercase();
    let says = |word: &[u8]| memchr::memmem::find(&header, word).is_some();
    if !says(b"content-transfer-encoding") {
        return true;
    }
    let body = body
        .get(..memchr::memmem::find(body, b"\n--").unwrap_or(body.len()))
        .unwrap_or(body);
    let decoded = match (says(b"base64"), says(b"quoted-printable")) {
        (true, _) => charset::base64(body),
        (_, true) => quoted_printable_decode(body).unwrap_or_default(),
        (false, false) => return true,
    };
    bounded_inside(&decoded, depth - 1).len() == decoded.len()
}

enum Kind<'m> {
    /// With its boundary.
    Multipart(Option<&'m [u8]>),
    Mail,
    /// A field beyond all measure.
    Endless,
}

/// Each field that opens a structure, with its place.
fn content_types(mail: &[u8]) -> Vec<(usize, Kind<'_>)> {
    let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', mail).map(|at| at + 1));
    let found = starts.filter_map(|at| {
        let line = mail.get(at..)?;
        let value = content_type(line).or_else(|| field(line, b"content-disposition"))?;
        if value.len() >= MAX_FIELD {
            return Some((at, Kind::Endless));
        }
        let begins = |name: &str| {
            value
                .get(..name.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
        };
        if begins("multipart/") {
            return Some((at, Kind::Multipart(boundary(value))));
        }
        begins("message/").then_some((at, Kind::Mail))
    });
    found.collect()
}

/// The value of the Content-Type that some bytes begin with.
fn content_type(line: &[u8]) -> Option<&[u8]> {
    field(line, b"content-type")
}

/// The value of a field that some bytes begin with, its folded lines among it, as far as it is read.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    // most lines are told by their first byte
    line.first().filter(|first| first.eq_ignore_ascii_case(&b'c'))?;
    line.get(..name.len())
        .filter(|head| head.eq_ignore_ascii_case(name))?;
    let value = line.get(name.len()..)?;
    let value = value.get(..MAX_FIELD * 2).unwrap_or(value);
    let value = value.trim_ascii_start().strip_prefix(b":")?;
    let ends = |at: &usize| !value.get(at + 1).is_some_and(|next| matches!(next, b' ' | b'\t'));
    let end = memchr::memchr_iter(b'\n', value)
        .find(ends)
        .unwrap_or(value.len());
    Some(value.get(..end)?.trim_ascii())
}

fn boundary(value: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"boundary";
    let at = value
        .windows(NAME.len())
        .position(|name| name.eq_ignore_ascii_case(NAME))?;
    let value = value
        .get(at + NAME.len()..)?
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let quoted = value.strip_prefix(b"\"");
    let ends = |byte: &u8| match quoted {
        Some(_) => *byte == b'"',
        None => *byte == b';' || byte.is_ascii_whitespace(),
    };
    let value = quoted.unwrap_or(value);
    let end = value.iter().position(ends).unwrap_or(value.len());
    value.get(..end)
}

/// Where each line that looks like a delimiter (RFC 2046 §5.1.1) stands last, by what stands behind its hyphens.
fn last_delimiters(mail: &[u8]) -> HashMap<&[u8], usize> {
    let lines = memchr::memmem::find_iter(mail, b"\n--");
    let line = |at: usize| {
        let line = mail.get(at + 3..)?;
        let line = line
            .get(..memchr::memchr(b'\n', line).unwrap_or(line.len()))?
            .trim_ascii_end();
        Some((line.strip_suffix(b"--").unwrap_or(line), at))
    };
    lines.filter_map(line).collect()
}

/// The mail with a boundary in its header, where that names none or another one and the parts follow all the same:
/// gateways lose the parameter, or add a second Content-Type.
pub(super) fn with_boundary(mail: &[u8]) -> Option<Vec<u8>> {
    let (header, body) = mail.split_at_checked(memchr::memmem::find(mail, b"\n\n")? + 1)?;
    let delimiter = first_delimiter(body)?;
    let types = content_types(header);
    let multiparts: Vec<Option<&[u8]>> = types
        .iter()
        .filter_map(|(_, kind)| match kind {
            Kind::Multipart(boundary) => Some(*boundary),
            Kind::Mail | Kind::Endless => None,
        })
        .collect();
    let fields = header.split_inclusive(|byte| *byte == b'\n');
    let count = fields.clone().filter(|line| content_type(line).is_some()).count();
    // without any word of parts, a body that begins with them must be meant
    let is_meant =
        !multiparts.is_empty() || body.trim_ascii_start().starts_with(&[b"--", delimiter].concat());
    let is_there = |boundary: &&[u8]| memchr::memmem::find(body, &[b"\n--", *boundary].concat()).is_some();
    let is_right = count == 1 && multiparts.iter().flatten().any(is_there);
    if is_right || !is_meant {
        return None;
    }
    let mut mended = Vec::with_capacity(mail.len() + 200);
    let mut dropped = false;
    for line in fields {
        dropped = content_type(line).is_some()
            || dropped && line.starts_with(b" ")
            || dropped && line.starts_with(b"\t");
        if !dropped {
            mended.extend_from_slice(line);
        }
    }
    mended.extend_from_slice(b"Content-Type: multipart/report; boundary=\"");
    mended.extend(delimiter.iter().filter(|byte| !matches!(byte, b'"' | b'\\')));
    mended.extend_from_slice(b"\"\n");
    mended.extend_from_slice(body);
    Some(mended)
}

/// The first line of a body that begins with two hyphens and has a part's header below it.
fn first_delimiter(body: &[u8]) -> Option<&[u8]> {
    let head = body.get(..MAX_PREAMBLE).unwrap_or(body);
    memchr::memmem::find_iter(head, b"\n--").find_map(|at| {
        let rest = body.get(at + 3..)?;
        let end = memchr::memchr(b'\n', rest)?;
        let (delimiter, below) = rest.split_at_checked(end)?;
        let below = below.get(1..)?;
        let has_header = below
            .get(..8)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"content-"));
        let delimiter = delimiter.trim_ascii_end();
        (has_header && !delimiter.is_empty() && delimiter.len() <= 70).then_some(delimiter)
    })
}

#[cfg(test)]
mod tests {
    use crate::bounce::mend::{MAX_DELIMITERS, MAX_LOST, MAX_MAILS, bounded, with_boundary};

    #[test]
    fn a_mail_is_cut_where_its_nesting_has_no_end() {
        let lost = |many: usize| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n{}",
                "Content-Type: multipart/mixed; boundary=zz\n\n--b\n".repeat(many)
            )
        };
        let kept = lost(MAX_LOST);
        assert_eq!(bounded(kept.as_bytes()).len(), kept.len());
        let cut = lost(MAX_LOST * 2);
        assert_eq!(bounded(cut.as_bytes()).len(), kept.len());
        let long = format!("Content-Type: text/plain{}\n\nx\n", ";a*0=b".repeat(10_000));
        assert_eq!(bounded(format!("A: b\n{long}").as_bytes()), b"A: b\n");
        let parts = |many: usize| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\n{}",
                "\n--b\n".repeat(many)
            )
        };
        let (most, more) = (parts(MAX_DELIMITERS), parts(MAX_DELIMITERS + 7));
        assert_eq!(bounded(more.as_bytes()).len(), most.len() + 1);
        let nested = "Content-Type: message/rfc822\n\n".repeat(MAX_MAILS + 1);
        assert_eq!(bounded(nested.as_bytes()).len(), nested.len() - 30);
    }

    #[test]
    fn many_parts_of_well_formed_mails_stay() {
        let one = "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/report;\n\tboundary=\"c\"\n\n--c\n\nx\n--c--\n\n";
        let mail = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
            one.repeat(1000)
        );
        assert_eq!(bounded(mail.as_bytes()).len(), mail.len());
    }

    #[test]
    fn a_boundary_that_is_not_named_is_seen() {
        let parts = "\n--x y\nContent-Type: text/plain\n\nhi\n--x y--\n";
        for header in [
            "Content-Type: multipart/report\n",
            "Content-Type: multipart/report; boundary=\"zz\"\n",
            "Content-Type: multipart/report;\n boundary=\"x y\"\nContent-Type: text/plain\n",
            "",
        ] {
            let mended = with_boundary(format!("A: b\n{header}{parts}").as_bytes()).unwrap();
            let want = format!("A: b\nContent-Type: multipart/report; boundary=\"x y\"\n{parts}");
            assert_eq!(String::from_utf8(mended).unwrap(), want, "{header}");
        }
        for right in [
            format!("Content-Type: multipart/report; boundary=\"x y\"\n{parts}"),
            format!("Content-Type: text/plain\n\nI got this:\n{parts}"),
            "A: b\n\n-- \nContent\n".to_owned(),
        ] {
            assert_eq!(with_boundary(right.as_bytes()), None, "{right}");
        }
    }
}
