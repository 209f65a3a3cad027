//! Puts a verdict together from the rule that won, the names in the reply, and the address that it refuses.

use std::path::Path;

use crate::catalogue::addresses::{Roles, canonical};
use crate::catalogue::engine::{Engine, Hit};
use crate::catalogue::links::{self, Links};
use crate::catalogue::reply::ClientNames;
use crate::catalogue::rules::Subject;
use crate::catalogue::{Catalogue, Error, providers, reply};
use crate::event::{Event, ListId, Reason, Verdict, Zone};

/// Stands in a zone's name for a customer's key.
const MASKED_KEY: &str = "***";

/// First labels of hosts that tell whoever is refused why, and how to get off the list.
const LIST_HOSTS: [&str; 14] = [
    "abuse",
    "antispam",
    "bl",
    "blacklist",
    "blocklist",
    "delist",
    "denylist",
    "dnsbl",
    "ipcheck",
    "postmaster",
    "rbl",
    "reputation",
    "spamblock",
    "unblock",
];

/// Words in the addresses of pages that are there for the same.
const LIST_PAGES: [&str; 7] = [
    "blacklist",
    "blocklist",
    "delist",
    "denylist",
    "dnsbl",
    "iplookup",
    "rbl",
];

/// What turns replies into verdicts.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) engine: Engine,
    pub(crate) roles: Roles,
    links: Links,
    pub(crate) client_names: ClientNames,
}

impl Judge {
    /// # Errors
    /// When the code's own patterns are wrong; the tests see to it that this does not ship.
    pub(crate) fn new(engine: Engine, roles: Roles) -> Result<Self, Error> {
        let wrong = |file: &str, source| Error::Pattern {
            file: Path::new(file).into(),
            source,
        };
        Ok(Self {
            engine,
            roles,
            links: Links::new().map_err(|source| wrong("links.rs", source))?,
            client_names: ClientNames::new().map_err(|source| wrong("reply.rs", source))?,
        })
    }
}

impl Catalogue {
    pub(crate) fn verdict(&self, event: &Event) -> Verdict {
        let judge = &self.judge;
        let text = reply::plain(event.reply.as_deref().unwrap_or_default());
        let nameless = judge.client_names.without(&text);
        let subject = Subject {
            text: &nameless,
            ..reply::subject(&text, event, &judge.roles)
        };
        let candidates = judge.engine.candidates(&nameless);
        let Some(hit) = judge.engine.first(subject, &candidates) else {
            return Verdict::default();
        };
        tracing::trace!(rule = hit.rule.id.get_ref(), reply = text, "judged");
        let mut verdict = self.said_by(&hit);
        let blocks = hit.rule.address.unwrap_or_else(|| verdict.reason.is_block());
        if matches!(
            verdict.reason,
            Reason::Blocked | Reason::BadReputation | Reason::ReceiverFault
        ) {
            let mut operator = None;
            for name in judge.engine.names(subject, &candidates) {
                self.fill(&mut verdict, self.said_by(&name));
                let named = || name.group("list").map(|called| self.list_called(called));
                operator = operator.or_else(|| name.rule.operator()).or_else(named);
            }
            self.name_the_list(&mut verdict, operator, &hit, event);
        } else if matches!(verdict.reason, Reason::RateLimited | Reason::RequirePtr) && verdict.code.is_none()
        {
            let named = judge.engine.names(subject, &candidates);
            verdict.code = named.map(|name| self.said_by(&name)).find_map(|said| said.code);
        }
        verdict.blocklist = verdict.blocklist.or_else(|| hit.rule.operator());
        if blocks {
            verdict.blocked_ip = match hit.group("ip") {
                Some(ip) => canonical(ip),
                None => subject.address,
            };
        }
        if blocks || verdict.blocklist.is_some() {
            verdict.removal = verdict
                .removal
                .or_else(|| judge.links.removal(&text, &event.recipient));
        }
        if matches!(verdict.reason, Reason::Blocked | Reason::BadReputation) && verdict.blocklist.is_none() {
            let refused = verdict.blocked_ip.map(|ip| ip.to_string());
            let behind = |link| self.list_behind(link, refused.as_deref());
            verdict.blocklist = verdict.removal.as_deref().and_then(behind);
        }
        self.bury(verdict, event)
    }

    /// What one rule says by itself.
    fn said_by(&self, hit: &Hit<'_, '_>) -> Verdict {
        let rule = hit.rule;
        let zone = rule
            .zone
            .clone()
            .or_else(|| hit.group("zone").map(|name| Zone::from(name.to_owned())));
        Verdict {
            reason: rule.reason.unwrap_or(Reason::Undefined),
            blocked_ip: None,
            blocklist: rule.blocklist(),
            zone: zone.map(|zone| self.without_key(zone)),
            code: rule.code.clone().or_else(|| hit.group("code").map(bare_code)),
            removal: hit.group("removal").map(|link| as_removal(links::bare(link))),
        }
    }

    /// Each field from the first rule that has it.
    fn fill(&self, verdict: &mut Verdict, more: Verdict) {
        if verdict.blocklist.is_none() {
            verdict.blocklist = more.blocklist;
        }
        if verdict.zone.is_none() {
            verdict.zone = more.zone;
        }
        if verdict.code.is_none() {
            verdict.code = more.code;
        }
        if verdict.removal.is_none() {
            verdict.removal = more.removal;
        }
    }

