//! Asks DNS blocklists about addresses.
//!
//! In: addresses and domains, the lists of the catalogue. Out: one [`Listing`] for each address and zone, in their order,
//! the names and the owner of each address, the mail hosts of each domain.
//! Follows RFC 5782 (§2.1 names of IPv4, §2.4 of IPv6, §5 test entries).
//! Fails only before the first question, over a setting or for want of a resolver: what could not be asked is a
//! `Listing` that says so, and a zone that nobody was to ask is a [`NotAsked`].
//! Not here: which addresses matter (`ledger`), what a listing means for the reader (`report`).

mod dnsbl;
mod each;
mod health;
mod key;
mod known;
mod mx;
mod names;
mod owner;
mod plan;
mod ptr;
mod resolver;
mod run;
mod settings;
mod sound;
mod target;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures::{StreamExt, stream};
use hickory_resolver::net::NetError;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::catalogue::{Catalogue, Month};
use crate::check::resolver::Server;
use crate::event::{ListId, ReceivingDomain, Timestamp, Zone};

pub use health::{Failure, Family, Health, HealthVerdict};
pub use key::{KeySource, NoKey};
pub use known::Known;
pub use names::{Exchange, Mx, Names, Network, Owner, Ptr};
pub use settings::{Nameserver, NoNameserver, Settings};
pub use target::{Addresses, NoTarget, Target, addresses, targets};

/// One in this many questions may be about names: a silent reverse zone must not hold up the lists.
const SHARE_OF_NAMES: usize = 4;

/// What is to be asked about.
#[derive(Clone, Copy, Debug)]
pub struct Questions<'a> {
    /// Our addresses.
    pub ips: &'a [IpAddr],
    /// Zones that bounces named.
    pub zones: &'a [Zone],
    /// Domains that refused mail.
    pub domains: &'a [ReceivingDomain],
    /// What earlier runs found out; what of it still holds is not asked again.
    pub known: &'a Known,
}

/// Asks the default zones, those that bounces named and the user's own about each address, and for its names and owner;
/// and each domain for its mail hosts.
///
/// What is asked is of one moment, `now`. With `no_dns` nothing is asked and nothing comes back.
///
/// # Errors
/// When no resolver is known, a zone in the settings cannot be asked, or a key cannot be read.
pub async fn all(
    settings: &Settings,
    catalogue: &Catalogue,
    asked: Questions<'_>,
    now: Timestamp,
) -> Result<Checked, Error> {
    let ips: BTreeSet<IpAddr> = asked.ips.iter().map(IpAddr::to_canonical).collect();
    if settings.no_dns || (ips.is_empty() && asked.domains.is_empty()) {
        return Ok(Checked::default());
    }
    let mut plan = plan::plan(settings, catalogue, &ips, asked.zones)?;
    let servers = resolver::servers(settings)?;
    for skipped in &plan.not_asked {
        tracing::debug!(zone = %skipped.zone, why = %skipped.why, "zone is not asked");
    }
    let mut checked = Checked {
        warnings: resolver::warnings(&servers)?,
        listings: asked.known.settle(&mut plan, now),
        not_asked: plan.not_asked,
        ..Checked::default()
    };
    let mut zones = JoinSet::new();
    for task in plan.zones {
        zones.spawn(run::ask(task, servers.clone(), settings.pace(), now));
    }
    (checked.names, checked.exchanges) = tokio::join!(
        names(settings, &ips, asked.known, &servers, now),
        exchanges(settings, asked, &servers, now)
    );
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
    checked.in_order();
    checked.warnings.extend(health::warnings(&checked.health));
    if servers.iter().any(Server::out_of_time) {
        let span = humantime::format_duration(settings.total_time());
        checked.warnings.push(format!(
            "the DNS was asked for {span}, then what was still open counted as unanswered"
        ));
    }
    Ok(checked)
}

/// Asks the test entries of these zones, each family that a zone holds, and nothing else.
///
/// # Errors
/// As [`all`].
pub async fn test(settings: &Settings, catalogue: &Catalogue, zones: &[&Zone]) -> Result<Checked, Error> {
    if settings.no_dns {
        return Ok(Checked::default());
    }
    let plan = plan::of_tests(settings, catalogue, zones)?;
    let servers = resolver::servers(settings)?;
    let mut checked = Checked {
        warnings: resolver::warnings(&servers)?,
        not_asked: plan.not_asked,
        ..Checked::default()
    };
    let tests = plan.zones.into_iter().map(|task| run::test(task, &servers));
    // A test is three questions.
    let at_once = settings.concurrency().get().div_ceil(3);
    let mut tests = stream::iter(tests).buffer_unordered(at_once);
    while let Some(health) = tests.next().await {
        checked.health.extend(health);
    }
    checked.in_order();
    checked.warnings.extend(health::warnings(&checked.health));
    Ok(checked)
}

