//! What a user may name to be checked: addresses, small networks, host names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

use hickory_resolver::proto::rr::Name;
use ipnet::IpNet;

use crate::check::each::each;
use crate::check::resolver::{self, Server};
use crate::check::{Error, Failure, Settings};

/// The addresses of an IPv4 /24, the most that one network may have.
const MOST_BITS: u8 = 8;

/// One thing to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `192.0.2.10`, `2001:db8::25`
    Address(IpAddr),
    /// `192.0.2.0/24`, not wider
    Network(IpNet),
    /// `mail.shop.example.jp`: A-labels
    Name(String),
    /// `-`: more of them on stdin
    Stdin,
}

/// A text that names nothing to check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// It is neither an address, a network nor a host name.
    #[error("{0:?} is no IP address, network (192.0.2.0/24) or host name")]
    Strange(String),
    /// The network has more addresses than anybody should ask a list about at once.
    #[error("{0} is too wide: at most 256 addresses, a /24 (IPv6: /120)")]
    Wide(IpNet),
}

/// What became of the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Each address once.
    pub ips: BTreeSet<IpAddr>,
    /// Names without an address, and why.
    pub unknown: Vec<(String, String)>,
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let strange = || NoTarget::Strange(text.to_owned());
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Address(ip.to_canonical()));
        }
        if text.contains('/') {
            let network: IpNet = text.parse().map_err(|_| strange())?;
            return match network.max_prefix_len() - network.prefix_len() > MOST_BITS {
                true => Err(NoTarget::Wide(network)),
                false => Ok(Self::Network(network.trunc())),
            };
        }
        // A number alone, or an address with an octet too many, is a slip and no name.
        let is_number = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
        let name = text.trim_end_matches('.');
        idna::domain_to_ascii_strict(name)
            .ok()
            .filter(|name| name.contains('.') && !name.rsplit('.').next().is_some_and(is_number))
            .map(Self::Name)
            .ok_or_else(strange)
    }
}

/// Reads the targets of a text: one or more a line, what stands behind a `#` is a remark.
///
/// # Errors
/// At the first word that names nothing to check.
pub fn targets(text: &str) -> Result<Vec<Target>, NoTarget> {
    let words = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split([',', ' ', '\t']))
        .map(str::trim)
        .filter(|word| !word.is_empty());
    words.map(str::parse).collect()
}

/// The addresses of the targets; names are asked for theirs, A and AAAA.
///
/// # Errors
/// When there is a name to be asked for and no resolver is known.
pub async fn addresses(settings: &Settings, targets: &[Target]) -> Result<Addresses, Error> {
    let mut found = Addresses::default();
    let mut names = BTreeSet::new();
    for target in targets {
        match target {
            Target::Address(ip) => _ = found.ips.insert(*ip),
            Target::Network(network) => found.ips.extend(each_of(*network)),
            Target::Name(name) => _ = names.insert(name.clone()),
            Target::Stdin => {}
        }
    }
    if names.is_empty() {
        return Ok(found);
    }
    if settings.no_dns {
        let why = "no DNS is to be asked (--no-dns)".to_owned();
        found
            .unknown
            .extend(names.into_iter().map(|name| (name, why.clone())));
        return Ok(found);
    }
    let servers = resolver::servers(settings)?;
    let answers: BTreeMap<String, _> = each(
        names,
        &servers,
        settings.concurrency().get(),
        async |server, name| of_name(server, name).await,
    )
    .await;
    for (name, answer) in answers {
        match answer {
            Ok(ips) if ips.is_empty() => found.unknown.push((name, "has no address".to_owned())),
            Ok(ips) => found.ips.extend(ips),
            Err(failure) => found.unknown.push((name, failure.to_string())),
        }
    }
    Ok(found)
}

async fn of_name(server: &Server, name: &str) -> Result<Vec<IpAddr>, Failure> {
    let parsed = Name::from_ascii(name);
    let mut name = parsed.map_err(|_| Failure::Other("no host name".into()))?;
    name.set_fqdn(true);
    let [ipv4, ipv6] = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
    let (ipv4, ipv6) = tokio::join!(server.addresses(&name, ipv4), server.addresses(&name, ipv6));
    let (ipv4, ipv6) = (ipv4?.records, ipv6?.records);
    Ok(ipv4.iter().chain(&ipv6).map(IpAddr::to_canonical).collect())
}

/// Every address, the first and the last too: a list may hold them.
fn each_of(network: IpNet) -> Vec<IpAddr> {
    let hosts = network.subnets(network.max_prefix_len());
    hosts
        .map(|hosts| hosts.map(|host| host.addr()).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::check::target::{NoTarget, Target, each_of, targets};

    #[test]
    fn an_address_a_network_and_a_name_are_told_apart() {
        for (text, wanted) in [
            ("192.0.2.10", Target::Address("192.0.2.10".parse().unwrap())),
            (
                "::ffff:192.0.2.10",
                Target::Address("192.0.2.10".parse().unwrap()),
            ),
            ("192.0.2.9/24", Target::Network("192.0.2.0/24".parse().unwrap())),
            (
                "2001:db8::/120",
                Target::Network("2001:db8::/120".parse().unwrap()),
            ),
            ("Mail.例え.jp.", Target::Name("mail.xn--r8jz45g.jp".into())),
            ("-", Target::Stdin),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for text in ["192.0.2.0/23", "2001:db8::/64"] {
            assert!(matches!(text.parse::<Target>(), Err(NoTarget::Wide(_))), "{text}");
        }
        for text in [
            "",
            "192.0.2.300",
            "192.0.2",
            "localhost",
            "a b.example",
            "192.0.2.0/33",
            "http://a.example/",
        ] {
            assert!(
                matches!(text.parse::<Target>(), Err(NoTarget::Strange(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_network_is_all_of_its_addresses() {
        let all = each_of("192.0.2.0/24".parse().unwrap());
        assert_eq!(all.len(), 256);
        assert_eq!(all.first().unwrap().to_string(), "192.0.2.0");
        assert_eq!(all.last().unwrap().to_string(), "192.0.2.255");
        assert_eq!(each_of("2001:db8::5/128".parse().unwrap()).len(), 1);
    }

    #[test]
    fn a_text_holds_words_and_remarks() {
        let read = targets("192.0.2.10  # web\r\n\n# all\n192.0.2.11,mail.shop.example\n").unwrap();
        assert_eq!(read.len(), 3);
        assert!(targets("192.0.2.10 what?").is_err());
    }
}
