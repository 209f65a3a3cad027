//! Asks one resolver one question, and sorts out once what its answer means.
//!
//! hickory gives NXDOMAIN and an empty NOERROR as errors beside SERVFAIL and silence. Here the first two are an answer
//! without records, and only they: all else is a [`Failure`], which never says "not listed".
//! One [`Server`] for each resolver: several in one hickory resolver are asked at once and the fastest wins, which
//! gives a listing from one and a refusal from the other at random.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::check::settings::{Nameserver, Settings};
use crate::check::sound::Sound;
use crate::check::{Error, Failure};

/// Waited before a question is asked again for which no socket was free.
const PAUSE: Duration = Duration::from_millis(50);
const PUBLIC_RESOLVERS: &str = include_str!("public_resolvers.toml");

/// The records that came, none of them when the name or the type does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<T> {
    pub(crate) records: Vec<T>,
    pub(crate) ttl: Option<Duration>,
}

/// One resolver, and the bounds that all questions of a run share.
#[derive(Clone)]
pub(crate) struct Server {
    at: Nameserver,
    resolver: Resolver<Sound>,
    tries: NonZeroU32,
    open_questions: Arc<Semaphore>,
    deadline: Instant,
}

/// The resolvers to ask, in order.
pub(crate) fn servers(settings: &Settings) -> Result<Vec<Server>, Error> {
    let addresses = match settings.servers.as_slice() {
        [] => of_the_system()?,
        named => named.to_vec(),
    };
    let open_questions = Arc::new(Semaphore::new(settings.concurrency().get()));
    let deadline = Instant::now() + settings.total_time();
    let build = |at: Nameserver| {
        let resolver = resolver(at, settings).map_err(|source| Error::Resolver { at, source })?;
        Ok(Server {
            at,
            resolver,
            tries: settings.tries(),
            open_questions: Arc::clone(&open_questions),
            deadline,
        })
    };
    addresses.into_iter().map(build).collect()
}

/// A warning for each of these resolvers that blocklists are known to turn away.
pub(crate) fn warnings(servers: &[Server]) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct File {
        operator: Vec<Operator>,
    }
    #[derive(Deserialize)]
    struct Operator {
        name: String,
        addresses: Vec<IpAddr>,
    }
    let File { operator } = toml::from_str(PUBLIC_RESOLVERS).map_err(Error::PublicResolvers)?;
    let warning = |server: &Server| {
        let ip = server.at.0.ip().to_canonical();
        let operator = operator
            .iter()
            .find(|operator| operator.addresses.contains(&ip))?;
        let owner = &operator.name;
        Some(format!(
            "resolver {ip} is {owner}: blocklists turn public resolvers away; name one of your own with --dns"
        ))
    };
    Ok(servers.iter().filter_map(warning).collect())
}

fn of_the_system() -> Result<Vec<Nameserver>, Error> {
    let (config, _) = read_system_conf().map_err(Error::NoResolver)?;
    let address = |server: &NameServerConfig| {
        let port = server
            .connections
            .first()
            .map_or(53, |connection| connection.port);
        Nameserver((server.ip, port).into())
    };
    Ok(config.name_servers.iter().map(address).collect())
}

