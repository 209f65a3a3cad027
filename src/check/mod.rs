//! Asks DNS blocklists about addresses.
//!
//! In: addresses, the lists of the catalogue. Out: one [`Listing`] for each address and zone, in their order.
//! Follows RFC 5782 (§2.1 names of IPv4, §2.4 of IPv6, §5 test entries).
//! Fails only before the first question, over a setting or for want of a resolver: what could not be asked is a
//! `Listing` that says so, and a zone that nobody was to ask is a [`NotAsked`].
//! Not here: which addresses matter (`ledger`), what a listing means for the reader (`report`).

mod dnsbl;
mod health;
mod plan;
mod ptr;
mod resolver;
mod run;
mod settings;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_resolver::net::NetError;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::catalogue::{Catalogue, Month};
use crate::event::{ListId, Timestamp, Zone};

pub use health::{Failure, Family, Health, HealthVerdict};
pub use settings::{Nameserver, NoNameserver, Settings};

/// One in this many questions may be about names: a silent reverse zone must not hold up the lists.
const SHARE_OF_NAMES: usize = 4;

/// Asks the default zones, those that bounces named and the user's own about each address, and for its names.
///
/// The listings are those of one moment, `now`. With `no_dns` nothing is asked and nothing comes back.
///
/// # Errors
/// When no resolver is known, or a zone in the settings cannot be asked.
pub async fn all(
    settings: &Settings,
    catalogue: &Catalogue,
    ips: &[IpAddr],
    named: &[Zone],
    now: Timestamp,
) -> Result<Checked, Error> {
    let ips: BTreeSet<IpAddr> = ips.iter().map(IpAddr::to_canonical).collect();
    if settings.no_dns || ips.is_empty() {
        return Ok(Checked::default());
    }
    let plan = plan::plan(settings, catalogue, &ips, named)?;
    let servers = resolver::servers(settings)?;
    for skipped in &plan.not_asked {
        tracing::debug!(zone = %skipped.zone, why = %skipped.why, "zone is not asked");
    }
    let mut checked = Checked {
        warnings: resolver::warnings(&servers)?,
        not_asked: plan.not_asked,
        ..Checked::default()
    };
    let mut zones = JoinSet::new();
    for task in plan.zones {
        zones.spawn(run::ask(task, servers.clone(), settings.per_zone().get(), now));
    }
    let ips: Vec<IpAddr> = ips.into_iter().collect();
    let names_at_once = settings.concurrency().get().div_ceil(SHARE_OF_NAMES);
    checked.names = ptr::names(&ips, &servers, names_at_once, now).await;
    while let Some(joined) = zones.join_next().await {
        match joined {
            Ok(run) => {
                checked.listings.extend(run.listings);
                checked.health.extend(run.health);
            }
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    checked.names.sort_by_key(|names| names.ip);
    checked
        .listings
        .sort_by(|one, other| (one.ip, &one.zone).cmp(&(other.ip, &other.zone)));
    checked
        .health
        .sort_by(|one, other| (&one.zone, one.family).cmp(&(&other.zone, other.family)));
    checked.warnings.extend(health::warnings(&checked.health));
    if servers.iter().any(resolver::Server::out_of_time) {
        let span = humantime::format_duration(settings.total_time());
        checked.warnings.push(format!(
            "the DNS was asked for {span}, then what was still open counted as unanswered"
        ));
    }
    Ok(checked)
}

/// What a run found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// One for each address and zone, by address and zone. A zone is not asked about a family that it does not hold.
    pub listings: Vec<Listing>,
    /// One for each address.
    pub names: Vec<Names>,
    /// How each zone passed its test, at each resolver through which it was asked.
    pub health: Vec<Health>,
    /// Zones that were proposed and left alone; nothing is known of them.
    pub not_asked: Vec<NotAsked>,
    /// What a reader ought to know of the resolvers.
    pub warnings: Vec<String>,
}

impl Checked {
    /// Whether questions were put and none of them was answered.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        !self.listings.is_empty()
            && self
                .listings
                .iter()
                .all(|listing| listing.answer == Answer::Timeout)
    }
}

