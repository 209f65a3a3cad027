//! Which events are one (`event.md`, last paragraph): the same bounce in two folders, forwarded, or as a copy.
//!
//! The rule compares two events and is not transitive: a copy without a Message-ID may agree with two bounces that
//! differ. So that the outcome depends on what was recorded and never on the order in which it was, [`group`] is a
//! function of the whole set, and no two events of a group disagree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::event::{Event, Format, Reason};

/// By how much `bounced_at` may differ between copies of one bounce.
pub(super) const MAX_APART_SECONDS: i64 = 60;

/// Whether two events are one, wherever they were found.
#[must_use]
pub fn is_one(a: &Event, b: &Event) -> bool {
    may_be_one_bounce(a, b)
        && recipient(a) == recipient(b)
        && a.action == b.action
        && words(a.reply.as_deref()) == words(b.reply.as_deref())
}

/// Whether two readings of one mail speak of the same recipient of the same bounce. The reply is not compared: a mail
/// says one thing of a recipient, and a second reading may have understood more of it. A mail that carries two
/// bounces has two Message-IDs, originals or dates in it.
pub(super) fn is_reread(a: &Event, b: &Event) -> bool {
    recipient(a) == recipient(b)
        && a.action == b.action
        && !differ(a.message_id.as_ref(), b.message_id.as_ref())
        && !differ(a.original.message_id.as_ref(), b.original.message_id.as_ref())
        && seconds_apart(a, b).is_none_or(|apart| apart <= MAX_APART_SECONDS)
}

/// A number that all events that may be one share; others share it by accident only.
pub(super) fn bucket(event: &Event) -> i64 {
    let (local, domain) = recipient(event);
    let action = event.action.to_string();
    let mut hash = Sha256::new();
    for part in [local, domain, &action] {
        hash.update(part.as_bytes());
        hash.update([0xFF]);
    }
    if let Some(reply) = words(event.reply.as_deref()) {
        hash.update([1]);
        hash.update(reply.as_bytes());
    }
    first_number(hash)
}

/// A number that events share only by accident, unless they say the same; `body` is all that one says.
pub(super) fn digest(body: &str) -> i64 {
    first_number(Sha256::new_with_prefix(body))
}

fn first_number(hash: Sha256) -> i64 {
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    i64::from_be_bytes(number)
}

/// When the bounce was written, in whole seconds since 1970.
pub(super) fn bounced_epoch(event: &Event) -> Option<i64> {
    event.times.bounced_at.map(|at| at.timestamp())
}

/// Sorts events into bounces: the indices of each, the most complete first.
///
/// Events that name their original come first and each original has its own groups; one that names none then joins
/// the nearest group in time that it agrees with.
pub(super) fn group(events: &[Event]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_cached_key(|&index| events.get(index).map(order_key));
    let mut groups = Groups::default();
    for index in order {
        let Some(event) = events.get(index) else { continue };
        let nearest = groups
            .candidates(event)
            .into_iter()
            .filter_map(|number| {
                let members = || groups.members(number).filter_map(|member| events.get(member));
                let agrees = members().all(|member| is_one(event, member));
                let apart = members().filter_map(|member| seconds_apart(event, member)).min();
                agrees.then_some((apart, number))
            })
            .min();
        groups.put(index, event, nearest.map(|(_, number)| number));
    }
    for group in &mut groups.groups {
        group.sort_by_cached_key(|&index| events.get(index).map(best_key));
    }
    groups.groups
}

/// Groups in the making. A loop can send one address ten thousand bounces in an hour, so an event is only held
/// against the groups of its original, or of its minute where it names none.
#[derive(Default)]
struct Groups<'a> {
    groups: Vec<Vec<usize>>,
    of_original: HashMap<&'a str, Vec<usize>>,
    begun: BTreeMap<Option<i64>, Vec<usize>>,
}

impl<'a> Groups<'a> {
    fn candidates(&self, event: &Event) -> Vec<usize> {
        if let Some(original) = &event.original.message_id {
            return self
                .of_original
                .get(original.as_str())
                .cloned()
                .unwrap_or_default();
        }
        let (first, last) = bounced_epoch(event).map_or((None, None), |epoch| {
            (
                Some(epoch.saturating_sub(MAX_APART_SECONDS)),
                Some(epoch.saturating_add(MAX_APART_SECONDS)),
            )
        });
        self.begun
            .range(first..=last)
            .flat_map(|(_, numbers)| numbers.iter().copied())
            .collect()
    }

