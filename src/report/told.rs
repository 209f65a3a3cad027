//! What is told of an entry, in words: what a reader needs to know and to do, by topic, for each form of the report.

use std::fmt::Display;
use std::net::IpAddr;

use crate::catalogue::WhoMayAsk;
use crate::event::Reason;
use crate::ledger::State;
use crate::report::group::Group;
use crate::report::late::LateCause;
use crate::report::listed::{also_listed, listed};
use crate::report::own::Ours;
use crate::report::rows::{Row, refused_until};
use crate::report::tenancy::Tenancy;
use crate::report::what::{again, in_days, what, why_late};
use crate::report::words::fill;
use crate::report::{Report, days, spells};

/// Domains that are named when not all are.
const DOMAINS: usize = 8;
/// A hosting company's `self_ask` that customers are not to ask on their own.
const FORBIDDEN: &str = "forbidden";

/// What a text is about, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// What happens, in a sentence for someone who knows nothing of it yet.
    What,
    /// Whom it hit.
    Receivers,
    /// Which server of ours was refused, where the reply names no address.
    Server,
    /// What the reply and the DNS say of the listing.
    Listing,
    /// How often, since when, for how long.
    Course,
    /// The days of each listing or refusal.
    Dates,
    /// What is true of the address itself, whoever refuses it.
    Address,
    /// Why bounces come late.
    Why,
    /// Which bounces are late, and whether more are to come.
    Late,
    /// What can be sent again, where it is over.
    Again,
    /// Who may ask for removal and where; what must not be done.
    Remedy,
    /// The refusing host's words.
    Reply,
}

/// A text and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) topic: Topic,
    /// As it reads alone.
    pub(super) text: String,
    /// As it reads under the name of its topic.
    pub(super) bare: String,
}

/// Who may lift the refusals of an address, and where: entries of one address that follow each other say it once.
#[derive(PartialEq, Eq)]
pub(super) struct Remedy {
    ip: IpAddr,
    texts: Vec<String>,
    page: Option<String>,
}

impl Remedy {
    /// `None` where there is no address, or nothing to do.
    pub(super) fn of(row: &Row<'_, '_>, told: &[Told]) -> Option<Self> {
        let texts = told.iter().filter(|told| told.topic == Topic::Remedy);
        let texts: Vec<String> = texts.map(|told| told.text.clone()).collect();
        row.ip.filter(|_| !texts.is_empty()).map(|ip| Self {
            ip,
            texts,
            page: row.newest().and_then(list_page),
        })
    }
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
    let words = &report.words;
    let mut all = Vec::new();
    let mut tell = |topic, text: String| all.push(Told::alone(topic, text));
    tell(Topic::What, what(report, row));
    if row.provider.is_some() || row.groups.len() > 1 {
        tell(Topic::Receivers, domains(report, row, names_all));
    }
    if row.ip.is_none() {
        tell(Topic::Server, unnamed(report, row));
    }
    let listing = listing(report, row, newest);
    if !listing.is_empty() {
        tell(Topic::Listing, listing);
    }
    for line in spells::lines(report, row, newest) {
        tell(Topic::Course, line);
    }
    if let Some(line) = spells::dates(report, row, newest) {
        tell(Topic::Dates, line);
    }
    for line in about_ip {
        tell(Topic::Address, line.clone());
    }
    if let Some(why) = why_late(report, row) {
        tell(Topic::Why, why);
    }
    all.extend(late(report, row));
    if row.delayed() > 0 {
        all.push(Told::alone(Topic::Late, words.row.delayed.of(row.delayed())));
    }
    if row.state == State::Cleared {
        all.push(Told::alone(Topic::Again, again(report, row, newest)));
    } else {
        all.extend(remedy(report, row, newest));
    }
    if let Some(reply) = newest.sample_reply {
        all.push(Told {
            topic: Topic::Reply,
            text: fill(&words.row.reply, &[("reply", &reply)]),
            bare: reply.to_owned(),
        });
    }
    all
}

impl Told {
    /// A text that reads the same with and without the name of its topic.
    fn alone(topic: Topic, text: String) -> Self {
        let bare = text.clone();
        Self { topic, text, bare }
    }
}

/// Whether the one to write to is the receiver, who needs its own words.
pub(super) fn is_for_receiver(row: &Row<'_, '_>) -> bool {
    let asks = row.newest().map(|newest| newest.who_may_ask);
    row.state != State::Cleared && matches!(asks, Some(WhoMayAsk::Receiver | WhoMayAsk::Unknown))
}

