//! A resolver whose answers are none: what broken servers and boxes on the way send in their place.
//!
//! About 203.0.113.0/24 each zone gets one wrong in its own way. All else is answered as by a list that is well: its test
//! entry is listed, and nobody else.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType, rdata};

use super::faulty::{Faulty, answer};

/// One zone.
pub(crate) struct Row {
    pub(crate) zone: &'static str,
    /// The word in the column `result`.
    pub(crate) result: &'static str,
    wrong: Wrong,
}

impl Row {
    /// Whether a result is the row's. Under load hickory was seen to end a wait for a better answer with a message of its
    /// own in place of its timeout: an error, which clears nobody either.
    pub(crate) fn allows(&self, result: &str) -> bool {
        result == self.result || (self.result == "timeout" && result == "error")
    }
}

#[derive(Clone, Copy)]
enum Wrong {
    /// This in place of a datagram that lists the address.
    Udp(fn(&Message) -> Vec<u8>),
    /// A datagram that was cut short, as it should be, and this when the question comes again over TCP.
    Tcp(fn(&Message, &mut TcpStream) -> io::Result<()>),
}

use Wrong::{Tcp, Udp};

const fn row(zone: &'static str, result: &'static str, wrong: Wrong) -> Row {
    Row { zone, result, wrong }
}

