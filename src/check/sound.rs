//! Takes for an answer only what answers the question: the rest would read as "no such record", and that as not listed.
//!
//! What cannot be read, hickory-net 0.26 refuses itself over UDP. It lets pass what is refused here: over TCP it compares
//! the ID alone (`xfer/dns_multiplexer.rs`), and hickory-resolver takes records of another name, and a circle of aliases,
//! for no records (`caching_client.rs`, `handle_noerror`).

use std::net::IpAddr;

use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use futures::stream::{BoxStream, StreamExt};
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::op::{DnsRequest, DnsResponse, Message, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};
use hickory_resolver::{ConnectionProvider, PoolContext};

/// Opens connections whose answers are looked at.
#[derive(Clone, Default)]
pub(crate) struct Sound(TokioRuntimeProvider);

impl ConnectionProvider for Sound {
    type Conn = Connection;
    type FutureConn = BoxFuture<'static, Result<Connection, NetError>>;
    type RuntimeProvider = TokioRuntimeProvider;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        context: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        let opened = self.0.new_connection(ip, config, context)?;
        Ok(opened.map_ok(Connection).boxed())
    }

    fn runtime_provider(&self) -> &TokioRuntimeProvider {
        &self.0
    }
}

/// A connection to a resolver.
#[derive(Clone)]
pub(crate) struct Connection(DnsExchange<TokioRuntimeProvider>);

impl DnsHandle for Connection {
    type Response = BoxStream<'static, Result<DnsResponse, NetError>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let asked = request.queries.clone();
        let answers = self.0.send(request);
        answers.map(move |answer| sound(answer?, &asked)).boxed()
    }
}

fn sound(answer: DnsResponse, asked: &[Query]) -> Result<DnsResponse, NetError> {
    let malformed = |what| Err(NetError::Proto(ProtoError::Message(what)));
    let (Some(query), true) = (asked.first(), answer.queries == asked) else {
        return malformed("it answers another question");
    };
    if answer.op_code != OpCode::Query {
        return malformed("it answers no query");
    }
    match answer.response_code {
        // With records beside it hickory takes it for a good answer.
        code @ ResponseCode::Unknown(_) => return Err(DnsError::ResponseCode(code).into()),
        // Cut short: it is fetched again over TCP.
        _ if answer.truncation => return Ok(answer),
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        _ => return Ok(answer),
    }
    if answer.answers.is_empty() {
        // Counted as no answer, and there all the same.
        return match answer.contains_answer() || has_more(&answer) {
            true => malformed("its counts are wrong"),
            false => Ok(answer),
        };
    }
    if answer.answers.iter().all(|record| &record.name != query.name()) {
        return malformed("it is about another name");
    }
    let Some(name) = end_of_aliases(query.name(), &answer.answers) else {
        return malformed("its aliases run in a circle");
    };
    let is_wanted = |record: &Record| &record.name == name && record.record_type() == query.query_type();
    if answer.response_code == ResponseCode::NXDomain && answer.answers.iter().any(is_wanted) {
        return malformed("it has records of a name that does not exist");
    }
    Ok(answer)
}

/// Whether bytes follow the last record that the header counts.
fn has_more(answer: &DnsResponse) -> bool {
    let mut decoder = BinDecoder::new(answer.as_buffer());
    Message::read(&mut decoder).is_err() || !decoder.is_empty()
}

/// The name that the aliases (RFC 1034 §3.6.2) lead to, unless they come back to one that they left.
fn end_of_aliases<'a>(mut name: &'a Name, records: &'a [Record]) -> Option<&'a Name> {
    let next = |name: &Name| {
        records.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if &record.name == name => Some(&alias.0),
            _ => None,
        })
    };
    // Each alias is left once.
    for _ in 0..=records.len() {
        match next(name) {
            Some(alias) => name = alias,
            None => return Some(name),
        }
    }
    None
}
