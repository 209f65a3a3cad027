//! What a bounce tells, and how its two tellings (words and report) become one event for each recipient.

use std::net::IpAddr;

use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::event::{
    Action, Event, Format, Original, ReceivingDomain, SmtpCommand, Source, Status, Times, Timestamp, Verdict,
};

/// Recipients beyond this number are not read from one bounce: each of its events repeats what is said of all.
const MAX_RECIPIENTS: usize = 10_000;

/// What one telling says: the words for people, or the report for machines.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// What wrote it, where a field of the report shows it.
    pub(super) writer: Option<Format>,
    pub(super) reporting_mta: Option<String>,
    /// Arrival-Date, or the transcript's words.
    pub(super) sent_at: Option<Timestamp>,
    /// What it says of the original, where that was not returned.
    pub(super) original: Original,
    pub(super) recipients: Vec<Finding>,
}

/// What is told of one recipient.
#[derive(Clone, Debug, Default)]
pub(super) struct Finding {
    pub(super) recipient: String,
    /// The address as the sender wrote it, where it is not the recipient's (an alias).
    pub(super) original: Option<String>,
    pub(super) action: Option<Action>,
    pub(super) status: Option<Status>,
    pub(super) remote_host: Option<String>,
    pub(super) remote_ip: Option<IpAddr>,
    pub(super) command: Option<SmtpCommand>,
    pub(super) reply: Option<Reply>,
}

impl Finding {
    /// Nothing known yet but the address.
    pub(super) fn to(recipient: String) -> Self {
        Self {
            recipient,
            ..Self::default()
        }
    }

    fn is_for(&self, other: &Self) -> bool {
        let same = |one: &str, two: &str| one.eq_ignore_ascii_case(two);
        same(&self.recipient, &other.recipient)
            || self
                .original
                .as_deref()
                .is_some_and(|original| same(original, &other.recipient))
            || other
                .original
                .as_deref()
                .is_some_and(|original| same(&self.recipient, original))
    }
}

/// One event for each recipient that the words or the report know of.
pub(super) fn events(source: &Source, bounce: &Bounce<'_>, format: Format, words: Told) -> Vec<Event> {
    let report = bounce.report.clone().unwrap_or_default();
    let times = Times {
        bounced_at: bounce.head.bounced_at,
        sent_at: bounce.returned.sent_at.or(report.sent_at).or(words.sent_at),
    };
    let reporting_mta = report.reporting_mta.or(words.reporting_mta);
    let reporting_mta = reporting_mta.or_else(|| bounce.head.written_by.clone());
    let original = if bounce.returned.fields == Original::default() {
        words.original
    } else {
        bounce.returned.fields.clone()
    };
    let findings = merged(words.recipients, report.recipients);
    let event = |finding: Finding| {
        let receiving_domain = ReceivingDomain::of(&finding.recipient)?;
        Some(Event {
            source: source.clone(),
            message_id: bounce.head.message_id.clone(),
            times,
            format,
            reporting_mta: reporting_mta.clone(),
            original: original.clone(),
            receiving_domain,
            remote_host: finding.remote_host,
            remote_ip: finding.remote_ip,
            action: finding.action.unwrap_or(Action::Failed),
            status: finding
                .status
                .or(finding.reply.as_ref().and_then(|reply| reply.status)),
            smtp_code: finding.reply.as_ref().and_then(|reply| reply.code),
            smtp_command: finding.command,
            reply: finding.reply.map(|reply| reply.text),
            recipient: finding.recipient,
            verdict: Verdict::default(),
        })
    };
    findings
        .into_iter()
        .take(MAX_RECIPIENTS)
        .filter_map(event)
        .collect()
}

/// Recipient by recipient. Those without a namesake are paired in their order where as many are left on both sides
/// (a list's words name the alias, its report the address behind it); what the words alone know stays where it has a
/// reply of its own.
fn merged(words: Vec<Finding>, report: Vec<Finding>) -> Vec<Finding> {
    if report.is_empty() {
        return once_each(words);
    }
    let report = once_each(report);
    let mut words: Vec<Option<Finding>> = once_each(words).into_iter().map(Some).collect();
    let mut partners: Vec<Option<Finding>> = report
        .iter()
        .enumerate()
        .map(|(index, told)| {
            // both tellings keep the same order nearly always
            let same = words
                .get(index)
                .is_some_and(|word| word.as_ref().is_some_and(|word| told.is_for(word)));
            let is_namesake = |word: &Option<Finding>| word.as_ref().is_some_and(|word| told.is_for(word));
            let at = if same {
                Some(index)
            } else {
                words.iter().position(is_namesake)
            };
            at.and_then(|at| words.get_mut(at)).and_then(Option::take)
        })
        .collect();
    let lonely = partners.iter().filter(|partner| partner.is_none()).count();
    if lonely == words.iter().flatten().count() {
        let mut left = words.iter_mut().filter_map(Option::take);
        for partner in partners.iter_mut().filter(|partner| partner.is_none()) {
            *partner = left.next();
        }
    }
    let pairs = report.into_iter().zip(partners);
    let both = pairs.map(|(told, word)| match word {
        Some(word) => better(word, told),
        None => settled(told, None),
    });
    let alone = words
        .into_iter()
        .flatten()
        .filter(|word| word.reply.as_ref().is_some_and(|reply| reply.code.is_some()));
    // two aliases may stand for one address
    once_each(both.chain(alone).collect())
}

