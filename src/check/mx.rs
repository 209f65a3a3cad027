//! The hosts that take a domain's mail: the name of the domain alone does not tell whose servers refuse it.

use std::collections::BTreeMap;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;

use crate::check::each::each;
use crate::check::ptr::shown;
use crate::check::resolver::Server;
use crate::check::{Failure, Mx};
use crate::event::ReceivingDomain;

/// Asks once about each domain.
pub(crate) async fn hosts(
    domains: impl IntoIterator<Item = &ReceivingDomain>,
    servers: &[Server],
    at_once: usize,
) -> BTreeMap<ReceivingDomain, (Mx, Option<Duration>)> {
    let domains = domains.into_iter().cloned();
    let answers = each(domains, servers, at_once, async |server, domain| {
        mx(server, domain).await
    })
    .await;
    let known = answers.into_iter().map(|(domain, answer)| match answer {
        Ok(known) => (domain, known),
        Err(failure) => (domain, (Mx::Unknown(failure.to_string()), None)),
    });
    known.collect()
}

async fn mx(server: &Server, domain: &ReceivingDomain) -> Result<(Mx, Option<Duration>), Failure> {
    let Some(name) = name(domain) else {
        return Ok((Mx::None, None));
    };
    let found = server.mx(&name).await?;
    let mut hosts = found.records;
    hosts.sort();
    // A single root takes no mail (RFC 7505 §3).
    let hosts: Vec<String> = hosts
        .iter()
        .filter(|(_, host)| !host.is_root())
        .map(|(_, host)| shown(host))
        .collect();
    let mx = match hosts.is_empty() {
        true => Mx::None,
        false => Mx::Hosts(hosts),
    };
    Ok((mx, found.ttl))
}

/// An address literal has no name.
fn name(domain: &ReceivingDomain) -> Option<Name> {
    let mut name = Name::from_ascii(domain.as_str()).ok()?;
    name.set_fqdn(true);
    (!name.is_root() && !domain.as_str().starts_with('[')).then_some(name)
}
