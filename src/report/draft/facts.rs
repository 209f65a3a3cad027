//! The lines of evidence: what was refused, when, by whom, with which words, and what the DNS said.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::check::{Answer, Listing, Ptr};
use crate::event::Timestamp;
use crate::ledger::{End, Spell, State};
use crate::report::draft::evidence::Evidence;
use crate::report::draft::sheet::{Fact, Value};
use crate::report::draft::words::FactWords;
use crate::report::group::Group;
use crate::report::listed::short;
use crate::report::words::fill;

/// Domains that are named one by one.
const DOMAINS: usize = 20;
/// Earlier clearings that are named.
const CLEARINGS: usize = 4;
/// Answers of one run come within so long.
const ONE_RUN: TimeDelta = TimeDelta::minutes(10);
/// From then on people count in days.
const DAYS: TimeDelta = TimeDelta::hours(48);
/// Bounces later than this are worth a word.
const LATE: TimeDelta = TimeDelta::hours(24);

fn text(label: &str, value: String) -> Fact {
    Fact {
        label: label.to_owned(),
        value: Value::Text(value),
    }
}

impl Evidence<'_> {
    fn fact_words(&self) -> &FactWords {
        &self.words.fact
    }

    /// What stands between the texts of a list.
    pub(super) fn comma(&self) -> &str {
        &self.report.words.join.list
    }

    /// A time in the report's zone.
    pub(super) fn time(&self, at: Timestamp) -> String {
        self.report.clock.show(at).format("%Y-%m-%d %H:%M").to_string()
    }

    /// What people call the zone that a time is written in.
    pub(super) fn zone(&self, at: Timestamp) -> String {
        zone(self.report.clock.show(at), &self.words.japan_time)
    }

    /// From when to when mail of these groups was sent; when it bounced, where no bounce says when it was sent.
    pub(super) fn period(&self, groups: &[&Group<'_>]) -> Option<(&str, String)> {
        let words = self.fact_words();
        let sent = groups
            .iter()
            .flat_map(|group| [group.first_sent, group.last_sent]);
        let sent: BTreeSet<Timestamp> = sent.flatten().collect();
        let bounced = groups
            .iter()
            .flat_map(|group| [group.first_bounced, group.last_bounced]);
        let (label, times) = match sent.is_empty() {
            false => (&words.sent, sent),
            true => (&words.bounced, bounced.flatten().collect()),
        };
        let (first, last) = (*times.first()?, *times.last()?);
        Some((label, self.span(first, last)))
    }

    pub(super) fn span(&self, first: Timestamp, last: Timestamp) -> String {
        let words = self.fact_words();
        let (from, to) = (self.time(first), self.time(last));
        let text = if from == to { &words.moment } else { &words.period };
        fill(text, &[("from", &from), ("to", &to), ("zone", &self.zone(last))])
    }

    /// The address, its names, and whether others use it.
    pub(super) fn ip_fact(&self) -> Fact {
        let words = self.fact_words();
        let mut notes = match self.ptr() {
            Some(Ptr::Confirmed(name)) => vec![fill(&words.ptr, &[("name", name)])],
            Some(Ptr::Unconfirmed(names)) => {
                vec![fill(
                    &words.ptr_unconfirmed,
                    &[("name", &names.join(self.comma()))],
                )]
            }
            Some(Ptr::None) => vec![words.ptr_none.clone()],
            Some(Ptr::Unknown(_)) | None => Vec::new(),
        };
        if self.is_shared() {
            notes.push(words.shared.clone());
        }
        let value = match notes.is_empty() {
            true => self.ip.to_string(),
            false => {
                let notes = notes.join(self.comma());
                fill(&words.ip_value, &[("ip", &self.ip), ("notes", &notes)])
            }
        };
        text(&words.ip, value)
    }

    pub(super) fn sent_fact(&self) -> Option<Fact> {
        let words = self.fact_words();
        let (label, period) = self.period(&self.same)?;
        let state = match (self.goes_on(self.chosen), self.is_over()) {
            (true, _) => &words.goes_on,
            (false, true) => &words.over,
            (false, false) => "",
        };
        Some(text(label, format!("{period}{state}")))
    }

    pub(super) fn count_fact(&self) -> Fact {
        let words = self.fact_words();
        let (failed, waiting) = Self::mails(&self.same);
        let recipients: BTreeSet<_> = self.same.iter().flat_map(|group| &group.recipients).collect();
        let mails = words.mails.of(failed.len() + waiting.len());
        let recipients = words.recipients.of(recipients.len());
        let mut value = fill(
            &words.count_value,
            &[("mails", &mails), ("recipients", &recipients)],
        );
        if !waiting.is_empty() {
            value += &words.waiting.of(waiting.len());
        }
        text(&words.count, value)
    }

    /// Who refused, with the domains and how many mails each.
    pub(super) fn receivers(&self, groups: &[&Group<'_>]) -> String {
        let words = self.fact_words();
        let mut providers: Vec<Option<&str>> = Vec::new();
        for group in groups {
            if !providers.contains(&group.provider) {
                providers.push(group.provider);
            }
        }
        let of = |provider: &Option<&str>| {
            let domains: Vec<String> = groups
                .iter()
                .filter(|group| group.provider == *provider)
                .map(|group| {
                    let domain = group.receiving_domain;
                    words.domain.with(group.messages.len(), &[("domain", domain)])
                })
                .collect();
            let mut named: Vec<String> = domains.iter().take(DOMAINS).cloned().collect();
            if domains.len() > DOMAINS {
                named.push(words.more_domains.of(domains.len() - DOMAINS));
            }
            let named = named.join(self.comma());
            match provider {
                Some(provider) => fill(&words.receiver, &[("receiver", provider), ("domains", &named)]),
                None => named,
            }
        };
        providers.iter().map(of).collect::<Vec<_>>().join(self.comma())
    }

    pub(super) fn receivers_fact(&self) -> Fact {
        text(&self.fact_words().receivers, self.receivers(&self.same))
    }

    /// The host that refused and its own code, where the bounce has them.
    pub(super) fn host_facts(&self) -> Vec<Fact> {
        let words = self.fact_words();
        let host = self.newest.remote_host.as_deref();
        let code = self.newest.verdict.code.as_deref();
        let host = host.map(|host| text(&words.host, host.to_owned()));
        let code = code.map(|code| text(&words.code, code.to_owned()));
        host.into_iter().chain(code).collect()
    }

    pub(super) fn reply_fact(&self) -> Option<Fact> {
        let reply = self.chosen.sample_reply?;
        Some(Fact {
            label: self.fact_words().reply.clone(),
            value: Value::Quote(reply.to_owned()),
        })
    }

    /// How late the bounces come, where they do.
    pub(super) fn late_fact(&self) -> Option<Fact> {
        let words = self.fact_words();
        let delays = self.same.iter().filter_map(|group| group.max_delay);
        let longest = delays.max().filter(|delay| *delay > LATE)?;
        let time = self.duration(longest);
        Some(text(&words.late, fill(&words.late_value, &[("time", &time)])))
    }

    fn duration(&self, time: TimeDelta) -> String {
        let words = self.fact_words();
        let whole = |n: i64| usize::try_from(n).unwrap_or_default();
        if time < DAYS {
            words.hours.of(whole(time.num_hours()).max(1))
        } else {
            words.days.of(whole(time.num_days()))
        }
    }

    /// What each zone says of the address, and when it was asked.
    pub(super) fn checks_fact(&self) -> Fact {
        let words = self.fact_words();
        let listings = &self.chosen.listings;
        let Some(last) = listings.iter().map(|listing| listing.checked_at).max() else {
            return text(&words.checks, words.not_asked.clone());
        };
        let asked = fill(
            &words.asked,
            &[("time", &self.time(last)), ("zone", &self.zone(last))],
        );
        let mut rows: Vec<(String, String)> = listings
            .iter()
            .map(|listing| (listing.zone.to_string(), self.answer(listing, last)))
            .collect();
        let private = self.chosen.lists.iter().filter(|(_, zones)| zones.is_empty());
        rows.extend(private.map(|(list, _)| (list.to_string(), words.private.clone())));
        Fact {
            label: words.checks.clone(),
            value: Value::Table(asked, rows),
        }
    }

    fn answer(&self, listing: &Listing, last: Timestamp) -> String {
        let (words, phrases) = (self.fact_words(), &self.report.words.phrases);
        let mut answer = match &listing.answer {
            Answer::Listed(codes) => {
                let join = &self.report.words.join;
                let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
                let codes = codes.join(&join.words);
                let codes = match listing.meaning.as_deref() {
                    Some(meaning) => join.aside(&codes, &short(&phrases.said(meaning))),
                    None => codes,
                };
                fill(&words.listed, &[("codes", &codes)])
            }
            Answer::NotListed => words.not_listed.clone(),
            Answer::Refused(_) => words.refused.clone(),
            Answer::Timeout => words.timeout.clone(),
            Answer::Error(why) => fill(&words.error, &[("why", &phrases.said(why))]),
            Answer::ZoneDead(_) => words.dead.clone(),
        };
        if last - listing.checked_at > ONE_RUN {
            answer += &fill(&words.answer_at, &[("time", &self.time(listing.checked_at))]);
        }
        answer
    }

    /// How often it was listed and cleared, and how long that took, where a check has seen an end.
    pub(super) fn course_facts(&self) -> Vec<Fact> {
        let words = self.fact_words();
        let spells = self.chosen.spells.as_slice();
        let ends: Vec<TimeDelta> = spells.iter().rev().filter_map(took).collect();
        let Some(first) = spells.first().filter(|_| !ends.is_empty()) else {
            return Vec::new();
        };
        let over = spells.iter().filter(|spell| spell.end != End::Open).count();
        let date = self.report.clock.show(first.began_by).format("%Y-%m-%d");
        let mut value = fill(
            &words.course_value,
            &[
                ("listings", &words.listings.of(spells.len())),
                ("removals", &words.removals.of(over)),
                ("date", &date),
            ],
        );
        if let Some(last) = spells.last().filter(|spell| spell.end == End::Open) {
            value += &fill(&words.since, &[("time", &self.time(last.began_by))]);
        }
        let times: Vec<String> = ends
            .iter()
            .take(CLEARINGS)
            .map(|time| self.duration(*time))
            .collect();
        let took = fill(&words.took_value, &[("times", &times.join(self.comma()))]);
        vec![text(&words.course, value), text(&words.took, took)]
    }

    /// What else refuses the address; that nothing does, only where every bounce could be read and names its address.
    pub(super) fn others_fact(&self) -> Option<Fact> {
        let words = self.fact_words();
        if self.others.is_empty() {
            let unnamed = |group: &Group<'_>| group.blocked_ip.is_none() && group.is_block();
            let all_known = self.report.is_complete() && !self.report.groups.iter().any(unnamed);
            return all_known.then(|| text(&words.others, words.no_others.clone()));
        }
        let each = self.others.iter().take(DOMAINS).map(|group| {
            let receivers = self.receivers(&[group]);
            if group.state == State::ReceiverFault {
                return fill(&words.other_fault, &[("receivers", &receivers)]);
            }
            let reasons = &self.report.words.reasons;
            let reasons: Vec<&str> = group.reasons.iter().map(|reason| reasons.of(*reason)).collect();
            let lists: Vec<&str> = group.blocklists.iter().map(|list| list.0.as_str()).collect();
            let what = if lists.is_empty() { reasons } else { lists }.join(self.comma());
            let state = self.report.words.state.of(group.state);
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("receivers", &receivers), ("what", &what), ("state", state)];
            fill(&words.other, &values)
        });
        let mut each: Vec<String> = each.collect();
        if self.others.len() > DOMAINS {
            each.push(words.more_domains.of(self.others.len() - DOMAINS));
        }
        Some(text(&words.others, each.join(self.comma())))
    }

    /// What the writer has looked into: only the writer knows.
    pub(super) fn own_fact(&self) -> Fact {
        text(&self.fact_words().own, self.fact_words().own_blank.clone())
    }

    pub(super) fn attached_fact(&self) -> Option<Fact> {
        let words = self.fact_words();
        let attached = self.attached?;
        Some(text(&words.attached, words.attached_value.of(attached)))
    }

    /// What the address calls itself, where that is not one of its names.
    pub(super) fn helo_fact(&self) -> Option<Fact> {
        let ptr = &self.chosen.ptr;
        let helo = self
            .chosen
            .helo
            .filter(|helo| !ptr.is_empty() && !ptr.contains(helo))?;
        Some(text(&self.fact_words().helo, helo.to_owned()))
    }
}

/// How long a listing lasted whose end a check has seen.
fn took(spell: &Spell) -> Option<TimeDelta> {
    match spell.end {
        End::Seen(over) => Some(over - spell.began_by),
        End::Open | End::Presumed => None,
    }
}

/// `UTC`, a country's word for its time, else the offset.
fn zone(time: Timestamp, japan_time: &str) -> String {
    match time.offset().local_minus_utc() {
        0 => "UTC".to_owned(),
        32_400 => japan_time.to_owned(),
        _ => time.format("%:z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::draft::facts::zone;
    use crate::report::samples::at;

    #[test]
    fn a_zone_has_the_name_that_people_give_it() {
        assert_eq!(zone(at("2026-11-22T09:00:00+09:00"), "Japan time"), "Japan time");
        assert_eq!(zone(at("2026-11-22T00:00:00+00:00"), "Japan time"), "UTC");
        assert_eq!(zone(at("2026-11-21T19:00:00-05:00"), "Japan time"), "-05:00");
    }
}
