//! Who holds the network of an address: Team Cymru's zones say who announces it, Abusix's whom complaints go to.
//!
//! Forms as documented by <https://www.team-cymru.com/ip-asn-mapping> and <https://abusix.com/contactdb/>. Team Cymru
//! asks for few questions, so one address stands for its prefix, and `[dns] owner = false` asks none at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;
use ipnet::IpNet;

use crate::check::dnsbl::query_name;
use crate::check::each::each;
use crate::check::resolver::Server;
use crate::check::{Failure, Network, Owner};

const ORIGIN: &str = "origin.asn.cymru.com.";
const ORIGIN_IPV6: &str = "origin6.asn.cymru.com.";
const AS_NAMES: &str = "asn.cymru.com.";
const ABUSE: &str = "abuse-contacts.abusix.zone.";

/// In each round one address of a block is asked, and stands for all whose prefix its answer names. Prefixes are as long
/// as /8 to /24 (IPv6: /16 to /48), so wide blocks come first: a round costs a wait, a block too narrow asks a wide prefix
/// twice.
const IPV4_BLOCKS: [u8; 6] = [8, 12, 16, 20, 24, 32];
const IPV6_BLOCKS: [u8; 6] = [20, 28, 32, 40, 48, 128];
/// The longest IPv4 prefix that networks take from each other; for IPv6 it is the /48 of the same round.
const NARROWEST: u8 = 24;

/// What is known of a prefix, and for how long.
type Origin = (Network, Option<Duration>);

/// Who holds the network of each address.
pub(crate) async fn owners(
    ips: &[IpAddr],
    servers: &[Server],
    at_once: usize,
) -> BTreeMap<IpAddr, (Owner, Option<Duration>)> {
    let mut owners: BTreeMap<IpAddr, (Owner, Option<Duration>)> = BTreeMap::new();
    let mut origins: Vec<Origin> = Vec::new();
    for (ipv4, ipv6) in IPV4_BLOCKS.into_iter().zip(IPV6_BLOCKS) {
        let open = ips
            .iter()
            .filter(|ip| !owners.contains_key(ip) && of(&origins, **ip).is_none());
        let mut blocks: BTreeMap<Option<IpNet>, Vec<IpAddr>> = BTreeMap::new();
        for ip in open {
            let bits = if ip.is_ipv4() { ipv4 } else { ipv6 };
            let block = IpNet::new(*ip, bits).ok().map(|net| net.trunc());
            blocks.entry(block).or_default().push(*ip);
        }
        let firsts = blocks.values().filter_map(|block| block.first().copied());
        let answers = each(firsts, servers, at_once, async |server, ip| {
            origin(server, *ip).await
        })
        .await;
        let is_deaf = !answers.is_empty() && answers.values().all(|a| matches!(a, Err(Failure::Timeout)));
        for block in blocks.into_values() {
            // Nothing narrower is announced to the world: what is not to be had here is not to be had of the neighbours.
            let of_all = ipv4 >= NARROWEST;
            let settled = if of_all {
                block.as_slice()
            } else {
                block.get(..1).unwrap_or_default()
            };
            let owner = match block.first().and_then(|ip| answers.get(ip)) {
                Some(Ok((Some(network), ttl))) => {
                    origins.push((network.clone(), *ttl));
                    continue;
                }
                Some(Ok((None, ttl))) => (Owner::NotAnnounced, *ttl),
                Some(Err(failure)) => (Owner::Unknown(failure.to_string()), None),
                None => continue,
            };
            owners.extend(settled.iter().map(|ip| (*ip, owner.clone())));
        }
        if is_deaf {
            break;
        }
    }
    name(&mut origins, servers, at_once).await;
    abuse(&mut origins, ips, servers, at_once).await;
    let all = ips.iter().map(|ip| {
        let owner = owners.remove(ip).or_else(|| {
            let (network, ttl) = of(&origins, *ip)?;
            Some((Owner::Known(network.clone()), *ttl))
        });
        let unasked = || (Owner::Unknown(Failure::Timeout.to_string()), None);
        (*ip, owner.unwrap_or_else(unasked))
    });
    all.collect()
}

/// The longest known prefix of an address.
fn of(origins: &[Origin], ip: IpAddr) -> Option<&Origin> {
    origins
        .iter()
        .filter(|(network, _)| network.prefix.contains(&ip))
        .max_by_key(|(network, _)| network.prefix.prefix_len())
}

