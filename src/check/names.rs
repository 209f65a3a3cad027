//! What an address is called and who holds it, and which hosts take a domain's mail.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::event::{ReceivingDomain, Timestamp};

/// Names of one address, with forward confirmation (RFC 8499 §7, "forward-confirmed reverse DNS").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The address.
    pub ip: IpAddr,
    /// What its PTR records say, and whether the names lead back.
    pub ptr: Ptr,
    /// Who holds its network.
    #[serde(default)]
    pub owner: Owner,
    /// When it was asked.
    pub checked_at: Timestamp,
    /// How long all of it may be kept.
    #[serde(default)]
    pub ttl: Option<Duration>,
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

/// Who holds the network of an address, as far as the routing tables say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Nobody was to ask, or an earlier version did not.
    #[default]
    NotAsked,
    /// Its network.
    Known(Network),
    /// No network announces it.
    NotAnnounced,
    /// It could not be asked; why.
    Unknown(String),
}

/// A network as it is announced to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The longest prefix that holds the address.
    pub prefix: IpNet,
    /// The numbers of the systems that announce it (RFC 4271 §1.1), as the answer has them.
    pub systems: Vec<u32>,
    /// What the first of them is called, a stranger's text.
    pub name: Option<String>,
    /// Addresses for complaints; not where a removal is asked for.
    pub abuse: Vec<String>,
}

impl fmt::Display for Network {
    /// `EXAMPLE-NET Example Hosting KK, JP (AS64500)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.systems.first()) {
            (Some(name), Some(number)) => write!(f, "{name} (AS{number})"),
            (None, Some(number)) => write!(f, "AS{number}"),
            (_, None) => self.prefix.fmt(f),
        }
    }
}

/// Where the mail of a domain goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The domain.
    pub domain: ReceivingDomain,
    /// Its mail hosts.
    pub mx: Mx,
    /// When it was asked.
    pub checked_at: Timestamp,
    /// How long the answer may be kept.
    pub ttl: Option<Duration>,
}

/// The outcome of asking for mail hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mx {
    /// These, the preferred one first.
    Hosts(Vec<String>),
    /// It has none.
    None,
    /// It could not be asked; why.
    Unknown(String),
}
