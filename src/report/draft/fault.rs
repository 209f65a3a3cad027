//! The letter to the receiver whose own check of a list fails.

use std::net::IpAddr;

use crate::catalogue::{Fault, WayFrom};
use crate::check::Answer;
use crate::report::draft::evidence::Evidence;
use crate::report::draft::sheet::Sheet;
use crate::report::words::fill;

/// Where a page of Spamhaus names the resolver that it turned away.
const TURNED_AWAY: &str = "/returnc/pub/";

/// To the receiver whose own check fails.
pub(super) fn letter(evidence: &Evidence<'_>) -> String {
    let words = &evidence.words.fault;
    let ip = evidence.ip;
    let domain = evidence.chosen.receiving_domain.to_string();
    let host = evidence.newest.remote_host.as_deref().unwrap_or(&domain);
    let zone = evidence.newest.verdict.zone.as_ref().map(ToString::to_string);
    let zone = zone
        .or_else(|| evidence.list_name().map(str::to_owned))
        .unwrap_or_default();
    let reply = evidence.chosen.sample_reply.unwrap_or_default();
    let resolver = resolver_in(reply).filter(|resolver| *resolver != ip);
    let (why, mend) = why_and_mend(evidence, resolver.is_some());
    let dead = WayFrom::ReceiverFault(Fault::DeadList);
    let is_dead = evidence.way.is_some_and(|way| way.from == dead);
    let mut sheet = Sheet::default();
    let subject = if is_dead {
        &words.subject_dead
    } else {
        &words.subject
    };
    evidence.subject(&mut sheet, &fill(subject, &[("zone", &zone)]));
    sheet.prose(&fill(&words.greeting, &[("domain", &domain)]));
    sheet.gap();
    sheet.prose(&words.who);
    let at = evidence
        .last_refusal()
        .map(|at| evidence.span(at, at))
        .unwrap_or_default();
    sheet.prose(&fill(&words.intro, &[("host", &host), ("at", &at)]));
    sheet.gap();
    sheet.quote(reply);
    sheet.gap();
    let resolver = resolver.map(|resolver| resolver.to_string()).unwrap_or_default();
    sheet.prose(&fill(
        why,
        &[("zone", &zone), ("ip", &ip), ("resolver", &resolver)],
    ));
    if let Some(not_listed) = not_listed(evidence) {
        sheet.prose(&not_listed);
    }
    sheet.prose(&fill(mend, &[("zone", &zone)]));
    sheet.gap();
    let mails = Evidence::mails(&evidence.same).0.len();
    let mails = evidence.words.fact.mails.of(mails);
    let period = evidence
        .period(&evidence.same)
        .map(|(_, period)| period)
        .unwrap_or_default();
    sheet.prose(&fill(
        &words.count,
        &[("mails", &mails), ("period", &period), ("ip", &ip)],
    ));
    if let Some(attached) = evidence.attached_fact() {
        sheet.gap();
        sheet.facts(&evidence.words.mark, &[attached]);
    }
    evidence.closing(&mut sheet, &words.closing);
    sheet.finish()
}

/// What the reply shows, and what mends it.
fn why_and_mend<'w>(evidence: &'w Evidence<'_>, has_resolver: bool) -> (&'w str, &'w str) {
    let words = &evidence.words.fault;
    match evidence.way.map(|way| way.from) {
        Some(WayFrom::ReceiverFault(Fault::PublicResolver)) if has_resolver => {
            (&words.resolver_at, &words.mend_resolver)
        }
        Some(WayFrom::ReceiverFault(Fault::PublicResolver)) => (&words.resolver, &words.mend_resolver),
        Some(WayFrom::ReceiverFault(Fault::TooManyQueries)) => (&words.queries, &words.mend_queries),
        Some(WayFrom::ReceiverFault(Fault::DeadList)) => (&words.dead, &words.mend_dead),
        Some(WayFrom::ReceiverFault(Fault::Untold) | WayFrom::List | WayFrom::SharedServer) | None => {
            (&words.untold, &words.mend_untold)
        }
    }
}

/// That the zone of the reply does not list the address, where it was asked and said so.
fn not_listed(evidence: &Evidence<'_>) -> Option<String> {
    let zone = evidence.newest.verdict.zone.as_ref()?;
    let listing = evidence
        .chosen
        .listings
        .iter()
        .find(|listing| listing.zone == *zone)?;
    let at = evidence.span(listing.checked_at, listing.checked_at);
    let values: [(&str, &dyn std::fmt::Display); 3] = [("ip", &evidence.ip), ("zone", zone), ("at", &at)];
    (listing.answer == Answer::NotListed).then(|| fill(&evidence.words.fault.not_listed, &values))
}

/// The resolver that a list turned away, where the reply's link names it.
fn resolver_in(reply: &str) -> Option<IpAddr> {
    let (_, behind) = reply.split_once(TURNED_AWAY)?;
    let end = behind
        .find(|c: char| c == '/' || c.is_whitespace())
        .unwrap_or(behind.len());
    behind.get(..end)?.parse().ok()
}