async fn origin(server: &Server, ip: IpAddr) -> Result<(Option<Network>, Option<Duration>), Failure> {
    let zone = if ip.is_ipv4() { ORIGIN } else { ORIGIN_IPV6 };
    let found = server.txt(&below(ip, zone)?).await?;
    let networks = found.records.iter().filter_map(|text| network(text));
    let longest = networks
        .filter(|network| network.prefix.contains(&ip))
        .max_by_key(|network| network.prefix.prefix_len());
    Ok((longest, found.ttl))
}

/// `207990 | 45.135.26.0/24 | NL | ripencc | 2020-06-23`; the first field may hold several numbers.
fn network(text: &str) -> Option<Network> {
    let mut fields = text.split('|').map(str::trim);
    let systems = fields.next()?.split_whitespace();
    Some(Network {
        systems: systems.filter_map(|number| number.parse().ok()).collect(),
        prefix: fields.next()?.parse::<IpNet>().ok()?.trunc(),
        name: None,
        abuse: Vec::new(),
    })
}

/// The names of the systems that announce the networks, each asked once.
async fn name(origins: &mut [Origin], servers: &[Server], at_once: usize) {
    let systems: BTreeSet<u32> = origins
        .iter()
        .filter_map(|(network, _)| network.systems.first().copied())
        .collect();
    let names = each(systems, servers, at_once, async |server, number| {
        let name = Name::from_ascii(format!("AS{number}.{AS_NAMES}"));
        let found = server.txt(&name.map_err(|_| too_long())?).await?;
        Ok(found.records.iter().find_map(|text| as_name(text)))
    })
    .await;
    for (network, _) in origins {
        let number = network.systems.first();
        network.name = match number.and_then(|number| names.get(number)) {
            Some(Ok(name)) => name.clone(),
            Some(Err(_)) | None => None,
        };
    }
}

/// `23028 | US | arin | 2002-01-04 | TEAM-CYMRU - Team Cymru Inc., US`
fn as_name(text: &str) -> Option<String> {
    let name = text.splitn(5, '|').nth(4)?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whom complaints about the networks go to; one address of each is asked about.
async fn abuse(origins: &mut [Origin], ips: &[IpAddr], servers: &[Server], at_once: usize) {
    let one_of = |network: &Network| ips.iter().copied().find(|ip| network.prefix.contains(ip));
    let asked: BTreeSet<IpAddr> = origins
        .iter()
        .filter_map(|(network, _)| one_of(network))
        .collect();
    let contacts = each(asked, servers, at_once, async |server, ip| {
        let found = server.txt(&below(*ip, ABUSE)?).await?;
        let all = found.records.iter().flat_map(|text| text.split(','));
        let addresses = all
            .map(str::trim)
            .filter(|text| text.contains('@') && !text.contains(' '));
        Ok(addresses.map(str::to_owned).collect::<Vec<_>>())
    })
    .await;
    for (network, _) in origins {
        if let Some(Ok(found)) = one_of(network).and_then(|ip| contacts.get(&ip)) {
            network.abuse.clone_from(found);
        }
    }
}

fn below(ip: IpAddr, zone: &str) -> Result<Name, Failure> {
    let zone = Name::from_ascii(zone).map_err(|_| too_long())?;
    query_name(ip, &zone).map_err(|_| too_long())
}

fn too_long() -> Failure {
    Failure::Other("the name to ask is too long".into())
}

#[cfg(test)]
mod tests {
    use crate::check::owner::{as_name, network};

    #[test]
    fn an_origin_has_numbers_and_a_prefix_and_may_lack_the_rest() {
        let one = network("207990 | 45.135.26.0/24 | NL | ripencc | 2020-06-23").unwrap();
        assert_eq!(
            (one.systems, one.prefix.to_string()),
            (vec![207_990], "45.135.26.0/24".into())
        );
        let two = network("701 1239 | 2001:db8::/32 | | |").unwrap();
        assert_eq!(
            (two.systems, two.prefix.to_string()),
            (vec![701, 1239], "2001:db8::/32".into())
        );
        assert!(network(" | 192.0.2.0/24").unwrap().systems.is_empty());
        for wrong in ["", "64500", "64500 | no prefix | JP", "64500 | 192.0.2.0/99"] {
            assert_eq!(network(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_name_of_a_system_is_the_fifth_field_with_all_that_is_in_it() {
        let text = "23028 | US | arin | 2002-01-04 | TEAM-CYMRU - Team Cymru | Inc., US";
        assert_eq!(as_name(text).unwrap(), "TEAM-CYMRU - Team Cymru | Inc., US");
        assert_eq!(as_name("23028 | US | arin | 2002-01-04 | "), None);
        assert_eq!(as_name("23028"), None);
    }
}
