//! The names of an address, and whether they lead back to it (forward-confirmed reverse DNS, RFC 8499 §7).

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures::{StreamExt, stream};
use hickory_resolver::proto::rr::Name;

use crate::check::resolver::Server;
use crate::check::{Failure, Names, Ptr};
use crate::event::Timestamp;

/// Of an address with more names the first ones decide: some hosts publish hundreds.
const MAX_NAMES: usize = 10;
/// Silences after which a resolver that has answered nothing at all is given up.
const SILENCES: usize = 8;

/// Asks the resolvers in order; the next one hears what the one before did not answer.
pub(crate) async fn names(ips: &[IpAddr], servers: &[Server], at_once: usize, now: Timestamp) -> Vec<Names> {
    let unanswered = || Ptr::Unknown(Failure::Timeout.to_string());
    let mut open: BTreeMap<IpAddr, Ptr> = ips.iter().map(|ip| (*ip, unanswered())).collect();
    let mut settled: BTreeMap<IpAddr, Ptr> = BTreeMap::new();
    for server in servers {
        let asked: Vec<IpAddr> = open.keys().copied().collect();
        let one = async |ip| (ip, ptr(server, ip).await);
        let mut answers = stream::iter(asked).map(one).buffer_unordered(at_once);
        let (mut silences, mut answered) = (0, false);
        while let Some((ip, answer)) = answers.next().await {
            match answer {
                Ok(ptr) => {
                    answered = true;
                    open.remove(&ip);
                    settled.insert(ip, ptr);
                }
                Err(failure) => {
                    silences += usize::from(failure == Failure::Timeout);
                    answered |= failure != Failure::Timeout;
                    open.insert(ip, Ptr::Unknown(failure.to_string()));
                }
            }
            if server.out_of_time() || (!answered && silences >= SILENCES) {
                break;
            }
        }
        if open.is_empty() || server.out_of_time() {
            break;
        }
    }
    let all = open.into_iter().chain(settled);
    all.map(|(ip, ptr)| Names {
        ip,
        ptr,
        checked_at: now,
    })
    .collect()
}

async fn ptr(server: &Server, ip: IpAddr) -> Result<Ptr, Failure> {
    let names = server.ptr(ip).await?.records;
    if names.is_empty() {
        return Ok(Ptr::None);
    }
    let mut failed = None;
    for name in names.iter().take(MAX_NAMES) {
        match server.addresses(name, ip).await {
            Ok(found) if found.records.contains(&ip) => return Ok(Ptr::Confirmed(shown(name))),
            Ok(_) => {}
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        // The name that could not be asked may have been the one that leads back.
        Some(failure) => Err(failure),
        None => Ok(Ptr::Unconfirmed(names.iter().map(shown).collect())),
    }
}

/// A stranger's name: what is no letter, digit or hyphen stays escaped.
fn shown(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}
