//! The notice to the customers whose mail was hit: one for each sender domain, which names no other one.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Action, ReceivingDomain, Timestamp};
use crate::ledger::{Bounce, End, Mail, State};
use crate::report::draft::NoDraft;
use crate::report::draft::evidence::Evidence;
use crate::report::draft::sheet::{Fact, Sheet, Value};
use crate::report::group::Group;
use crate::report::late::LateCause;
use crate::report::rows::refused_until;
use crate::report::words::fill;

/// What became of a customer's mail to one receiving domain.
struct Hit<'r> {
    group: &'r Group<'r>,
    bounces: Vec<&'r Bounce>,
}

/// The notices, each below a line that says whose it is.
///
/// # Errors
/// When no bounce says from which domain its mail was sent.
pub(super) fn notices(evidence: &Evidence<'_>) -> Result<String, NoDraft> {
    let groups = || evidence.same.iter().chain(&evidence.others).copied();
    let mut hits: BTreeMap<&ReceivingDomain, Vec<Hit<'_>>> = BTreeMap::new();
    let mut unnamed: BTreeSet<Mail> = BTreeSet::new();
    for group in groups().filter(|group| group.reasons.iter().any(|reason| reason.is_block())) {
        for sender in &group.senders {
            let of_sender = |bounce: &&&Bounce| bounce.sender.as_deref() == Some(*sender);
            let bounces: Vec<&Bounce> = group.bounces.iter().filter(of_sender).copied().collect();
            hits.entry(*sender).or_default().push(Hit { group, bounces });
        }
        let without = group.bounces.iter().filter(|bounce| bounce.sender.is_none());
        unnamed.extend(without.map(|bounce| bounce.mail));
    }
    if hits.is_empty() {
        return Err(NoDraft::NoSenders(evidence.ip));
    }
    let mut sheet = Sheet::default();
    let advice = &evidence.words.advice;
    if !unnamed.is_empty() {
        sheet.marked("# ", 2, &advice.unnamed.of(unnamed.len()));
    }
    let all = hits.len();
    for (at, (sender, hits)) in hits.iter().enumerate() {
        sheet.gap();
        let n = at + 1;
        let values: [(&str, &dyn std::fmt::Display); 3] = [("domain", sender), ("n", &n), ("all", &all)];
        sheet.line(&fill(&advice.notice, &values));
        sheet.gap();
        notice(evidence, &mut sheet, sender, hits);
    }
    Ok(sheet.finish())
}

fn notice(evidence: &Evidence<'_>, sheet: &mut Sheet, sender: &ReceivingDomain, hits: &[Hit<'_>]) {
    let words = &evidence.words.customers;
    let (over, open): (Vec<&Hit<'_>>, Vec<&Hit<'_>>) =
        hits.iter().partition(|hit| hit.group.state == State::Cleared);
    let subject = if open.is_empty() {
        &words.subject_over
    } else {
        &words.subject
    };
    evidence.subject(sheet, &fill(subject, &[("domain", sender)]));
    sheet.prose(&fill(&words.greeting, &[("domain", sender)]));
    sheet.gap();
    sheet.prose(&words.who);
    sheet.gap();
    let by_fault = |hit: &Hit<'_>| hit.group.state == State::ReceiverFault;
    let intro = match hits.iter().all(by_fault) {
        true => &words.intro_fault,
        false => &words.intro,
    };
    sheet.prose(&fill(intro, &[("ip", &evidence.ip)]));
    if !open.is_empty() {
        part(evidence, sheet, &open);
        still_refused(evidence, sheet, &open);
    }
    if !over.is_empty() {
        part(evidence, sheet, &over);
        cleared(evidence, sheet, &over);
    }
    sheet.gap();
    let fact = |label: &str, blank: &str| Fact {
        label: label.to_owned(),
        value: Value::Text(blank.to_owned()),
    };
    sheet.facts(
        &evidence.words.mark,
        &[
            fact(&words.doing, &words.doing_blank),
            fact(&words.contact, &words.contact_blank),
        ],
    );
    evidence.closing(sheet, &words.closing);
}

