//! What stands above a letter and is not sent with it: where it goes, who may ask, what they want, how long it takes, and
//! what never to do.

use crate::catalogue::{Way, WhoMayAsk};
use crate::event::Reason;
use crate::ledger::End;
use crate::report::draft::Addressee;
use crate::report::draft::evidence::{Company, Evidence};
use crate::report::draft::sheet::Sheet;
use crate::report::ways::text;
use crate::report::words::fill;

/// The lines above a letter; each begins with `#`.
pub(super) fn block(evidence: &Evidence<'_>, to: Addressee) -> String {
    let words = &evidence.words.advice;
    let mut lines = vec![(0, words.title.clone())];
    if let Some(over) = over(evidence) {
        lines.push((0, over));
    }
    lines.push((0, fill(&words.to, &[("to", &address(evidence, to))])));
    if to == Addressee::Hosting && (evidence.company.is_some() || evidence.is_shared()) {
        lines.extend(evidence.shared_way.into_iter().flat_map(|way| row(evidence, way)));
    }
    match evidence.way {
        Some(way) => lines.extend(row(evidence, way)),
        None => lines.extend(of_catalogue(evidence)),
    }
    if evidence.reason() == Reason::RateLimited {
        lines.push((0, words.rate.clone()));
    }
    if evidence.reason() == Reason::RequirePtr {
        lines.push((0, words.ptr.clone()));
    }
    if let Some(Company { name, .. }) = evidence.company.filter(|company| company.asks_alone) {
        lines.push((0, fill(&words.not_alone, &[("company", &name)])));
    }
    let is_list = to == Addressee::List || (to == Addressee::Receiver && evidence.list_is_receivers());
    if is_list && (evidence.is_shared() || evidence.company.is_some()) {
        lines.push((0, words.ask_host_first.clone()));
    }
    if to == Addressee::Receiver && !is_list {
        lines.push((0, words.other_way.clone()));
    }
    let of_it = evidence
        .report
        .history
        .notes
        .iter()
        .filter(|note| note.ip == evidence.ip);
    lines.extend(of_it.map(|note| {
        let time = evidence.time(note.noted_at);
        (0, fill(&words.note, &[("time", &time), ("text", &note.remark)]))
    }));
    let mut sheet = Sheet::default();
    for (indent, line) in lines {
        sheet.marked(&format!("# {}", " ".repeat(indent)), 2, &line);
    }
    sheet.finish()
}

/// A row of the table of ways.
fn row(evidence: &Evidence<'_>, way: &Way) -> Vec<(usize, String)> {
    let words = &evidence.words.advice;
    let text = text(way, evidence.report.lang);
    let mut lines = vec![(0, fill(&words.refusal, &[("by", &text.by)]))];
    for (label, value) in [
        (&words.may_ask, &text.may_ask),
        (&words.wants, &text.wants),
        (&words.how_long, &text.how_long),
        (&words.never, &text.never),
    ] {
        if !value.is_empty() {
            lines.push((2, fill(label, &[("text", value)])));
        }
    }
    lines.push((2, fill(&words.checked, &[("month", &way.checked)])));
    lines
}

/// What the list's own entry says where the table of ways has no row.
fn of_catalogue(evidence: &Evidence<'_>) -> Vec<(usize, String)> {
    let words = &evidence.words.advice;
    let who = match evidence.chosen.who_may_ask {
        WhoMayAsk::Sender => &words.sender,
        WhoMayAsk::IpOwner => &words.ip_owner,
        WhoMayAsk::Receiver => &words.receiver,
        WhoMayAsk::Nobody => &words.nobody,
        WhoMayAsk::Unknown => &words.unknown,
    };
    let mut lines = vec![(0, fill(&words.refusal, &[("by", &evidence.by())]))];
    let told_below = matches!(evidence.reason(), Reason::RateLimited | Reason::RequirePtr);
    if !(told_below && evidence.chosen.who_may_ask == WhoMayAsk::Unknown) {
        lines.push((2, fill(&words.may_ask, &[("text", who)])));
    }
    let Some(list) = evidence.list else { return lines };
    let phrases = &evidence.report.words.phrases;
    for (label, value) in [
        (
            &words.wants,
            phrases.facts(&list.needs).join(&evidence.report.words.join.facts),
        ),
        (&words.how_long, phrases.fact(&list.takes_effect).to_owned()),
    ] {
        if !value.is_empty() {
            lines.push((2, fill(label, &[("text", &value)])));
        }
    }
    lines.push(match list.status_as_of.as_str() {
        "" => (2, words.undated.clone()),
        month => (2, fill(&words.checked, &[("month", &month)])),
    });
    lines
}

/// That there is nothing to ask for any more.
fn over(evidence: &Evidence<'_>) -> Option<String> {
    let words = &evidence.words.advice;
    let spell = evidence.chosen.spells.last().filter(|_| evidence.is_over());
    match (
        evidence.is_over(),
        spell.map(|spell| (spell.ended_after, spell.end)),
    ) {
        (true, Some((from, End::Seen(to)))) => {
            let (from, to) = (evidence.time(from), evidence.time(to));
            Some(fill(&words.cleared, &[("from", &from), ("to", &to)]))
        }
        (true, _) => Some(words.cleared_presumed.clone()),
        (false, _) => None,
    }
}

/// Where the letter goes, as far as that is known.
fn address(evidence: &Evidence<'_>, to: Addressee) -> String {
    let words = &evidence.words.advice;
    let postmaster = || fill(&words.postmaster, &[("domain", evidence.chosen.receiving_domain)]);
    let list = || evidence.removal().unwrap_or_else(|| evidence.by());
    let list = || list().trim_start_matches("mailto:").to_owned();
    match to {
        Addressee::Hosting => match evidence.company {
            Some(Company {
                name,
                channel: Some(channel),
                ..
            }) => fill(&words.company_at, &[("company", &name), ("channel", &channel)]),
            Some(Company {
                name, channel: None, ..
            }) => fill(&words.company, &[("company", &name)]),
            None => match evidence.chosen.owner.as_deref() {
                Some(owner) => fill(&words.company, &[("company", &owner)]),
                None => words.owner_unknown.clone(),
            },
        },
        Addressee::List => list(),
        Addressee::Receiver if evidence.list_is_receivers() => list(),
        Addressee::Receiver => postmaster(),
        Addressee::Customers => words.to_customers.clone(),
    }
}
