//! Who was hit: the domains that refused, by provider, and those of ours that sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::event::{ReceivingDomain, Timestamp};
use crate::ledger::{Mail, Recipient, State};
use crate::report::group::Group;
use crate::report::html::table::{Column, table};
use crate::report::html::{badges, minute};
use crate::report::late::is_late;
use crate::report::rows::Row;
use crate::report::{Report, visible};

/// What came of the mail to one domain, whichever of our addresses sent it.
#[derive(Default)]
struct Hit<'g> {
    provider: Option<&'g str>,
    states: BTreeSet<State>,
    mails: BTreeSet<Mail>,
    recipients: BTreeSet<Recipient>,
    late: BTreeSet<Mail>,
    senders: BTreeSet<&'g ReceivingDomain>,
    first_sent: Option<Timestamp>,
    last_sent: Option<Timestamp>,
}

impl<'g> Hit<'g> {
    fn add(&mut self, group: &'g Group<'_>) {
        self.provider = self.provider.or(group.provider);
        self.states.insert(group.state);
        self.mails.extend(&group.messages);
        self.recipients.extend(&group.recipients);
        self.late.extend(&group.late);
        self.senders.extend(&group.senders);
        self.first_sent = [self.first_sent, group.first_sent].into_iter().flatten().min();
        self.last_sent = self.last_sent.max(group.last_sent);
    }
}

/// The domains of one provider, or of none.
type OfProvider<'g> = (Option<&'g str>, Vec<(&'g ReceivingDomain, Hit<'g>)>);

/// What one of our domains sent in vain.
#[derive(Default)]
struct Sent<'g> {
    mails: BTreeSet<Mail>,
    recipients: BTreeSet<Recipient>,
    late: BTreeSet<Mail>,
    receivers: BTreeSet<&'g str>,
}

pub(super) fn section(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Markup {
    html! {
        (domains(report, &by_provider(rows)))
        (senders(report, &by_sender(rows)))
    }
}

/// Most mails first; those without a provider last.
fn by_provider<'g>(rows: &'g [Row<'_, '_>]) -> Vec<OfProvider<'g>> {
    let mut hits: BTreeMap<&ReceivingDomain, Hit<'_>> = BTreeMap::new();
    for group in rows.iter().flat_map(|row| &row.groups) {
        hits.entry(group.receiving_domain).or_default().add(group);
    }
    let mut providers: BTreeMap<Option<&str>, Vec<_>> = BTreeMap::new();
    for (domain, hit) in hits {
        providers.entry(hit.provider).or_default().push((domain, hit));
    }
    let mut providers = Vec::from_iter(providers);
    for (_, domains) in &mut providers {
        domains.sort_by_key(|(_, hit)| Reverse(hit.mails.len()));
    }
    providers.sort_by_cached_key(|(provider, domains)| {
        let mails: usize = domains.iter().map(|(_, hit)| hit.mails.len()).sum();
        (provider.is_none(), Reverse(mails))
    });
    providers
}

fn domains(report: &Report<'_>, providers: &[OfProvider<'_>]) -> Markup {
    let words = &report.words.html.hit;
    let columns = [
        Column::Text(&words.domain),
        Column::Text(&words.state),
        Column::Number(&words.mails),
        Column::Number(&words.recipients),
        Column::Number(&words.late),
        Column::Text(&words.first_sent),
        Column::Text(&words.last_sent),
        Column::Text(&words.senders),
    ];
    let bodies = html! {
        @for (provider, domains) in providers {
            tbody {
                tr class="group" {
                    th colspan=(columns.len()) scope="rowgroup" {
                        (provider.map_or(words.no_provider.as_str().into(), visible))
                    }
                }
                @for (domain, hit) in domains { (row(report, domain, hit)) }
            }
        }
    };
    table("hit-domains", &words.by_domain, &columns, &bodies)
}

fn row(report: &Report<'_>, domain: &ReceivingDomain, hit: &Hit<'_>) -> Markup {
    let time = |time: Option<Timestamp>| time.map(|time| minute(report, time)).unwrap_or_default();
    let senders: Vec<&str> = hit.senders.iter().map(|sender| sender.as_str()).collect();
    html! {
        tr {
            th scope="row" { (visible(domain.as_str())) }
            td { (badges(report, hit.states.iter().copied())) }
            td class="n" { (hit.mails.len()) }
            td class="n" { (hit.recipients.len()) }
            td class="n" { (hit.late.len()) }
            td class="time" { (time(hit.first_sent)) }
            td class="time" { (time(hit.last_sent)) }
            td class="long" { (visible(&senders.join(&report.words.join.list))) }
        }
    }
}

/// Most mails first.
fn by_sender<'g>(rows: &'g [Row<'_, '_>]) -> Vec<(Option<&'g str>, Sent<'g>)> {
    let mut senders: BTreeMap<Option<&str>, Sent<'_>> = BTreeMap::new();
    let groups = rows.iter().flat_map(|row| &row.groups);
    for bounce in groups.flat_map(|group| group.bounces.iter().copied()) {
        let sender = bounce.sender.as_ref().map(|sender| sender.as_str());
        let sent = senders.entry(sender).or_default();
        sent.mails.insert(bounce.mail);
        sent.recipients.insert(bounce.recipient);
        sent.receivers.insert(bounce.receiving_domain.as_str());
        if is_late(bounce) {
            sent.late.insert(bounce.mail);
        }
    }
    let mut senders = Vec::from_iter(senders);
    senders.sort_by_key(|(sender, sent)| (sender.is_none(), Reverse(sent.mails.len())));
    senders
}

fn senders(report: &Report<'_>, senders: &[(Option<&str>, Sent<'_>)]) -> Markup {
    let words = &report.words.html.hit;
    let columns = [
        Column::Text(&words.sender),
        Column::Number(&words.mails),
        Column::Number(&words.recipients),
        Column::Number(&words.receivers),
        Column::Number(&words.late),
    ];
    let body = html! {
        tbody {
            @for (sender, sent) in senders {
                tr {
                    th scope="row" { (sender.map_or(words.no_sender.as_str().into(), visible)) }
                    td class="n" { (sent.mails.len()) }
                    td class="n" { (sent.recipients.len()) }
                    td class="n" { (sent.receivers.len()) }
                    td class="n" { (sent.late.len()) }
                }
            }
        }
    };
    table("hit-senders", &words.by_sender, &columns, &body)
}