/// What may be forged is not taken for an answer: it must have the ID and the question that were sent (RFC 5452 §9.1), so
/// hickory waits on (hickory-net 0.26, `udp/udp_client_stream.rs`). Nothing tells then whether it was an attack or the
/// only answer there will be, as where an old server says FORMERR to EDNS with its header alone.
pub(crate) const FORGED: [Row; 11] = [
    row(
        "garbage.example",
        "timeout",
        Udp(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ),
    row("empty.example", "timeout", Udp(|_| Vec::new())),
    row(
        "one-byte.example",
        "timeout",
        Udp(|query| listed(query)[..1].to_vec()),
    ),
    row(
        "other-id.example",
        "timeout",
        Udp(|query| with(listed(query), |bytes| bytes[0] ^= 1)),
    ),
    row(
        "other-name.example",
        "timeout",
        Udp(|query| listed(&about_another_name(query))),
    ),
    row(
        "other-type.example",
        "timeout",
        Udp(|query| {
            listed(&asking(query, |query| {
                query.queries[0].set_query_type(RecordType::TXT);
            }))
        }),
    ),
    row(
        "other-class.example",
        "timeout",
        Udp(|query| {
            listed(&asking(query, |query| {
                query.queries[0].set_query_class(DNSClass::CH);
            }))
        }),
    ),
    row(
        "two-questions.example",
        "timeout",
        Udp(|query| {
            listed(&asking(query, |query| {
                query.queries.push(query.queries[0].clone())
            }))
        }),
    ),
    row(
        "formerr-without-question.example",
        "timeout",
        Udp(|query| header_alone(query, ResponseCode::FormErr)),
    ),
    row(
        "nxdomain-without-question.example",
        "timeout",
        Udp(|query| header_alone(query, ResponseCode::NXDomain)),
    ),
    row(
        "noerror-without-question.example",
        "timeout",
        Udp(|query| header_alone(query, ResponseCode::NoError)),
    ),
];

/// With the right ID, and over UDP: no answer to the question.
pub(crate) const MALFORMED: [Row; 22] = [
    row(
        "id-alone.example",
        "error",
        Udp(|query| listed(query)[..2].to_vec()),
    ),
    row(
        "half-a-header.example",
        "error",
        Udp(|query| listed(query)[..7].to_vec()),
    ),
    row(
        "header-that-counts.example",
        "error",
        Udp(|query| listed(query)[..12].to_vec()),
    ),
    row(
        "half-a-question.example",
        "error",
        Udp(|query| listed(query)[..20].to_vec()),
    ),
    row(
        "half-a-record.example",
        "error",
        Udp(|query| cut(listed(query), 3)),
    ),
    row(
        "pointer-beyond-the-end.example",
        "error",
        Udp(|query| owner(listed(query), [0xff, 0xff])),
    ),
    row(
        "pointer-to-itself.example",
        "error",
        Udp(|query| {
            let bytes = listed(query);
            let at = (bytes.len() - RECORD) as u8;
            owner(bytes, [0xc0, at])
        }),
    ),
    row(
        "rdlength-0.example",
        "error",
        Udp(|query| rdlength(cut(listed(query), 4), 0)),
    ),
    row(
        "rdlength-3.example",
        "error",
        Udp(|query| rdlength(cut(listed(query), 1), 3)),
    ),
    row(
        "rdlength-5.example",
        "error",
        Udp(|query| rdlength([listed(query), vec![0]].concat(), 5)),
    ),
    row(
        "no-response.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[2] &= !0x80)),
    ),
    row(
        "the-question-itself.example",
        "error",
        Udp(|query| query.to_vec().unwrap()),
    ),
    row(
        "notify.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[2] |= 4 << 3)),
    ),
    row(
        "nine-records.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[7] = 9)),
    ),
    row(
        "no-record.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[7] = 0)),
    ),
    row(
        "record-elsewhere.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes.swap(7, 11))),
    ),
    row(
        "record-of-another-name.example",
        "error",
        Udp(|query| {
            answer(query, &[code(&about_another_name(query))])
                .to_vec()
                .unwrap()
        }),
    ),
    row(
        "record-of-another-class.example",
        "error",
        Udp(|query| {
            let mut record = code(query);
            record.dns_class = DNSClass::CH;
            answer(query, &[record]).to_vec().unwrap()
        }),
    ),
    row(
        "nxdomain-with-a-record.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[3] |= 3)),
    ),
    row(
        "code-11-with-a-record.example",
        "error",
        Udp(|query| with(listed(query), |bytes| bytes[3] |= 11)),
    ),
    row(
        "code-11.example",
        "error",
        Udp(|query| with(answer(query, &[]).to_vec().unwrap(), |bytes| bytes[3] |= 11)),
    ),
    row(
        "alias-of-itself.example",
        "error",
        Udp(|query| {
            let name = query.queries[0].name();
            let alias = Record::from_rdata(name.clone(), 60, RData::CNAME(rdata::CNAME(name.clone())));
            answer(query, &[alias]).to_vec().unwrap()
        }),
    ),
];

/// After an answer that was cut short, over TCP. Nobody forges that easily, but what it cannot read, and an answer with
/// another ID, hickory drops there too and waits (hickory-net 0.26, `xfer/dns_multiplexer.rs`), which is not to be told from
/// silence. A connection that ends without an answer is.
pub(crate) const OVER_TCP: [Row; 10] = [
    row("tcp-closed.example", "error", Tcp(|_, stream| close(stream))),
    row(
        "tcp-half-a-message.example",
        "error",
        Tcp(|query, stream| {
            stream.write_all(&framed(&listed(query))[..20])?;
            close(stream)
        }),
    ),
    row(
        "tcp-garbage-and-closed.example",
        "error",
        Tcp(|_, stream| {
            send(stream, b"nothing of the DNS")?;
            close(stream)
        }),
    ),
    row(
        "tcp-cut-again.example",
        "error",
        Tcp(|query, stream| send(stream, &cut_short(query))),
    ),
    row(
        "tcp-other-name.example",
        "error",
        Tcp(|query, stream| send(stream, &listed(&about_another_name(query)))),
    ),
    row("tcp-nothing.example", "timeout", Tcp(|_, _| Ok(()))),
    row(
        "tcp-garbage.example",
        "timeout",
        Tcp(|_, stream| send(stream, b"nothing of the DNS")),
    ),
    row(
        "tcp-half-a-header.example",
        "timeout",
        Tcp(|query, stream| send(stream, &listed(query)[..7])),
    ),
    row(
        "tcp-rdlength-3.example",
        "timeout",
        Tcp(|query, stream| send(stream, &rdlength(cut(listed(query), 1), 3))),
    ),
    row(
        "tcp-other-id.example",
        "timeout",
        Tcp(|query, stream| send(stream, &with(listed(query), |bytes| bytes[0] ^= 1))),
    ),
];

/// Whether a zone's test is answered well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Good,
    #[allow(dead_code, reason = "not every test has zones without a good answer")]
    Wrong,
}