fn listing(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> String {
    let words = &report.words.row;
    let about = match row.state {
        State::ReceiverFault if row.lists().is_empty() => words.receiver_fault.clone(),
        State::ReceiverFault => fill(
            &words.receiver_fault_of,
            &[("lists", &row.lists().join(&report.words.join.list))],
        ),
        State::New | State::Ongoing | State::Relisted | State::Cleared | State::Unknown => {
            listed(report, row, newest)
        }
    };
    let others = also_listed(report, row).map(|others| fill(&words.also_listed, &[("zones", &others)]));
    let sentences = [codes(report, row), about, others.unwrap_or_default()];
    let said: Vec<String> = sentences.into_iter().filter(|text| !text.is_empty()).collect();
    said.join(&report.words.join.sentences)
}

fn remedy(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> Vec<Told> {
    let mut lines = Vec::new();
    if has_a_page(newest) {
        lines.extend(support(report, newest));
        let removal = newest.removal.map(str::to_owned).or_else(|| list_page(newest));
        lines.extend(removal.map(|removal| fill(&report.words.row.removal, &[("removal", &removal)])));
    }
    let lines = lines.into_iter().map(|line| Told::alone(Topic::Remedy, line));
    [ask(report, row, newest)].into_iter().chain(lines).collect()
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
    parts.join(&report.words.join.list)
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
    fill(&words.unnamed, &[("hosts", &hosts.join(&report.words.join.list))])
}

/// The operators' own codes in the replies.
fn codes(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let codes = row.each(|group| group.codes.iter().map(ToString::to_string).collect());
    let codes = Vec::from_iter(codes);
    match codes.is_empty() {
        true => String::new(),
        false => {
            let words = &report.words.row.code;
            words.with(codes.len(), &[("codes", &codes.join(&report.words.join.list))])
        }
    }
}

/// How late bounces come, and until when, where the reason is the life of the queue.
fn late(report: &Report<'_>, row: &Row<'_, '_>) -> Option<Told> {
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
    let days = in_days(life);
    let words = &report.words.row;
    let values: [(&str, &dyn Display); 2] = [("days", &days), ("date", &date)];
    if until.is_none() {
        return Some(Told::alone(Topic::Late, fill(&words.late, &values)));
    }
    if last < report.now {
        return Some(Told {
            topic: Topic::Late,
            text: fill(&words.late_past, &values),
            bare: fill(&words.late_none, &values),
        });
    }
    let text = fill(&words.late_until, &values);
    let still = days::due(group, report).map(|(from, to)| {
        fill(
            &words.late_still,
            &[("from", &from), ("to", &to), ("date", &date)],
        )
    });
    Some(Told {
        topic: Topic::Late,
        bare: still.unwrap_or_else(|| text.clone()),
        text,
    })
}

/// How the owner is reached: the hosting company's support, else, as a last resort, where complaints go to.
fn support(report: &Report<'_>, group: &Group<'_>) -> Vec<String> {
    let words = &report.words.ask;
    if let Some(company) = group.hosting {
        let phrases = &report.words.phrases;
        let (name, channel) = (phrases.fact(&company.name), phrases.fact(&company.channel));
        let channel =
            (!channel.is_empty()).then(|| fill(&words.support, &[("company", &name), ("channel", &channel)]));
        let alone = (company.self_ask == FORBIDDEN).then(|| fill(&words.not_alone, &[("company", &name)]));
        return channel.into_iter().chain(alone).collect();
    }
    let abuse = group
        .network
        .map(|network| network.abuse.join(&report.words.join.list));
    let abuse = abuse.filter(|abuse| !abuse.is_empty() && group.who_may_ask == WhoMayAsk::IpOwner);
    abuse
        .map(|abuse| fill(&words.abuse, &[("abuse", &abuse)]))
        .into_iter()
        .collect()
}

/// Whom to ask, and whom not.
fn ask(report: &Report<'_>, row: &Row<'_, '_>, group: &Group<'_>) -> Told {
    let words = &report.words.ask;
    let told = |text: String, bare: String| Told {
        topic: Topic::Remedy,
        text,
        bare,
    };
    let mend = |how: &String| told(fill(&words.mend, &[("how", how)]), how.clone());
    match (row.reason(), group.who_may_ask) {
        (Some(Reason::RequirePtr), WhoMayAsk::Unknown) => return mend(&words.ptr),
        (Some(Reason::RateLimited), WhoMayAsk::Unknown | WhoMayAsk::Nobody) => return mend(&words.rate),
        (Some(_) | None, _) => {}
    }
    let phrases = &report.words.phrases;
    let company = group
        .hosting
        .map(|company| phrases.fact(&company.name).to_owned());
    let who = match (group.who_may_ask, company.or_else(|| group.owner.clone())) {
        (WhoMayAsk::Sender, _) => words.sender.clone(),
        (WhoMayAsk::IpOwner, Some(owner)) => fill(&words.ip_owner_named, &[("owner", &owner)]),
        (WhoMayAsk::IpOwner, None) => match group.tenancy {
            Tenancy::Own(_) => words.ip_owner_own.clone(),
            // Whoever says that a shared address is theirs keeps it for others.
            Tenancy::Several(_) if group.ours != Ours::Yes => words.ip_owner_shared.clone(),
            Tenancy::Several(_) | Tenancy::Hosted { .. } | Tenancy::Unknown => words.ip_owner.clone(),
        },
        (WhoMayAsk::Receiver, _) => fill(&words.receiver, &[("domain", group.receiving_domain)]),
        (WhoMayAsk::Nobody, _) => words.nobody.clone(),
        (WhoMayAsk::Unknown, _) => words.unknown.clone(),
    };
    told(fill(&words.ask, &[("who", &who)]), who)
}
