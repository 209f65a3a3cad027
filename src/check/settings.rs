//! What the user may set about asking the DNS: options, environment, and `[dns]` in the configuration file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Deserializer, de};

use crate::check::key::KeySource;
use crate::event::Zone;

/// Port of DNS over UDP and TCP (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;
/// Short, because a lost datagram costs all of it once a server has said "no" often enough: hickory adds 150 ms to
/// its round trip for each NXDOMAIN, and blocklists say little else.
const TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// More in flight brings nothing and costs a socket each.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
const PER_ZONE: NonZeroUsize = NonZeroUsize::new(8).unwrap();
const TOTAL_TIME: Duration = Duration::from_secs(60);
/// Enough for the zones not to be asked all at the same moment; whoever runs many of these from cron wants seconds.
const JITTER: Duration = Duration::from_millis(20);

/// How and whom to ask. An option wins over the environment, that over the file, that over the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[group(skip)]
pub struct Settings {
    /// Resolver to ask, repeatable; the next is asked when one fails or is refused [default: the system's]
    #[arg(
        long = "dns",
        env = "BOUNCEAUDIT_DNS",
        value_name = "IP[:PORT]",
        value_delimiter = ','
    )]
    pub servers: Vec<Nameserver>,
    /// Ask no DNS at all
    #[arg(long)]
    pub no_dns: bool,
    /// Ask this blocklist zone, repeatable, and no others
    #[arg(hide_short_help = true, long = "zone", value_name = "ZONE")]
    #[serde(skip)]
    pub only_zones: Vec<Zone>,
    /// Ask the whole catalogue of lists
    #[arg(hide_short_help = true, long)]
    pub all_lists: bool,
    /// Zones to ask besides the default ones.
    #[arg(skip)]
    pub zones: Vec<Zone>,
    /// Zones that are not asked.
    #[arg(skip)]
    pub without: Vec<Zone>,
    /// Zones that answer customers only, and where the key to each lies.
    #[arg(skip)]
    pub keys: BTreeMap<Zone, KeySource>,
    /// How long one try may take; 2s when unset.
    #[arg(skip)]
    #[serde(deserialize_with = "span")]
    pub timeout: Option<Duration>,
    /// How often a question is sent before it counts as unanswered; 3 when unset.
    #[arg(skip)]
    pub tries: Option<NonZeroU32>,
    /// How many questions may be open at a time; 64 when unset.
    #[arg(skip)]
    pub concurrency: Option<NonZeroUsize>,
    /// How many of them to one zone; 8 when unset.
    #[arg(skip)]
    pub per_zone: Option<NonZeroUsize>,
    /// How long all of it may take; what was not asked by then counts as unanswered. 60s when unset.
    #[arg(skip)]
    #[serde(deserialize_with = "span")]
    pub total_time: Option<Duration>,
    /// The longest that a zone's first question waits, drawn anew for each zone: runs that begin on the hour do not reach
    /// a list all at once. 20ms when unset.
    #[arg(skip)]
    #[serde(deserialize_with = "pause")]
    pub jitter: Option<Duration>,
    /// Whether the network's owner is asked for, in Team Cymru's and Abusix's zones; yes when unset.
    #[arg(skip)]
    pub owner: Option<bool>,
}

/// How fast one zone is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) at_once: usize,
    pub(crate) jitter: Duration,
}

