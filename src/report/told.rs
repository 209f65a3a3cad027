//! What is told of an entry, in words: what a reader needs to know and to do, by topic, for each form of the report.

use std::fmt::Display;

use crate::catalogue::WhoMayAsk;
use crate::event::Reason;
use crate::ledger::State;
use crate::report::Report;
use crate::report::group::Group;
use crate::report::late::LateCause;
use crate::report::listed::{also_listed, listed};
use crate::report::rows::{Row, refused_until};
use crate::report::spells;
use crate::report::words::fill;

/// Domains that are named when not all are.
const DOMAINS: usize = 8;
/// A hosting company's `self_ask` that customers are not to ask on their own.
const FORBIDDEN: &str = "forbidden";

/// What a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Whom it hit.
    Receivers,
    /// What the reply and the DNS say of the listing.
    Listing,
    /// How often, since when, for how long.
    Course,
    /// What is true of the address itself, whoever refuses it.
    Address,
    /// Which bounces are late, and whether more are to come.
    Late,
    /// Who may ask for removal and where; what must not be done.
    Remedy,
    /// The refusing host's words.
    Reply,
}

/// A text and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) topic: Topic,
    pub(super) text: String,
}

/// Everything that is told of an entry, in the order of its topics. `about_ip` is what `about_ip::lines` gives for it.
pub(super) fn told(
    report: &Report<'_>,
    row: &Row<'_, '_>,
    about_ip: &[String],
    names_all: bool,
) -> Vec<Told> {
    let Some(newest) = row.newest() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut tell = |topic, text: String| all.push(Told { topic, text });
    if row.provider.is_some() || row.groups.len() > 1 {
        tell(Topic::Receivers, domains(report, row, names_all));
    }
    if row.ip.is_none() {
        tell(Topic::Receivers, unnamed(report, row));
    }
    let listing = listing(report, row, newest);
    if !listing.is_empty() {
        tell(Topic::Listing, listing);
    }
    for line in spells::lines(report, row, newest) {
        tell(Topic::Course, line);
    }
    for line in about_ip {
        tell(Topic::Address, line.clone());
    }
    if let Some(late) = late(report, row) {
        tell(Topic::Late, late);
    }
    if row.delayed() > 0 {
        tell(Topic::Late, report.words.row.delayed.of(row.delayed()));
    }
    if row.state != State::Cleared {
        for line in remedy(report, row, newest) {
            tell(Topic::Remedy, line);
        }
    }
    if let Some(reply) = newest.sample_reply {
        tell(Topic::Reply, fill(&report.words.row.reply, &[("reply", &reply)]));
    }
    all
}

/// Whether the one to write to is the receiver, who needs its own words.
pub(super) fn is_for_receiver(row: &Row<'_, '_>) -> bool {
    let asks = row.newest().map(|newest| newest.who_may_ask);
    row.state != State::Cleared && matches!(asks, Some(WhoMayAsk::Receiver | WhoMayAsk::Unknown))
}