/// Which mails: when they were sent, how many, to which domains.
fn part(evidence: &Evidence<'_>, sheet: &mut Sheet, hits: &[&Hit<'_>]) {
    let words = &evidence.words.fact;
    let of = |action: Action| -> BTreeSet<Mail> {
        let all = hits.iter().flat_map(|hit| &hit.bounces);
        all.filter(|bounce| bounce.action == action)
            .map(|bounce| bounce.mail)
            .collect()
    };
    let failed = of(Action::Failed);
    let waiting = of(Action::Delayed).difference(&failed).count();
    let times = hits.iter().flat_map(|hit| &hit.bounces);
    let times: BTreeSet<Timestamp> = times
        .filter_map(|bounce| bounce.times.sent_or_bounced())
        .collect();
    let period = times
        .first()
        .zip(times.last())
        .map(|(first, last)| evidence.span(*first, *last));
    let mut count = words.mails.of(failed.len() + waiting);
    if waiting > 0 {
        count += &words.waiting.of(waiting);
    }
    let domains = hits.iter().map(|hit| {
        let mails: BTreeSet<Mail> = hit.bounces.iter().map(|bounce| bounce.mail).collect();
        words
            .domain
            .with(mails.len(), &[("domain", hit.group.receiving_domain)])
    });
    let domains: Vec<String> = domains.collect();
    let fact = |label: &str, value: String| Fact {
        label: label.to_owned(),
        value: Value::Text(value),
    };
    let mut facts = Vec::from_iter(period.map(|period| fact(&words.sent, period)));
    facts.push(fact(&words.count, count));
    facts.push(fact(
        &evidence.words.customers.domains,
        domains.join(evidence.comma()),
    ));
    sheet.gap();
    sheet.facts(&evidence.words.mark, &facts);
    sheet.gap();
}

/// That it goes on, as far as anybody knows, and that sending again is no use yet.
fn still_refused(evidence: &Evidence<'_>, sheet: &mut Sheet, hits: &[&Hit<'_>]) {
    let words = &evidence.words.customers;
    let goes_on = hits.iter().any(|hit| evidence.goes_on(hit.group));
    let state = if goes_on { &words.open } else { &words.unknown };
    sheet.prose(state);
    sheet.prose(&words.hold);
}

/// From when on sending again makes sense, and until when late bounces may come.
fn cleared(evidence: &Evidence<'_>, sheet: &mut Sheet, hits: &[&Hit<'_>]) {
    let words = &evidence.words.customers;
    let ends = hits
        .iter()
        .map(|hit| hit.group.spells.last().map(|spell| spell.end));
    let seen: Option<Vec<Timestamp>> = ends
        .map(|end| match end {
            Some(End::Seen(at)) => Some(at),
            Some(End::Open | End::Presumed) | None => None,
        })
        .collect();
    match seen.and_then(|times| times.into_iter().max()) {
        Some(at) => {
            let at = evidence.span(at, at);
            sheet.prose(&fill(&words.over, &[("at", &at)]));
            sheet.prose(&fill(&words.resend, &[("at", &at)]));
        }
        None => {
            sheet.prose(&words.over_presumed);
            sheet.prose(&words.resend_presumed);
        }
    }
    let until = hits
        .iter()
        .filter_map(|hit| late_until(evidence, hit.group))
        .max();
    if let Some(until) = until.filter(|until| *until > evidence.report.now) {
        let date = evidence.report.clock.show(until).format("%Y-%m-%d");
        sheet.prose(&fill(&words.late, &[("date", &date)]));
    }
}

/// Until when bounces may come of mail that was sent before the clearing.
fn late_until(evidence: &Evidence<'_>, group: &Group<'_>) -> Option<Timestamp> {
    let expires = group.late_cause.is_some_and(LateCause::is_queue_life);
    let life = group.queue_life.filter(|_| expires)?;
    refused_until(group, evidence.report.now)?.checked_add_signed(life)
}