impl Settings {
    /// These settings, completed by `lower` where they say nothing.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        fn first<T>(own: Vec<T>, lower: Vec<T>) -> Vec<T> {
            if own.is_empty() { lower } else { own }
        }
        Self {
            servers: first(self.servers, lower.servers),
            no_dns: self.no_dns || lower.no_dns,
            only_zones: first(self.only_zones, lower.only_zones),
            all_lists: self.all_lists || lower.all_lists,
            zones: first(self.zones, lower.zones),
            without: first(self.without, lower.without),
            keys: match self.keys.is_empty() {
                true => lower.keys,
                false => self.keys,
            },
            timeout: self.timeout.or(lower.timeout),
            tries: self.tries.or(lower.tries),
            concurrency: self.concurrency.or(lower.concurrency),
            per_zone: self.per_zone.or(lower.per_zone),
            total_time: self.total_time.or(lower.total_time),
            jitter: self.jitter.or(lower.jitter),
            owner: self.owner.or(lower.owner),
        }
    }

    /// The same settings, for a file in `folder`.
    #[must_use]
    pub fn based_at(self, folder: &Path) -> Self {
        let keys = self.keys.into_iter();
        Self {
            keys: keys
                .map(|(zone, source)| (zone, source.based_at(folder)))
                .collect(),
            ..self
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    pub(crate) fn tries(&self) -> NonZeroU32 {
        self.tries.unwrap_or(TRIES)
    }

    pub(crate) fn concurrency(&self) -> NonZeroUsize {
        self.concurrency.unwrap_or(CONCURRENCY)
    }

    pub(crate) fn pace(&self) -> Pace {
        Pace {
            at_once: self.per_zone.unwrap_or(PER_ZONE).get(),
            jitter: self.jitter.unwrap_or(JITTER),
        }
    }

    pub(crate) fn owner(&self) -> bool {
        self.owner.unwrap_or(true)
    }

    pub(crate) fn total_time(&self) -> Duration {
        self.total_time.unwrap_or(TOTAL_TIME)
    }
}

/// A resolver to ask: `127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Nameserver(pub SocketAddr);

/// A text that names no resolver.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no address of a resolver; write IP or IP:PORT, such as 127.0.0.1:53")]
pub struct NoNameserver(String);

impl FromStr for Nameserver {
    type Err = NoNameserver;

    fn from_str(text: &str) -> Result<Self, NoNameserver> {
        let bare = |text: &str| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, DNS_PORT));
        text.parse()
            .or_else(|_| bare(text))
            .map(Self)
            .map_err(|_| NoNameserver(text.to_owned()))
    }
}

impl TryFrom<String> for Nameserver {
    type Error = NoNameserver;

    fn try_from(text: String) -> Result<Self, NoNameserver> {
        text.parse()
    }
}

impl fmt::Display for Nameserver {
    /// The port only where it is not 53.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.port() {
            DNS_PORT => self.0.ip().fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

/// `20ms`, `0s`
fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(de::Error::custom)
}

/// `2s`, `1m 30s`; nothing could be asked in no time at all.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match pause(deserializer)? {
        Some(Duration::ZERO) => Err(de::Error::custom("a time of 0 leaves none to ask in")),
        span => Ok(span),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::check::key::KeySource;
    use crate::check::settings::{Nameserver, Settings};

    #[test]
    fn a_resolver_is_read_with_and_without_port() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:53", "127.0.0.1"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("::1", "::1"),
            ("[::1]:53", "::1"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(text.parse::<Nameserver>().unwrap().to_string(), shown);
        }
        let error = "resolver.example".parse::<Nameserver>().unwrap_err();
        assert!(error.to_string().contains("write IP or IP:PORT"), "{error}");
    }

    #[test]
    fn the_file_of_interface_md_is_understood() {
        let file = toml::from_str::<Settings>(
            r#"
            servers = ["127.0.0.1:53"]
            timeout = "2s"
            tries = 3
            concurrency = 64
            per_zone = 8
            total_time = "60s"
            jitter = "0s"
            owner = false
            zones = ["Extra.example.net."]
            without = ["dnsbl-2.uceprotect.net"]
            keys = { "zen.dq.spamhaus.net" = { file = "dqs.key" }, "combined.mail.abusix.zone" = { env = "ABUSIX" } }
            "#,
        )
        .unwrap()
        .based_at("/etc/bounceaudit".as_ref());
        assert_eq!(file.timeout, Some(Duration::from_secs(2)));
        assert_eq!(file.zones.first().unwrap().as_str(), "extra.example.net");
        let keys: Vec<_> = file.keys.values().collect();
        assert_eq!(
            keys,
            [
                &KeySource::Env("ABUSIX".into()),
                &KeySource::File("/etc/bounceaudit/dqs.key".into())
            ]
        );
    }

    #[test]
    fn an_unknown_key_and_a_time_of_nothing_are_refused() {
        for wrong in [
            "retries = 3",
            "timeout = \"0s\"",
            "tries = 0",
            "servers = [\"localhost\"]",
        ] {
            assert!(toml::from_str::<Settings>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_option_wins_over_the_file() {
        let option = Settings {
            servers: vec!["192.0.2.53".parse().unwrap()],
            ..Settings::default()
        };
        let file = Settings {
            servers: vec!["198.51.100.53".parse().unwrap()],
            all_lists: true,
            ..Settings::default()
        };
        let both = option.clone().or(file);
        assert_eq!(both.servers, option.servers);
        assert!(both.all_lists);
    }
}
