//! The names that events are grouped by: domains, lists, zones.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The domain that refused mail: lower case, A-labels (RFC 5890 §2.3.2.1), an address literal as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ReceivingDomain(String);

impl ReceivingDomain {
    /// The domain of an address; `None` where it has none that mail could go to.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        let domain = address
            .trim_end_matches('>')
            .rsplit_once('@')?
            .1
            .trim_end_matches('.');
        if domain.starts_with('[') && domain.ends_with(']') {
            return Some(Self(domain.to_ascii_lowercase()));
        }
        let domain = idna::domain_to_ascii(domain)
            .ok()
            .filter(|name| !name.is_empty())?;
        Some(Self(domain))
    }

    /// The domain as it was kept.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReceivingDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for ReceivingDomain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Id of a list or of its operator in the catalogue, such as `spamhaus-zen`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListId(pub String);

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A DNSBL zone: lower case, without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Zone(String);

impl Zone {
    /// The zone as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Zone {
    fn from(name: String) -> Self {
        Self(name.trim_end_matches('.').to_ascii_lowercase())
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