/// A resolver for these zones. Those over TCP want one each: who closes a connection closes it for all that is asked there.
pub(crate) fn start(rows: &[&'static Row], test: Test) -> Faulty {
    let rows = rows.to_vec();
    let wrong = move |query: &Message| {
        let name = name(query);
        let row = rows
            .iter()
            .find(|row| name.ends_with(&format!(".{}.", row.zone)))?;
        (test == Test::Wrong || name.contains(".113.0.203.")).then_some(row.wrong)
    };
    let over_tcp = wrong.clone();
    let datagram = move |query: &Message| {
        Some(match wrong(query) {
            Some(Udp(wrong)) => wrong(query),
            Some(Tcp(_)) => cut_short(query),
            None => good(query),
        })
    };
    Faulty::bytes(datagram, move |query, stream| match over_tcp(query) {
        Some(Tcp(wrong)) => wrong(query, stream),
        Some(Udp(wrong)) => send(stream, &wrong(query)),
        None => send(stream, &good(query)),
    })
}

fn good(query: &Message) -> Vec<u8> {
    match name(query).starts_with("2.0.0.127.") {
        true => listed(query),
        false => answer(query, &[]).to_vec().unwrap(),
    }
}

/// In small letters: resolvers write some of them large.
fn name(query: &Message) -> String {
    query.queries[0].name().to_ascii().to_ascii_lowercase()
}

/// Octets of a record with an address whose name is a pointer (RFC 1035 §4.1.3, §4.1.4).
const RECORD: usize = 2 + 2 + 2 + 4 + 2 + 4;

fn code(query: &Message) -> Record {
    let code = RData::A(rdata::A::new(127, 0, 0, 2));
    Record::from_rdata(query.queries[0].name().clone(), 60, code)
}

/// An answer that lists, its record last.
fn listed(query: &Message) -> Vec<u8> {
    answer(query, &[code(query)]).to_vec().unwrap()
}

fn cut_short(query: &Message) -> Vec<u8> {
    let mut cut = answer(query, &[]);
    cut.metadata.truncation = true;
    cut.to_vec().unwrap()
}

fn header_alone(query: &Message, code: ResponseCode) -> Vec<u8> {
    let mut header = answer(query, &[]);
    header.queries.clear();
    header.metadata.response_code = code;
    header.to_vec().unwrap()
}

fn asking(query: &Message, change: impl FnOnce(&mut Message)) -> Message {
    let mut query = query.clone();
    change(&mut query);
    query
}

fn about_another_name(query: &Message) -> Message {
    asking(query, |query| {
        query.queries[0].set_name(Name::from_ascii("another.example.").unwrap());
    })
}

fn with(mut bytes: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut bytes);
    bytes
}

fn cut(bytes: Vec<u8>, last: usize) -> Vec<u8> {
    bytes[..bytes.len() - last].to_vec()
}

/// Of the one record.
fn owner(bytes: Vec<u8>, pointer: [u8; 2]) -> Vec<u8> {
    let at = bytes.len() - RECORD;
    with(bytes, |bytes| bytes[at..at + 2].copy_from_slice(&pointer))
}

/// Of a record whose data are that long.
fn rdlength(bytes: Vec<u8>, length: u8) -> Vec<u8> {
    let at = bytes.len() - usize::from(length) - 1;
    with(bytes, |bytes| bytes[at] = length)
}

/// A message behind its length (RFC 1035 §4.2.2).
fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u16).to_be_bytes();
    [&length, message].concat()
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    stream.write_all(&framed(message))
}

fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Both)
}
