//! The letters to the hosting company, to whoever keeps the list, and to the receiver.

use crate::catalogue::{FormField, WhoMayAsk};
use crate::event::{Reason, ReceivingDomain};
use crate::report::draft::evidence::Evidence;
use crate::report::draft::sheet::{Fact, Sheet, Value, held};
use crate::report::words::fill;

impl Evidence<'_> {
    pub(super) fn blank(&self) -> String {
        held(&self.words.blank)
    }

    /// The subject's line and an empty one.
    pub(super) fn subject(&self, sheet: &mut Sheet, subject: &str) {
        sheet.line(&fill(&self.words.subject, &[("subject", &subject)]));
        sheet.gap();
    }

    /// The end of every letter.
    pub(super) fn closing(&self, sheet: &mut Sheet, closing: &str) {
        sheet.gap();
        sheet.prose(closing);
        sheet.gap();
        sheet.line(&self.words.signature);
    }

    fn write_facts(&self, sheet: &mut Sheet, facts: impl IntoIterator<Item = Fact>) {
        sheet.gap();
        let facts: Vec<Fact> = facts.into_iter().collect();
        sheet.facts(&self.words.mark, &facts);
        sheet.gap();
    }

    fn write_requests(&self, sheet: &mut Sheet, requests: &[String]) {
        sheet.gap();
        sheet.line(&self.words.request.title);
        sheet.numbered(requests);
    }

    /// What the last refusal goes by, for a subject: the operator's code, else the list.
    fn mark(&self) -> Option<String> {
        let list = || self.list_name().map(str::to_owned);
        self.newest
            .verdict
            .code
            .clone()
            .filter(|_| self.way.is_some_and(|way| way.kept_by_receiver))
            .or_else(list)
    }
}

/// To the company whose server or network it is.
pub(super) fn to_hosting(evidence: &Evidence<'_>) -> String {
    let words = &evidence.words.hosting;
    let (ip, receiver, blank) = (evidence.ip, evidence.receiver(), evidence.blank());
    let is_ptr = evidence.reason() == Reason::RequirePtr;
    let (subject, intro) = match (is_ptr, evidence.is_over()) {
        (true, _) => (&words.subject_ptr, &words.intro_ptr),
        (false, true) => (&words.subject_over, &words.intro_over),
        (false, false) => (&words.subject, &words.intro),
    };
    let by = evidence.mark().unwrap_or_else(|| receiver.clone());
    let mut sheet = Sheet::default();
    let subject = fill(subject, &[("ip", &ip), ("receiver", &receiver), ("by", &by)]);
    evidence.subject(&mut sheet, &subject);
    match evidence.company {
        Some(company) => sheet.prose(&fill(&words.greeting, &[("company", &company.name)])),
        None => sheet.prose(&words.greeting_unnamed),
    }
    sheet.gap();
    let server = evidence.newest.reporting_mta.as_deref();
    let server = server.or(evidence.chosen.ptr.first().copied());
    let server = server.map_or_else(|| blank.clone(), str::to_owned);
    sheet.prose(&fill(&words.who, &[("blank", &blank), ("server", &server)]));
    sheet.gap();
    sheet.prose(&fill(intro, &[("receiver", &receiver)]));
    let owner_asks = evidence.chosen.who_may_ask == WhoMayAsk::IpOwner && !evidence.is_over() && !is_ptr;
    if let Some(list) = evidence.list_name().filter(|_| owner_asks) {
        sheet.prose(&fill(&words.owner_asks, &[("list", &list)]));
    }
    if !is_ptr && !evidence.is_over() {
        sheet.prose(&words.not_filed);
    }
    evidence.write_facts(&mut sheet, all_facts(evidence));
    evidence.write_requests(&mut sheet, &of_host(evidence, is_ptr));
    evidence.closing(&mut sheet, &words.closing);
    sheet.finish()
}