    /// The list by its zone, the zone by its list; where the reply names neither, its operator, or the receiver's own list.
    fn name_the_list(
        &self,
        verdict: &mut Verdict,
        operator: Option<ListId>,
        hit: &Hit<'_, '_>,
        event: &Event,
    ) {
        let by_zone = verdict
            .zone
            .as_ref()
            .and_then(|zone| self.zone(zone))
            .map(|facts| facts.list.clone());
        let plain = || verdict.zone.as_ref().map(|zone| ListId(plain_name(zone)));
        let named = || hit.group("list").map(|name| self.list_called(name));
        let receivers_own = || {
            let host = event.remote_host.as_deref();
            let receiver = providers::receiver(&self.receivers, host, &event.receiving_domain);
            receiver.and_then(|receiver| receiver.own.clone())
        };
        let list = verdict
            .blocklist
            .clone()
            .or(by_zone)
            .or(operator)
            .or_else(plain)
            .or_else(named);
        verdict.blocklist = list.or_else(|| hit.rule.operator()).or_else(receivers_own);
        if verdict.zone.is_none() {
            verdict.zone = verdict.blocklist.as_ref().and_then(|id| self.own_zone(id));
        }
    }

    /// Who keeps the list, told by the page where removal is asked for: a receiver's own host, or one that is there for
    /// lists, such as `http://blacklist.example.net/Help/17`, `https://example.net/denylist?q=`, or that tells of the refused
    /// address, such as `http://example.net/listing?192.0.2.1`.
    fn list_behind(&self, link: &str, refused: Option<&str>) -> Option<ListId> {
        let (_, rest) = link.split_once("://")?;
        let at = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
        let (host, page) = rest.split_at_checked(at)?;
        let host = host.to_ascii_lowercase();
        let receiver = providers::by_host(&self.receivers, &host);
        if let Some(own) = receiver.and_then(|receiver| receiver.own.clone()) {
            return Some(own);
        }
        let (label, owner) = host.split_once('.')?;
        if host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit()) {
            return None;
        }
        let is_about_lists = || {
            let mut words = page.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| LIST_PAGES.contains(&word.to_ascii_lowercase().as_str()))
        };
        let is_theirs = LIST_HOSTS.contains(&label) && owner.contains('.')
            || refused.is_some_and(|ip| page.contains(ip))
            || is_about_lists();
        is_theirs.then(|| ListId(plain_name(&Zone::from(host))))
    }

    /// The zone of a list that has one for everybody, dead or alive.
    fn own_zone(&self, id: &ListId) -> Option<Zone> {
        let first = self.list(id)?.zones.first()?.clone().of(self.list(id)?);
        Some(first)
            .filter(|facts| !facts.needs_key && !facts.domains)
            .map(|facts| facts.zone)
    }

    fn list_called(&self, name: &str) -> ListId {
        let id: String = name
            .trim()
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join("-");
        let same =
            |list: &&crate::catalogue::List| list.id.0 == id || list.name.eq_ignore_ascii_case(name.trim());
        self.lists()
            .iter()
            .find(same)
            .map_or(ListId(id), |list| list.id.clone())
    }

    fn without_key(&self, zone: Zone) -> Zone {
        match self.zone(&zone) {
            Some(facts) if facts.needs_key && facts.zone != zone => {
                Zone::from(format!("{MASKED_KEY}.{}", facts.zone))
            }
            Some(_) | None => zone,
        }
    }

    /// Who still asks a list that was dead when the bounce was written has a fault of his own.
    fn bury(&self, mut verdict: Verdict, event: &Event) -> Verdict {
        let zone = verdict
            .zone
            .as_ref()
            .and_then(|zone| self.zone(zone))
            .and_then(|facts| facts.dead_since);
        let list = || {
            verdict
                .blocklist
                .as_ref()
                .and_then(|id| self.list(id))
                .and_then(|list| list.dead_since)
        };
        let dead = zone.or_else(list);
        if verdict.reason == Reason::Blocked
            && dead
                .zip(event.times.bounced_at)
                .is_some_and(|(month, at)| month.is_past_at(at))
        {
            verdict.reason = Reason::ReceiverFault;
        }
        verdict
    }
}

/// `AS(8558)` is written `AS8558`.
fn bare_code(code: &str) -> String {
    code.replace(['(', ')', '[', ']', ' '], "")
}

fn as_removal(link: &str) -> String {
    match link.contains("://") || !link.contains('@') {
        true => link.to_owned(),
        false => format!("mailto:{link}"),
    }
}

/// The operator's plain name, as its zone has it: `bl.example.co.jp` is `example`'s.
fn plain_name(zone: &Zone) -> String {
    let labels: Vec<&str> = zone.as_str().split('.').rev().collect();
    let shared = |label: &str| {
        matches!(
            label,
            "co" | "ne" | "or" | "ac" | "ad" | "go" | "gr" | "com" | "net" | "org" | "edu" | "gov"
        )
    };
    let name = match labels.as_slice() {
        [country, second, name, ..] if country.len() == 2 && shared(second) => name,
        [_, name, ..] => name,
        [name] => name,
        [] => "",
    };
    (*name).to_owned()
}

#[cfg(test)]
mod tests {
    use crate::catalogue::verdict::plain_name;
    use crate::event::Zone;

    #[test]
    fn an_unknown_zone_goes_by_its_operators_name() {
        for (zone, name) in [
            ("rbl.receiver.example", "receiver"),
            ("bl.kaisha.co.jp", "kaisha"),
            ("gmo-rbl.jp", "gmo-rbl"),
        ] {
            assert_eq!(plain_name(&Zone::from(zone.to_owned())), name);
        }
    }
}