/// The same recipient told of twice in one telling is one: the later telling fills gaps.
fn once_each(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let key = finding.recipient.to_ascii_lowercase();
        match seen.get(&key).and_then(|at| kept.get_mut(*at)) {
            Some(earlier) => {
                let earlier_told = std::mem::take(earlier);
                *earlier = filled(earlier_told, finding);
            }
            None => {
                seen.insert(key, kept.len());
                kept.push(finding);
            }
        }
    }
    kept
}

fn filled(first: Finding, second: Finding) -> Finding {
    Finding {
        recipient: first.recipient,
        original: first.original.or(second.original),
        action: first.action.or(second.action),
        status: first.status.or(second.status),
        remote_host: first.remote_host.or(second.remote_host),
        remote_ip: first.remote_ip.or(second.remote_ip),
        command: first.command.or(second.command),
        reply: first.reply.or(second.reply),
    }
}

/// Words and report of one recipient: each field from the one that has it better.
fn better(words: Finding, report: Finding) -> Finding {
    let Finding { reply: said, .. } = &words;
    let prefers_words = match (said, &report.reply) {
        (Some(said), Some(reported)) => {
            (said.code.is_some(), substance(&said.text))
                >= (reported.code.is_some(), substance(&reported.text))
        }
        (said, _) => said.is_some(),
    };
    // given up is given up, whatever the report's status or action (OpenSMTPD says `delayed` of expired mail)
    let failed = words.action == Some(Action::Failed) && report.action == Some(Action::Delayed);
    let own_host = report.remote_host.is_none();
    // Exim's report has the alias as its Final-Recipient, its words the address behind it
    let is_alias = words
        .original
        .as_deref()
        .is_some_and(|alias| alias.eq_ignore_ascii_case(&report.recipient));
    let told = Finding {
        recipient: if is_alias {
            words.recipient
        } else {
            report.recipient
        },
        original: report.original,
        action: if failed {
            words.action
        } else {
            report.action.or(words.action)
        },
        status: report.status,
        remote_ip: if own_host {
            words.remote_ip.or(report.remote_ip)
        } else {
            report.remote_ip.or(words.remote_ip)
        },
        remote_host: report.remote_host.or(words.remote_host),
        command: words.command.or(report.command),
        reply: if prefers_words { words.reply } else { report.reply },
    };
    settled(told, words.status)
}

/// The report's status stands where it has another class than the reply (Postfix turns a refused greeting into 4.x.x
/// and goes on trying) or the reply has none; else the reply's is the remote host's own word: sendmail writes 5.1.1
/// for any 550. Exim writes 5.0.0 for everything, a deferral whose time is over too: it says nothing beside a reply's.
fn settled(finding: Finding, said: Option<Status>) -> Finding {
    let of_reply = finding.reply.as_ref().and_then(|reply| reply.status).or(said);
    let status = match (finding.status, of_reply) {
        (Some(reported), Some(own))
            if (own.subject(), own.detail()) != (0, 0)
                && (reported.class() == own.class() || (reported.subject(), reported.detail()) == (0, 0)) =>
        {
            Some(own)
        }
        (Some(reported), _) => Some(reported),
        (None, own) => own,
    };
    Finding { status, ..finding }
}

/// How much a reply says: characters without blanks (Domino folds inside words), an octal escape (`\303\251`, Exim)
/// counted as none, nor what could not be decoded (a UTF-8 reply inside a notice in ISO-2022-JP, Postfix).
fn substance(text: &str) -> usize {
    let escapes = text.matches('\\').count();
    let is_written = |c: &char| !c.is_whitespace() && *c != char::REPLACEMENT_CHARACTER;
    let written = text.chars().filter(is_written).count();
    written.saturating_sub(escapes * 4)
}
