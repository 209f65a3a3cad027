//! Asks DNS blocklists about addresses.
//!
//! In: addresses, the lists of the catalogue. Out: one [`Listing`] for each address and zone, in no order.
//! Follows RFC 5782 (§2.1 names of IPv4, §2.4 of IPv6, §5 test entries).
//! Never fails as a whole: what could not be asked is a `Listing` that says so.
//! Not here: which addresses matter (`ledger`), what a listing means for the reader (`report`).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{ListId, Timestamp, Zone};

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
    /// What the codes or the failure mean, in the catalogue's words.
    pub meaning: Option<String>,
    /// The TXT record beside a listing: a stranger's text.
    pub text: Option<String>,
    /// When it was asked.
    pub checked_at: Timestamp,
    /// How long the answer may be kept.
    pub ttl: Option<Duration>,
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