/// What stopped the DNS from being asked at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system names no resolver.
    #[error("no resolver in /etc/resolv.conf; name one with --dns IP")]
    NoResolver(#[source] NetError),
    /// A resolver cannot be used.
    #[error("resolver {at}")]
    Resolver {
        /// Which.
        at: Nameserver,
        /// Why.
        source: NetError,
    },
    /// A zone in the settings cannot be asked.
    #[error("zone {zone} cannot be asked about addresses: {why}")]
    Zone {
        /// The zone.
        zone: Zone,
        /// Why.
        why: WhyNot,
    },
    /// The table of public resolvers that comes with the program was spoilt.
    #[error("table of public resolvers")]
    PublicResolvers(#[source] toml::de::Error),
}

/// What one zone said of one address at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The address that was asked about.
    pub ip: IpAddr,
    /// The zone that was asked.
    pub zone: Zone,
    /// The list that the zone serves, where the catalogue knows it.
    pub blocklist: Option<ListId>,
    /// What came back.
    pub answer: Answer,
    /// What the codes mean, in the catalogue's words, or why nothing is known; `None` when it is not listed.
    pub meaning: Option<String>,
    /// The TXT records beside a listing, a stranger's text; `None` where there is none or it was not to be had.
    pub text: Option<String>,
    /// When it was asked.
    pub checked_at: Timestamp,
    /// How long the answer may be kept.
    pub ttl: Option<Duration>,
}

impl Listing {
    /// What the answer means, or why it cannot be believed.
    #[must_use]
    pub fn in_words(&self) -> Option<&str> {
        let why = match &self.answer {
            Answer::Error(why) => Some(why.as_str()),
            Answer::Listed(_)
            | Answer::NotListed
            | Answer::Refused(_)
            | Answer::Timeout
            | Answer::ZoneDead(_) => None,
        };
        self.meaning.as_deref().or(why)
    }
}

/// What an answer means (`listed`, `not-listed`, `refused`, `timeout`, `error`, `zone-dead`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// One or more addresses inside 127/8 from a healthy zone.
    Listed(Vec<Ipv4Addr>),
    /// NXDOMAIN or no data from a zone that passed its test entries in this run.
    NotListed,
    /// The zone turns this resolver away; its code where it gave one.
    Refused(Vec<Ipv4Addr>),
    /// No answer in time.
    Timeout,
    /// The answer cannot be believed, or there was none; why, as a fragment.
    Error(String),
    /// The zone is no blocklist (any more): it lists the world, nothing, or answers outside 127/8.
    ZoneDead(Vec<Ipv4Addr>),
}

impl Answer {
    /// The word in the column `result`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Listed(_) => "listed",
            Self::NotListed => "not-listed",
            Self::Refused(_) => "refused",
            Self::Timeout => "timeout",
            Self::Error(_) => "error",
            Self::ZoneDead(_) => "zone-dead",
        }
    }

    /// The addresses that came back.
    #[must_use]
    pub fn codes(&self) -> &[Ipv4Addr] {
        match self {
            Self::Listed(codes) | Self::Refused(codes) | Self::ZoneDead(codes) => codes,
            Self::NotListed | Self::Timeout | Self::Error(_) => &[],
        }
    }
}

/// Names of one address, with forward confirmation (RFC 8499 §7, "forward-confirmed reverse DNS").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The address.
    pub ip: IpAddr,
    /// What its PTR records say, and whether the names lead back.
    pub ptr: Ptr,
    /// When it was asked.
    pub checked_at: Timestamp,
}

/// The outcome of a reverse look-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ptr {
    /// This name leads back to the address.
    Confirmed(String),
    /// These names exist and none leads back.
    Unconfirmed(Vec<String>),
    /// There is no PTR record.
    None,
    /// It could not be asked; why.
    Unknown(String),
}

/// A zone that was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsked {
    /// The zone.
    pub zone: Zone,
    /// Why.
    pub why: WhyNot,
}

/// Why a zone was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// It answers customers only.
    #[error("it needs a key")]
    NeedsKey,
    /// It was shut down; who answers now keeps no blocklist.
    #[error("dead since {0}")]
    Dead(Month),
    /// It lists domains, not addresses.
    #[error("it lists domains, not addresses")]
    Domains,
    /// A bounce names it, and it is no domain name.
    #[error("no domain name")]
    NoName,
}
