//! The names of an address, and whether they lead back to it (forward-confirmed reverse DNS, RFC 8499 §7).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;

use crate::check::each::each;
use crate::check::resolver::Server;
use crate::check::{Failure, Ptr};

/// Of an address with more names the first ones decide: some hosts publish hundreds.
const MAX_NAMES: usize = 10;

/// What each address is called, and how long that may be kept.
pub(crate) async fn names(
    ips: &[IpAddr],
    servers: &[Server],
    at_once: usize,
) -> BTreeMap<IpAddr, (Ptr, Option<Duration>)> {
    let answers = each(ips.iter().copied(), servers, at_once, async |server, ip| {
        ptr(server, *ip).await
    })
    .await;
    let known = answers.into_iter().map(|(ip, answer)| match answer {
        Ok(known) => (ip, known),
        Err(failure) => (ip, (Ptr::Unknown(failure.to_string()), None)),
    });
    known.collect()
}

async fn ptr(server: &Server, ip: IpAddr) -> Result<(Ptr, Option<Duration>), Failure> {
    let found = server.ptr(ip).await?;
    let names = found.records;
    if names.is_empty() {
        return Ok((Ptr::None, found.ttl));
    }
    let (mut ttl, mut failed) = (found.ttl, None);
    for name in names.iter().take(MAX_NAMES) {
        match server.addresses(name, ip).await {
            Ok(forward) => {
                ttl = ttl.min(forward.ttl);
                if forward.records.contains(&ip) {
                    return Ok((Ptr::Confirmed(shown(name)), ttl));
                }
            }
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        // The name that could not be asked may have been the one that leads back.
        Some(failure) => Err(failure),
        None => Ok((Ptr::Unconfirmed(names.iter().map(shown).collect()), ttl)),
    }
}

/// A stranger's name: what is no letter, digit or hyphen stays escaped.
pub(crate) fn shown(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}
