//! A DNS server on loopback, inside this process: blocklists with their test entries, and names of addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bounceaudit::catalogue::Catalogue as Lists;
use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::rr::rdata::{A, AAAA, PTR, SOA, TXT};
use hickory_server::proto::rr::{LowerName, Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

const TTL_SECONDS: u32 = 60;
const TCP_IDLE: Duration = Duration::from_secs(5);
const TCP_BUFFER: usize = 16;
/// RFC 5782 §5: what each list must list.
const TEST_ENTRIES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 2)),
];

/// What one list says of one address today.
pub(crate) struct Listed {
    pub(crate) zone: &'static str,
    pub(crate) ip: IpAddr,
    pub(crate) code: Ipv4Addr,
    pub(crate) text: &'static str,
}

/// An address and the name that leads there and back.
pub(crate) struct Named {
    pub(crate) ip: IpAddr,
    pub(crate) name: &'static str,
}

type Zone = InMemoryZoneHandler<TokioRuntimeProvider>;

/// Starts the server and says where it listens; it runs until the value is dropped.
///
/// # Errors
/// When no loopback port can be had for UDP and TCP together, or a name is none.
pub(crate) async fn start(
    lists: &Lists,
    listed: &[Listed],
    named: &[Named],
) -> anyhow::Result<(Server<Catalog>, SocketAddr)> {
    let mut catalog = Catalog::new();
    for (origin, zone) in zones(lists, listed, named)? {
        catalog.upsert(LowerName::from(origin), vec![Arc::new(zone)]);
    }
    let (udp, tcp) = one_port_twice().await?;
    let at = udp.local_addr()?;
    let mut server = Server::new(catalog);
    server.register_socket(udp);
    server.register_listener(tcp, TCP_IDLE, TCP_BUFFER);
    Ok((server, at))
}

/// The TCP port of a free UDP port may be taken.
async fn one_port_twice() -> anyhow::Result<(UdpSocket, TcpListener)> {
    for _ in 0..20 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        if let Ok(tcp) = TcpListener::bind(udp.local_addr()?).await {
            return Ok((udp, tcp));
        }
    }
    anyhow::bail!("no loopback port is free for UDP and TCP together")
}

fn zones(lists: &Lists, listed: &[Listed], named: &[Named]) -> anyhow::Result<BTreeMap<Name, Zone>> {
    let mut zones = BTreeMap::new();
    // The root, so that what nobody has is NXDOMAIN and not REFUSED.
    zones.insert(Name::root(), empty(&Name::root()));
    for zone in lists.all_zones() {
        let origin = Name::from_ascii(format!("{zone}."))?;
        let mut made = empty(&origin);
        let facts = lists.zone(zone).context("a zone of the catalogue is not in it")?;
        for test in TEST_ENTRIES
            .iter()
            .filter(|test| facts.test_entries && (test.is_ipv4() || facts.ipv6))
        {
            add(
                &mut made,
                question(*test, &origin)?,
                RData::A(A(Ipv4Addr::new(127, 0, 0, 2))),
            );
        }
        for entry in listed.iter().filter(|entry| entry.zone == zone.to_string()) {
            let name = question(entry.ip, &origin)?;
            add(&mut made, name.clone(), RData::A(A(entry.code)));
            add(&mut made, name, RData::TXT(TXT::new(vec![entry.text.to_owned()])));
        }
        zones.insert(origin, made);
    }
    for origin in ["in-addr.arpa.", "ip6.arpa.", "hosting.example.jp."] {
        let origin = Name::from_ascii(origin)?;
        let mut made = empty(&origin);
        for Named { ip, name } in named {
            let host = Name::from_ascii(format!("{name}."))?;
            let arpa = Name::from(*ip);
            let address = match ip {
                IpAddr::V4(ip) => RData::A(A(*ip)),
                IpAddr::V6(ip) => RData::AAAA(AAAA(*ip)),
            };
            if origin.zone_of(&arpa) {
                add(&mut made, arpa, RData::PTR(PTR(host)));
            } else if origin.zone_of(&host) {
                add(&mut made, host, address);
            }
        }
        zones.insert(origin, made);
    }
    Ok(zones)
}

fn empty(origin: &Name) -> Zone {
    let mut zone = Zone::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(origin.clone(), origin.clone(), 1, 3600, 600, 86400, TTL_SECONDS);
    add(&mut zone, origin.clone(), RData::SOA(soa));
    zone
}

fn add(zone: &mut Zone, name: Name, data: RData) {
    zone.upsert_mut(Record::from_rdata(name, TTL_SECONDS, data), 1);
}

/// The address reversed, in the zone (RFC 5782 §2.1 and §2.4).
fn question(ip: IpAddr, zone: &Name) -> anyhow::Result<Name> {
    let arpa = Name::from(ip);
    let digits = usize::from(arpa.num_labels()).saturating_sub(2);
    Ok(Name::from_labels(arpa.iter().take(digits))?.append_domain(zone)?)
}