/// What was refused, when, by whom, and in which words.
fn refusal_facts(evidence: &Evidence<'_>) -> Vec<Fact> {
    let mut facts = vec![evidence.ip_fact()];
    facts.extend(evidence.helo_fact());
    facts.extend(evidence.sent_fact());
    facts.push(evidence.count_fact());
    facts.push(evidence.receivers_fact());
    facts.extend(evidence.host_facts());
    facts.extend(evidence.reply_fact());
    facts
}

fn all_facts(evidence: &Evidence<'_>) -> Vec<Fact> {
    let mut facts = refusal_facts(evidence);
    facts.extend(evidence.late_fact());
    facts.push(evidence.checks_fact());
    facts.extend(evidence.course_facts());
    facts.extend(evidence.others_fact());
    facts.push(evidence.own_fact());
    facts.extend(evidence.attached_fact());
    facts
}

/// What the company is asked for.
fn of_host(evidence: &Evidence<'_>, is_ptr: bool) -> Vec<String> {
    let words = &evidence.words.request;
    let domain = evidence.chosen.receiving_domain;
    if is_ptr {
        return vec![words.ptr.clone(), words.tell.clone()];
    }
    let mut requests = vec![words.investigate.clone()];
    if !evidence.is_over() && evidence.reason() == Reason::RateLimited {
        requests.push(words.rate.clone());
    } else if !evidence.is_over() {
        let list = evidence.list_name();
        requests.push(match (evidence.chosen.who_may_ask, list, evidence.removal()) {
            (WhoMayAsk::Nobody, Some(list), _) => fill(&words.expires, &[("list", &list)]),
            (WhoMayAsk::Receiver, _, _) | (_, None, _) => fill(&words.ask_receiver, &[("domain", domain)]),
            (_, Some(list), Some(at)) => {
                let at = at.trim_start_matches("mailto:");
                fill(&words.delist_at, &[("list", &list), ("at", &at)])
            }
            (_, Some(list), None) => fill(&words.delist, &[("list", &list)]),
        });
    }
    if evidence.chosen.spells.len() > 1 {
        requests.push(words.prevent.clone());
    }
    if !evidence.is_over() {
        requests.push(words.tell.clone());
    }
    requests
}

/// To whoever keeps the list: what its form asks for, then the message.
pub(super) fn to_list(evidence: &Evidence<'_>) -> String {
    let words = &evidence.words.list;
    let by = evidence
        .list_name()
        .map_or_else(|| evidence.receiver(), str::to_owned);
    let (ip, blank) = (evidence.ip, evidence.blank());
    let mut sheet = Sheet::default();
    evidence.subject(&mut sheet, &fill(&words.subject, &[("list", &by), ("ip", &ip)]));
    let form = evidence.way.map(|way| way.form.as_slice()).unwrap_or_default();
    let fields: Vec<Fact> = form.iter().map(|field| form_field(evidence, *field)).collect();
    if fields.is_empty() {
        let operator = evidence
            .list
            .map(|list| evidence.report.words.phrases.fact(&list.operator))
            .unwrap_or_default();
        let operator = operator.split(" (").next().filter(|name| !name.is_empty());
        sheet.prose(&fill(&words.greeting, &[("operator", &operator.unwrap_or(&by))]));
        sheet.gap();
        sheet.prose(&words.who);
    } else {
        sheet.facts("", &fields);
        sheet.gap();
        sheet.line(&words.message);
    }
    sheet.gap();
    sheet.prose(&fill(&words.intro, &[("list", &by)]));
    let mut facts = vec![evidence.ip_fact()];
    facts.extend(evidence.sent_fact());
    facts.push(evidence.count_fact());
    facts.push(evidence.receivers_fact());
    if !form.contains(&FormField::Reply) {
        facts.extend(evidence.reply_fact());
    }
    facts.push(evidence.checks_fact());
    facts.extend(evidence.course_facts());
    facts.extend(evidence.attached_fact());
    evidence.write_facts(&mut sheet, facts);
    let blank_fact = |label: &str| Fact {
        label: label.to_owned(),
        value: Value::Text(blank.clone()),
    };
    let labels = match evidence.company.filter(|_| evidence.is_shared()) {
        Some(company) => {
            sheet.prose(&fill(&words.host_said, &[("company", &company.name)]));
            [&words.host_answer, &words.done]
        }
        None => [&words.found, &words.done],
    };
    let facts = labels.map(|label| blank_fact(label));
    sheet.facts(&evidence.words.mark, &facts);
    if evidence.way.is_some_and(|way| way.whole_bounce) && evidence.attached.is_none() {
        sheet.gap();
        sheet.prose(&words.whole_bounce);
    }
    evidence.closing(&mut sheet, &words.closing);
    sheet.finish()
}