fn listing(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> String {
    let words = &report.words.row;
    let mut about = codes(report, row);
    about += &match row.state {
        State::ReceiverFault if row.lists().is_empty() => words.receiver_fault.clone(),
        State::ReceiverFault => fill(&words.receiver_fault_of, &[("lists", &row.lists().join(", "))]),
        State::New | State::Ongoing | State::Relisted | State::Cleared | State::Unknown => {
            listed(report, row, newest)
        }
    };
    if let Some(others) = also_listed(report, row) {
        about = format!(
            "{} {}",
            about.trim_end(),
            fill(&words.also_listed, &[("zones", &others)])
        );
    }
    about.trim().to_owned()
}

fn remedy(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> Vec<String> {
    let mut lines = vec![ask(report, row, newest)];
    if has_a_page(newest) {
        lines.extend(support(report, newest));
        let removal = newest.removal.map(str::to_owned).or_else(|| list_page(newest));
        lines.extend(removal.map(|removal| fill(&report.words.row.removal, &[("removal", &removal)])));
    }
    lines
}

/// Whether whoever asks for removal asks on a page: a receiver is written to, and of some lists nobody may ask.
fn has_a_page(group: &Group<'_>) -> bool {
    match group.who_may_ask {
        WhoMayAsk::Sender | WhoMayAsk::IpOwner | WhoMayAsk::Unknown => true,
        WhoMayAsk::Receiver | WhoMayAsk::Nobody => false,
    }
}

/// Where the catalogue says that removal of the group's address is asked for.
pub(super) fn list_page(group: &Group<'_>) -> Option<String> {
    let page = group.list_removal.filter(|_| has_a_page(group))?;
    match group.blocked_ip {
        Some(ip) => Some(page.replace("{ip}", &ip.to_string())),
        None => Some(page.to_owned()),
    }
}

fn domains(report: &Report<'_>, row: &Row<'_, '_>, names_all: bool) -> String {
    let words = &report.words.row;
    let shown = if names_all || row.groups.len() <= DOMAINS + 1 {
        row.groups.len()
    } else {
        DOMAINS
    };
    let mut parts: Vec<String> = row
        .groups
        .iter()
        .take(shown)
        .map(|group| {
            let n = group.messages.len();
            fill(&words.domain, &[("domain", &group.receiving_domain), ("n", &n)])
        })
        .collect();
    if row.groups.len() > shown {
        parts.push(words.more_domains.of(row.groups.len() - shown));
    }
    parts.join(", ")
}

fn unnamed(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let words = &report.words.row;
    let hosts = row.each(|group| {
        group
            .bounces
            .iter()
            .filter_map(|bounce| bounce.reporting_mta.as_deref())
            .collect()
    });
    if hosts.is_empty() {
        return words.unnamed_unknown.clone();
    }
    let hosts = Vec::from_iter(hosts);
    fill(&words.unnamed, &[("hosts", &hosts.join(", "))])
}

/// The operators' own codes in the replies.
fn codes(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let codes = row.each(|group| group.codes.iter().map(ToString::to_string).collect());
    let codes = Vec::from_iter(codes);
    match codes.is_empty() {
        true => String::new(),
        false => {
            let words = &report.words.row.code;
            words.with(codes.len(), &[("codes", &codes.join(", "))]) + " "
        }
    }
}

/// How late bounces come, and until when, where the reason is the life of the queue.
fn late(report: &Report<'_>, row: &Row<'_, '_>) -> Option<String> {
    let of_queue = |group: &&&Group<'_>| group.late_cause.is_some_and(LateCause::is_queue_life);
    let group = row
        .groups
        .iter()
        .filter(of_queue)
        .max_by_key(|group| group.queue_life)?;
    let life = group.queue_life?;
    let until = refused_until(group, report.now);
    let last = until.unwrap_or(report.now).checked_add_signed(life)?;
    let date = report.clock.show(last).format("%Y-%m-%d");
    let tenths = life.num_minutes() / 144;
    let days = format!("{}.{}", tenths / 10, tenths % 10);
    let words = &report.words.row;
    match until {
        Some(_) if last < report.now => Some(fill(&words.late_past, &[("days", &days)])),
        Some(_) => Some(fill(&words.late_until, &[("days", &days), ("date", &date)])),
        None => Some(fill(&words.late, &[("days", &days), ("date", &date)])),
    }
}

/// How the owner is reached: the hosting company's support, else, as a last resort, where complaints go to.
fn support(report: &Report<'_>, group: &Group<'_>) -> Vec<String> {
    let words = &report.words.ask;
    if let Some(company) = group.hosting {
        let channel = (!company.channel.is_empty()).then(|| {
            let values: [(&str, &dyn Display); 2] =
                [("company", &company.name), ("channel", &company.channel)];
            fill(&words.support, &values)
        });
        let alone =
            (company.self_ask == FORBIDDEN).then(|| fill(&words.not_alone, &[("company", &company.name)]));
        return channel.into_iter().chain(alone).collect();
    }
    let abuse = group.network.map(|network| network.abuse.join(", "));
    let abuse = abuse.filter(|abuse| !abuse.is_empty() && group.who_may_ask == WhoMayAsk::IpOwner);
    abuse
        .map(|abuse| fill(&words.abuse, &[("abuse", &abuse)]))
        .into_iter()
        .collect()
}

/// Whom to ask, and whom not.
fn ask(report: &Report<'_>, row: &Row<'_, '_>, group: &Group<'_>) -> String {
    let words = &report.words.ask;
    match (row.reason(), group.who_may_ask) {
        (Some(Reason::RequirePtr), WhoMayAsk::Unknown) => return words.ptr.clone(),
        (Some(Reason::RateLimited), WhoMayAsk::Unknown | WhoMayAsk::Nobody) => return words.rate.clone(),
        (Some(_) | None, _) => {}
    }
    let company = group.hosting.map(|company| company.name.clone());
    match (group.who_may_ask, company.or_else(|| group.owner.clone())) {
        (WhoMayAsk::Sender, _) => words.sender.clone(),
        (WhoMayAsk::IpOwner, Some(owner)) => fill(&words.ip_owner_named, &[("owner", &owner)]),
        (WhoMayAsk::IpOwner, None) => words.ip_owner.clone(),
        (WhoMayAsk::Receiver, _) => fill(&words.receiver, &[("domain", group.receiving_domain)]),
        (WhoMayAsk::Nobody, _) => words.nobody.clone(),
        (WhoMayAsk::Unknown, _) => words.unknown.clone(),
    }
}