fn resolver(at: Nameserver, settings: &Settings) -> Result<Resolver<Sound>, NetError> {
    let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
    // Both, or an answer that was cut short would be fetched again at port 53.
    (udp.port, tcp.port) = (at.0.port(), at.0.port());
    let server = NameServerConfig::new(at.0.ip(), true, vec![udp, tcp]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let mut builder = Resolver::builder_with_config(config, Sound::default());
    let options = builder.options_mut();
    options.timeout = settings.timeout();
    options.attempts = usize::try_from(settings.tries().get() - 1).unwrap_or(usize::MAX);
    options.use_hosts_file = ResolveHosts::Never;
    options.num_concurrent_reqs = 1;
    // Every question of a run is another one: a cache would cost more than it saves.
    options.cache_size = 0;
    builder.build()
}

impl Server {
    pub(crate) fn name(&self) -> String {
        self.at.to_string()
    }

    pub(crate) fn out_of_time(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub(crate) async fn a(&self, name: &Name) -> Result<Found<Ipv4Addr>, Failure> {
        self.ask(name, RecordType::A, |data| match data {
            RData::A(a) => Some(a.0),
            _ => None,
        })
        .await
    }

    /// Addresses of the family of `like`.
    pub(crate) async fn addresses(&self, name: &Name, like: IpAddr) -> Result<Found<IpAddr>, Failure> {
        let kind = match like {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::AAAA,
        };
        self.ask(name, kind, |data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        })
        .await
    }

    /// Each record's strings joined with nothing between them (RFC 7208 §3.3 reads them so, and so do blocklists).
    pub(crate) async fn txt(&self, name: &Name) -> Result<Found<String>, Failure> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(printable(&txt.txt_data.concat())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn ptr(&self, ip: IpAddr) -> Result<Found<Name>, Failure> {
        self.ask(&Name::from(ip), RecordType::PTR, |data| match data {
            RData::PTR(ptr) => Some(ptr.0.clone()),
            _ => None,
        })
        .await
    }

    /// Preference and host of each.
    pub(crate) async fn mx(&self, name: &Name) -> Result<Found<(u16, Name)>, Failure> {
        self.ask(name, RecordType::MX, |data| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.clone())),
            _ => None,
        })
        .await
    }

    /// `pick` leaves out what was not asked for: the CNAMEs on the way are among the answers.
    async fn ask<T>(
        &self,
        name: &Name,
        kind: RecordType,
        pick: impl Fn(&RData) -> Option<T>,
    ) -> Result<Found<T>, Failure> {
        let lookup = match timeout_at(self.deadline, self.lookup(name, kind)).await {
            Err(_) => return Err(Failure::Timeout),
            Ok(Err(error)) => return nothing(&error),
            Ok(Ok(lookup)) => lookup,
        };
        let picked = lookup
            .answers()
            .iter()
            .filter_map(|record| Some((pick(&record.data)?, record.ttl)));
        let (records, ttls): (Vec<T>, Vec<u32>) = picked.unzip();
        let ttl = ttls
            .into_iter()
            .min()
            .map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Found { records, ttl })
    }

    async fn lookup(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<hickory_resolver::lookup::Lookup, NetError> {
        // Never closed, so the error cannot come; without a permit the question is asked all the same.
        let _permit = self.open_questions.acquire().await;
        let mut tries = self.tries.get();
        loop {
            let asked = self.resolver.lookup(name.clone(), kind).await;
            tries -= 1;
            match asked {
                // Not retried by hickory: no file descriptor was free for the socket, or the connection went away under the
                // question, which it says with a message ("receiver was canceled").
                Err(NetError::NoConnections | NetError::Busy | NetError::Message(_)) if tries > 0 => {
                    sleep(PAUSE).await;
                }
                asked => return asked,
            }
        }
    }
}

/// What an error says: that there is nothing, or that it is not known.
fn nothing<T>(error: &NetError) -> Result<Found<T>, Failure> {
    use ResponseCode::{FormErr, NXDomain, NoError, NotImp, Refused, ServFail};
    let code = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            if let NXDomain | NoError = none.response_code {
                let ttl = none
                    .negative_ttl
                    .map(|seconds| Duration::from_secs(seconds.into()));
                return Ok(Found {
                    records: Vec::new(),
                    ttl,
                });
            }
            none.response_code
        }
        NetError::Dns(DnsError::ResponseCode(code)) => *code,
        NetError::Timeout => return Err(Failure::Timeout),
        NetError::Proto(_) | NetError::ForeignClassRecord { .. } => {
            return Err(Failure::Unusable("malformed answer".into()));
        }
        NetError::Truncated => return Err(Failure::Unusable("answer cut short, and none over TCP".into())),
        NetError::NoConnections => return Err(Failure::Unusable("no connection to the resolver".into())),
        // The label alone: an error's own text may hold the name that was asked, and with it a customer's key.
        other => {
            return Err(Failure::Unusable(
                other.as_metrics_label().replace('_', " ").into(),
            ));
        }
    };
    Err(match code {
        ServFail => Failure::ServFail,
        Refused => Failure::Refused,
        FormErr => Failure::Unusable("FORMERR".into()),
        NotImp => Failure::Unusable("NOTIMP".into()),
        other => {
            let code = u16::from(other);
            Failure::Unusable(Cow::Owned(format!("DNS response code {code}")))
        }
    })
}

/// A stranger's text as one line without control characters.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.trim().to_owned()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.at).finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::check::resolver::{printable, servers, warnings};
    use crate::check::settings::Settings;

    #[tokio::test]
    async fn a_public_resolver_is_warned_of_by_name() {
        let settings = Settings {
            servers: ["127.0.0.1:5353", "8.8.8.8", "2620:fe::fe"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            ..Settings::default()
        };
        let warnings = warnings(&servers(&settings).unwrap()).unwrap();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].starts_with("resolver 8.8.8.8 is Google Public DNS: "),
            "{warnings:?}"
        );
        assert!(warnings[1].contains("Quad9"), "{warnings:?}");
    }

    #[test]
    fn control_characters_of_a_txt_record_are_gone() {
        assert_eq!(
            printable(b"\x1b[31mlisted,\nsee \xff \n"),
            "[31mlisted, see \u{fffd}"
        );
    }
}