/// A field of a form: what the evidence has for it, else a blank.
fn form_field(evidence: &Evidence<'_>, field: FormField) -> Fact {
    let words = &evidence.words.field;
    let blank = || Value::Text(evidence.blank());
    let list = |domains: Vec<&ReceivingDomain>| {
        let domains: Vec<&str> = domains.into_iter().map(ReceivingDomain::as_str).collect();
        match domains.is_empty() {
            true => blank(),
            false => Value::Text(domains.join(evidence.comma())),
        }
    };
    let groups = || evidence.same.iter();
    let (label, value) = match field {
        FormField::Company => (&words.company, blank()),
        FormField::Name => (&words.name, blank()),
        FormField::Phone => (&words.phone, blank()),
        FormField::PhoneWithCountry => (&words.phone_with_country, blank()),
        FormField::Mail => (&words.mail, blank()),
        FormField::Service => (&words.service, Value::Text(words.service_blank.clone())),
        FormField::CustomerNumber => (&words.customer_number, blank()),
        FormField::Ip => (&words.ip, Value::Text(evidence.ip.to_string())),
        FormField::SendingDomain => {
            let mut senders: Vec<_> = groups().flat_map(|group| group.senders.iter().copied()).collect();
            senders.sort();
            senders.dedup();
            (&words.sending_domain, list(senders))
        }
        FormField::ReceivingDomain => {
            let domains = groups().map(|group| group.receiving_domain).collect();
            (&words.receiving_domain, list(domains))
        }
        FormField::Shared if evidence.is_shared() => (&words.shared, Value::Text(words.is_shared.clone())),
        FormField::Shared => (&words.shared, Value::Text(words.is_own.clone())),
        FormField::Reply => {
            let reply = evidence.chosen.sample_reply;
            (
                &words.reply,
                reply.map_or_else(blank, |reply| Value::Quote(reply.to_owned())),
            )
        }
    };
    Fact {
        label: fill(&words.label, &[("label", label)]),
        value,
    }
}

/// To the receiver's postmaster.
pub(super) fn to_receiver(evidence: &Evidence<'_>) -> String {
    let words = &evidence.words.receiver;
    let requests = &evidence.words.request;
    let (ip, domain) = (evidence.ip, evidence.chosen.receiving_domain);
    let mut sheet = Sheet::default();
    evidence.subject(
        &mut sheet,
        &fill(&words.subject, &[("ip", &ip), ("domain", domain)]),
    );
    sheet.prose(&fill(&words.greeting, &[("domain", domain)]));
    sheet.gap();
    sheet.prose(&words.who);
    let intro = if evidence.is_over() {
        &words.intro_over
    } else {
        &words.intro
    };
    sheet.prose(&fill(intro, &[("domain", domain)]));
    let mut facts = refusal_facts(evidence);
    facts.push(evidence.checks_fact());
    facts.push(evidence.own_fact());
    facts.extend(evidence.attached_fact());
    evidence.write_facts(&mut sheet, facts);
    let asked = if evidence.reason() == Reason::RateLimited {
        vec![requests.limits.clone()]
    } else if evidence.is_over() {
        vec![requests.reason.clone()]
    } else {
        vec![requests.reason.clone(), requests.allow.clone()]
    };
    evidence.write_requests(&mut sheet, &asked);
    evidence.closing(&mut sheet, &words.closing);
    sheet.finish()
}
