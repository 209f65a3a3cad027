//! `own_addresses`: what is ours, so that a stranger's blocked server is not taken for one of ours.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::ledger::Bounce;

/// Through whom removals are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskVia {
    /// The IPs are not ours: the hosting company asks.
    Hosting,
}

/// The company whose servers our mail goes out through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostingCompany {
    /// What it is called.
    pub name: String,
    /// Where its support is asked: a page or a mail address.
    #[serde(default)]
    pub support: Option<String>,
}

/// An address, a network, a host name or a domain of ours. A name stands for itself and for everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OwnAddress {
    /// `192.0.2.0/28`, or one address.
    Network(IpNet),
    /// `mx.hosting.example.jp` or `shop.example.jp`: lower case, A-labels.
    Name(String),
}

/// A text that is neither an address, a network nor a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no IP address, network (192.0.2.0/28), host name or domain")]
pub struct NoAddress(String);

impl FromStr for OwnAddress {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let text = text.trim();
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(ip.to_canonical())));
        }
        let name = text
            .trim_start_matches("*.")
            .trim_start_matches('.')
            .trim_end_matches('.');
        idna::domain_to_ascii_strict(name)
            .ok()
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(Self::Name)
            .ok_or_else(|| NoAddress(text.to_owned()))
    }
}

impl TryFrom<String> for OwnAddress {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

/// Whether a blocked server is ours (`yes`, `no`, `unknown`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ours {
    /// Its address, or the name of the server that gave up, is among `own_addresses`.
    Yes,
    /// `own_addresses` names networks and the address lies in none, or nothing of the mail is ours.
    No,
    /// Nothing decides.
    Unknown,
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        })
    }
}

impl Ours {
    /// What `own` says of one bounce. `names` are the PTR names of the blocked address that lead back to it.
    ///
    /// A sender domain of ours proves nothing by itself: that is what a forged mail carries too.
    pub(super) fn of(bounce: &Bounce, names: &[&str], own: &[OwnAddress]) -> Self {
        let is_ours = |name: &str| own.iter().any(|own| own.has_name(name));
        let ip = bounce.verdict.blocked_ip;
        if ip.is_some_and(|ip| own.iter().any(|own| own.has_ip(ip))) {
            return Self::Yes;
        }
        let host = bounce.reporting_mta.as_deref();
        if host.is_some_and(is_ours) || names.iter().any(|name| is_ours(name)) {
            return Self::Yes;
        }
        let networks = own.iter().any(|own| matches!(own, OwnAddress::Network(_)));
        if ip.is_some() && networks {
            return Self::No;
        }
        match (host, &bounce.sender) {
            _ if own.is_empty() => Self::Unknown,
            (Some(_), Some(sender)) if !is_ours(sender.as_str()) => Self::No,
            (Some(_) | None, Some(_) | None) => Self::Unknown,
        }
    }

    /// What several events of one group say together: one of ours is enough, and all must say no for a no.
    pub(super) fn of_all(mut each: impl Iterator<Item = Self>) -> Self {
        let Some(first) = each.next() else {
            return Self::Unknown;
        };
        each.fold(first, |all, next| match (all, next) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
        })
    }
}

impl OwnAddress {
    fn has_ip(&self, ip: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(&ip.to_canonical()),
            Self::Name(_) => false,
        }
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Network(_) => false,
            Self::Name(own) => name
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::event::Event;
    use crate::report::own::{Ours, OwnAddress};
    use crate::report::samples;

    fn own(texts: &[&str]) -> Vec<OwnAddress> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ours(event: &Event, names: &[&str], own: &[OwnAddress]) -> Ours {
        Ours::of(&samples::bounce(event), names, own)
    }

    #[test]
    fn addresses_networks_and_names_are_told_apart() {
        for text in ["192.0.2.7", "192.0.2.0/28", "2001:db8::/32"] {
            assert!(matches!(text.parse(), Ok(OwnAddress::Network(_))), "{text}");
        }
        assert_eq!(
            "MX.例え.jp.".parse(),
            Ok(OwnAddress::Name("mx.xn--r8jz45g.jp".into()))
        );
        for text in ["", "192.0.2.0/99", "a b", "@example.jp"] {
            assert!(text.parse::<OwnAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_decides_for_and_against() {
        let event = samples::story("postfix-s3150.eml"); // blocked_ip 192.0.2.99
        assert_eq!(ours(&event, &[], &own(&["192.0.2.0/24"])), Ours::Yes);
        assert_eq!(ours(&event, &[], &own(&["198.51.100.0/24"])), Ours::No);
        assert_eq!(ours(&event, &[], &[]), Ours::Unknown);
    }

    #[test]
    fn the_server_that_gave_up_or_the_name_of_the_address_is_enough() {
        let event = samples::story("postfix-gmo-rbl-late.eml"); // reporting_mta sv100.hosting.example.jp
        assert_eq!(
            ours(&event, &[], &own(&["hosting.example.jp", "198.51.100.1"])),
            Ours::Yes
        );
        assert_eq!(
            ours(&event, &[], &own(&["xhosting.example.jp", "198.51.100.1"])),
            Ours::No
        );
        assert_eq!(
            ours(&event, &["sv77.shop.example.jp"], &own(&["shop.example.jp"])),
            Ours::Yes
        );
    }

    #[test]
    fn our_sender_domain_alone_proves_nothing() {
        let mut event = samples::story("postfix-gmo-rbl-late.eml");
        event.original.from = Some("info@shop.example.jp".into());
        assert_eq!(ours(&event, &[], &own(&["shop.example.jp"])), Ours::Unknown);
        event.original.from = Some("info@elsewhere.example".into());
        assert_eq!(ours(&event, &[], &own(&["shop.example.jp"])), Ours::No);
    }
}