/// The names of each address, and who holds its network.
async fn names(
    settings: &Settings,
    ips: &BTreeSet<IpAddr>,
    known: &Known,
    servers: &[Server],
    now: Timestamp,
) -> Vec<Names> {
    let mut all = known.names(ips, settings.owner(), now);
    let open = ips.iter().filter(|ip| all.iter().all(|names| names.ip != **ip));
    let open: Vec<IpAddr> = open.copied().collect();
    let at_once = settings.concurrency().get().div_ceil(SHARE_OF_NAMES);
    let of_owner: &[IpAddr] = if settings.owner() { &open } else { &[] };
    let (ptrs, mut owners) = tokio::join!(
        ptr::names(&open, servers, at_once),
        owner::owners(of_owner, servers, at_once)
    );
    let asked = ptrs.into_iter().map(|(ip, (ptr, ptr_ttl))| {
        let (owner, ttl) = owners.remove(&ip).unwrap_or((Owner::NotAsked, ptr_ttl));
        Names {
            ip,
            ptr,
            owner,
            checked_at: now,
            ttl: ptr_ttl.min(ttl),
        }
    });
    all.extend(asked);
    all
}

/// The mail hosts of each domain.
async fn exchanges(
    settings: &Settings,
    asked: Questions<'_>,
    servers: &[Server],
    now: Timestamp,
) -> Vec<Exchange> {
    let mut domains: BTreeSet<&ReceivingDomain> = asked.domains.iter().collect();
    let mut all = asked.known.exchanges(&domains, now);
    domains.retain(|domain| all.iter().all(|known| known.domain != **domain));
    let at_once = settings.concurrency().get().div_ceil(SHARE_OF_NAMES);
    let found = mx::hosts(domains, servers, at_once).await;
    all.extend(found.into_iter().map(|(domain, (mx, ttl))| Exchange {
        domain,
        mx,
        checked_at: now,
        ttl,
    }));
    all
}

/// What a run found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// One for each address and zone, by address and zone. A zone is not asked about a family that it does not hold.
    pub listings: Vec<Listing>,
    /// One for each address.
    pub names: Vec<Names>,
    /// One for each domain.
    pub exchanges: Vec<Exchange>,
    /// How each zone passed its test, at each resolver through which it was asked.
    pub health: Vec<Health>,
    /// Zones that were proposed and left alone; nothing is known of them.
    pub not_asked: Vec<NotAsked>,
    /// What a reader ought to know of the resolvers.
    pub warnings: Vec<String>,
}

impl Checked {
    fn in_order(&mut self) {
        self.names.sort_by_key(|names| names.ip);
        self.exchanges.sort_by(|one, other| one.domain.cmp(&other.domain));
        self.listings
            .sort_by(|one, other| (one.ip, &one.zone).cmp(&(other.ip, &other.zone)));
        self.health
            .sort_by(|one, other| (&one.zone, one.family).cmp(&(&other.zone, other.family)));
    }

    /// Whether questions were put and none of them was answered.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        let silent = |health: &Health| health.verdict == HealthVerdict::Failed(Failure::Timeout);
        let unanswered = |listing: &Listing| listing.answer == Answer::Timeout;
        let was_asked = !self.listings.is_empty() || !self.health.is_empty();
        was_asked && self.listings.iter().all(unanswered) && self.health.iter().all(silent)
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
    /// There is no key to a zone that needs one.
    #[error("the key of zone {zone}")]
    Key {
        /// The zone.
        zone: Zone,
        /// Why.
        source: NoKey,
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

    /// Whether it says that the address is listed or that it is not; `None` for those that count for nothing.
    #[must_use]
    pub fn is_listed(&self) -> Option<bool> {
        match self {
            Self::Listed(_) => Some(true),
            Self::NotListed => Some(false),
            Self::Refused(_) | Self::Timeout | Self::Error(_) | Self::ZoneDead(_) => None,
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
    #[error("it needs a key ([dns] keys in the configuration)")]
    NeedsKey,
    /// The same list is asked with a key.
    #[error("{0} is asked instead, with a key")]
    AskedWithKey(Zone),
    /// It was shut down; who answers now keeps no blocklist.
    #[error("dead since {0}")]
    Dead(Month),
    /// It names whom to let through.
    #[error("it is an allow list")]
    Allows,
    /// It lists domains, not addresses.
    #[error("it lists domains, not addresses")]
    Domains,
    /// A bounce names it, and it is no domain name.
    #[error("no domain name")]
    NoName,
}