    fn members(&self, number: usize) -> impl Iterator<Item = usize> {
        self.groups.get(number).into_iter().flatten().copied()
    }

    fn put(&mut self, index: usize, event: &'a Event, number: Option<usize>) {
        if let Some(group) = number.and_then(|number| self.groups.get_mut(number)) {
            group.push(index);
            return;
        }
        let number = self.groups.len();
        self.groups.push(vec![index]);
        self.begun.entry(bounced_epoch(event)).or_default().push(number);
        if let Some(original) = &event.original.message_id {
            self.of_original.entry(original).or_default().push(number);
        }
    }
}

/// Of the readings of one mail, those that stand for a bounce, and those that a better one has overtaken.
pub(super) fn heads(readings: &[Event]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..readings.len()).collect();
    order.sort_by_cached_key(|&index| readings.get(index).map(best_key));
    let mut heads: Vec<usize> = Vec::new();
    for index in order {
        let overtaken = heads.iter().any(|&head| {
            readings
                .get(head)
                .zip(readings.get(index))
                .is_some_and(|(head, reading)| is_reread(head, reading))
        });
        if !overtaken {
            heads.push(index);
        }
    }
    heads
}

fn recipient(event: &Event) -> (&str, &str) {
    parts(&event.recipient, event.receiving_domain.as_str())
}

/// The local part as it stands (RFC 5321 §2.4: case matters in it) and the domain as one spelling of it.
pub(super) fn parts<'a>(address: &'a str, domain: &'a str) -> (&'a str, &'a str) {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    (local, domain)
}

/// A reply without its white space: mail programs that forward wrap lines, at a space or inside a long address.
fn words(reply: Option<&str>) -> Option<String> {
    Some(reply?.split_whitespace().collect())
}

fn may_be_one_bounce(a: &Event, b: &Event) -> bool {
    let (one, other) = (&a.original.message_id, &b.original.message_id);
    if differ(one.as_ref(), other.as_ref()) {
        return false;
    }
    match (seconds_apart(a, b), a.times.bounced_at.or(b.times.bounced_at)) {
        (Some(apart), _) => apart <= MAX_APART_SECONDS,
        (None, None) => true,
        // One of them has lost its date. That alone does not tell today's bounce from last month's.
        (None, Some(_)) => one.is_some() && one == other,
    }
}

fn seconds_apart(a: &Event, b: &Event) -> Option<i64> {
    Some(bounced_epoch(a)?.abs_diff(bounced_epoch(b)?)).map(|apart| i64::try_from(apart).unwrap_or(i64::MAX))
}

fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Those that name their original, then by time, then by what never changes: the order in which groups are begun.
fn order_key(event: &Event) -> (bool, bool, Option<i64>, String, String) {
    let epoch = bounced_epoch(event);
    let unnamed = event.original.message_id.is_none();
    (
        unnamed,
        epoch.is_none(),
        epoch,
        event.source.to_string(),
        body(event),
    )
}

/// The most complete first; between equals the source decides, so that the choice is always the same.
fn best_key(event: &Event) -> (Reverse<usize>, String, String) {
    (
        Reverse(completeness(event)),
        event.source.to_string(),
        body(event),
    )
}

/// The event in one line, for comparing only.
fn body(event: &Event) -> String {
    format!("{event:?}")
}

/// How many fields of an event say something.
fn completeness(event: &Event) -> usize {
    let Event {
        source: _,
        message_id,
        times,
        format,
        reporting_mta,
        original,
        recipient: _,
        receiving_domain: _,
        remote_host,
        remote_ip,
        action: _,
        status,
        smtp_code,
        smtp_command,
        reply,
        verdict,
    } = event;
    [
        message_id.is_some(),
        times.bounced_at.is_some(),
        times.sent_at.is_some(),
        *format != Format::Generic,
        reporting_mta.is_some(),
        original.message_id.is_some(),
        original.from.is_some(),
        original.subject.is_some(),
        remote_host.is_some(),
        remote_ip.is_some(),
        status.is_some(),
        smtp_code.is_some(),
        smtp_command.is_some(),
        reply.is_some(),
        verdict.reason != Reason::Undefined,
        verdict.blocked_ip.is_some(),
        verdict.blocklist.is_some(),
        verdict.zone.is_some(),
        verdict.code.is_some(),
        verdict.removal.is_some(),
    ]
    .into_iter()
    .filter(|says_something| *says_something)
    .count()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::event::{Action, Event, ReceivingDomain, Timestamp};
    use crate::ledger::identity::{bucket, group, heads, is_one};

    fn at(seconds: i64) -> Timestamp {
        "2026-11-20T10:05:12+09:00".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
    }

    fn event() -> Event {
        serde_json::from_value(serde_json::json!({
            "source": "INBOX/1.eml",
            "bounced_at": at(0),
            "format": "postfix",
            "original_message_id": "a002@shop.example.jp",
            "recipient": "Tanaka@canary.example.com",
            "receiving_domain": "canary.example.com",
            "action": "failed",
            "reply": "554 5.7.1 Service unavailable; see http://www.spamhaus.org/query/ip/198.51.100.77",
            "reason": "blocked",
        }))
        .unwrap()
    }

    fn changed(change: impl FnOnce(&mut Event)) -> Event {
        let mut event = event();
        change(&mut event);
        event
    }

    fn original(id: &str) -> impl FnOnce(&mut Event) {
        move |event| event.original.message_id = Some(id.to_owned())
    }

    #[test]
    fn a_copy_may_differ_in_what_forwarding_changes() {
        let copies = [
            changed(|copy| copy.source = "Junk/9.eml".parse().unwrap()),
            changed(|copy| copy.times.bounced_at = Some(at(60))),
            changed(|copy| copy.times.sent_at = Some(at(-500_000))),
            changed(|copy| copy.original.message_id = None),
            changed(|copy| copy.recipient = "Tanaka@Canary.EXAMPLE.com".to_owned()),
            changed(|copy| copy.reply = copy.reply.as_ref().map(|reply| reply.replace(' ', "  "))),
            changed(|copy| copy.reply = copy.reply.as_ref().map(|reply| reply.replace("/ip/", "/ip/ "))),
        ];
        for copy in copies {
            assert!(is_one(&event(), &copy) && is_one(&copy, &event()), "{copy:?}");
            assert_eq!(bucket(&event()), bucket(&copy));
            assert_eq!(group(&[event(), copy]).len(), 1);
        }
    }

    #[test]
    fn another_bounce_differs_in_what_event_md_names() {
        let others = [
            changed(|other| other.recipient = "tanaka@canary.example.com".to_owned()),
            changed(|other| other.receiving_domain = ReceivingDomain::of("x@www.example.com").unwrap()),
            changed(|other| other.action = Action::Delayed),
            changed(|other| other.reply = Some("550 no such user".to_owned())),
            changed(|other| other.reply = None),
            changed(|other| other.times.bounced_at = Some(at(61))),
            changed(|other| other.times.bounced_at = Some(at(-61))),
            changed(original("a003@shop.example.jp")),
        ];
        for other in others {
            assert!(
                !is_one(&event(), &other) && !is_one(&other, &event()),
                "{other:?}"
            );
            assert_eq!(group(&[event(), other]).len(), 2);
        }
    }

    #[test]
    fn a_copy_without_a_date_is_known_by_its_original_alone() {
        let undated = |copy: &mut Event| copy.times.bounced_at = None;
        assert!(is_one(&event(), &changed(undated)));
        let nameless = changed(|copy| {
            undated(copy);
            copy.original.message_id = None;
        });
        assert!(!is_one(&event(), &nameless));
        assert!(is_one(&nameless, &nameless));
    }

    #[test]
    fn a_nameless_copy_never_ties_two_bounces_together() {
        let other = changed(original("a003@shop.example.jp"));
        let nameless = changed(|copy| copy.original.message_id = None);
        let groups = group(&[nameless, other, event()]);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 3);
    }

    #[test]
    fn copies_that_lie_further_apart_than_a_minute_are_not_joined_through_one_between() {
        let later = |seconds| changed(|copy| copy.times.bounced_at = Some(at(seconds)));
        assert_eq!(group(&[later(100), event(), later(50)]), [vec![1, 2], vec![0]]);
    }

    #[test]
    fn the_most_complete_copy_speaks_for_the_bounce() {
        let fuller = changed(|copy| copy.reporting_mta = Some("sv77.hosting.example.jp".to_owned()));
        assert_eq!(group(&[event(), fuller]), [vec![1, 0]]);
    }

    #[test]
    fn a_mail_says_one_thing_of_a_recipient_unless_it_carries_two_bounces() {
        let poorer = changed(|reading| reading.reply = None);
        let second = changed(original("a003@shop.example.jp"));
        let other_recipient = changed(|reading| reading.recipient = "sato@canary.example.com".to_owned());
        let mut found = heads(&[poorer, event(), second, other_recipient]);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
    }
}
