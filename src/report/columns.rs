//! The columns of the three tables, each declared once: its name, and its value in a row. CSV, workbook and JSON give
//! the values their form. What a check said is in its own words; the workbook, which is for people, translates it first.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::check::Listing;
use crate::event::{Event, Timestamp};
use crate::report::group::Group;

/// A value of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// Nothing is known.
    Empty,
    /// A word of ours or a stranger's text.
    Text(Cow<'a, str>),
    /// A count, or seconds.
    Number(i64),
    /// A moment, with the offset that it came with.
    Time(Timestamp),
    /// Words, perhaps none.
    List(Vec<String>),
}

/// A column of a kind of row: its name and its value.
type Column<Value> = (&'static str, Value);
type OfGroup = for<'r> fn(&'r Group<'r>) -> Cell<'r>;
type OfEvent = for<'r> fn(&'r Event) -> Cell<'r>;
type OfCheck = for<'r> fn(&'r Listing) -> Cell<'r>;

/// The columns of `--csv`.
pub(super) const GROUPS: [&str; OF_GROUP.len()] = names(&OF_GROUP);
/// The columns of `--events-csv`: the fields of an event.
pub(super) const EVENTS: [&str; OF_EVENT.len()] = names(&OF_EVENT);
/// The columns of `--checks-csv`.
pub(super) const CHECKS: [&str; OF_CHECK.len()] = names(&OF_CHECK);

/// The values of a group, in the order of [`GROUPS`].
pub(super) fn group_cells<'r>(group: &'r Group<'r>) -> [Cell<'r>; GROUPS.len()] {
    OF_GROUP.map(|(_, value)| value(group))
}

/// The values of a bounce, in the order of [`EVENTS`].
pub(super) fn event_cells(event: &Event) -> [Cell<'_>; EVENTS.len()] {
    OF_EVENT.map(|(_, value)| value(event))
}

/// The values of an answer, in the order of [`CHECKS`].
pub(super) fn check_cells(listing: &Listing) -> [Cell<'_>; CHECKS.len()] {
    OF_CHECK.map(|(_, value)| value(listing))
}

const OF_GROUP: [Column<OfGroup>; 27] = [
    ("blocked_ip", |group| Cell::word(group.blocked_ip)),
    ("receiving_domain", |group| {
        Cell::text(Some(group.receiving_domain.as_str()))
    }),
    ("provider", |group| Cell::text(group.provider)),
    ("reasons", |group| Cell::list(&group.reasons)),
    ("blocklists", |group| Cell::list(&group.blocklists)),
    ("codes", |group| Cell::list(&group.codes)),
    ("ours", |group| Cell::word(Some(group.ours))),
    ("messages", |group| Cell::count(group.messages.len())),
    ("recipients", |group| Cell::count(group.recipients.len())),
    ("senders", |group| Cell::list(&group.senders)),
    ("first_sent", |group| Cell::time(group.first_sent)),
    ("last_sent", |group| Cell::time(group.last_sent)),
    ("first_bounced", |group| Cell::time(group.first_bounced)),
    ("last_bounced", |group| Cell::time(group.last_bounced)),
    ("max_delay_seconds", |group| {
        Cell::number(group.max_delay.map(|delay| delay.num_seconds()))
    }),
    ("late", |group| Cell::count(group.late.len())),
    ("late_cause", |group| Cell::word(group.late_cause)),
    ("delayed", |group| Cell::count(group.delayed.len())),
    ("state", |group| Cell::word(Some(group.state))),
    ("listed_now", |group| Cell::word(Some(group.listed_now))),
    ("zones_listed", |group| Cell::list(&group.zones_listed)),
    ("checked_at", |group| Cell::time(group.checked_at)),
    ("ptr", |group| Cell::list(&group.ptr)),
    ("owner", |group| Cell::text(group.owner.as_deref())),
    ("who_may_ask", |group| Cell::word(Some(group.who_may_ask))),
    ("removal", |group| Cell::text(group.removal)),
    ("sample_reply", |group| Cell::text(group.sample_reply)),
];

const OF_EVENT: [Column<OfEvent>; 25] = [
    ("source", |event| Cell::word(Some(&event.source))),
    ("message_id", |event| Cell::text(event.message_id.as_deref())),
    ("bounced_at", |event| Cell::time(event.times.bounced_at)),
    ("sent_at", |event| Cell::time(event.times.sent_at)),
    ("delay_seconds", |event| {
        Cell::number(event.times.delay().map(|delay| delay.num_seconds()))
    }),
    ("format", |event| Cell::word(Some(event.format))),
    ("reporting_mta", |event| {
        Cell::text(event.reporting_mta.as_deref())
    }),
    ("original_message_id", |event| {
        Cell::text(event.original.message_id.as_deref())
    }),
    ("original_from", |event| {
        Cell::text(event.original.from.as_deref())
    }),
    ("original_subject", |event| {
        Cell::text(event.original.subject.as_deref())
    }),
    ("recipient", |event| Cell::text(Some(&event.recipient))),
    ("receiving_domain", |event| {
        Cell::text(Some(event.receiving_domain.as_str()))
    }),
    ("remote_host", |event| Cell::text(event.remote_host.as_deref())),
    ("remote_ip", |event| Cell::word(event.remote_ip)),
    ("action", |event| Cell::word(Some(event.action))),
    ("status", |event| Cell::word(event.status)),
    ("smtp_code", |event| {
        Cell::number(event.smtp_code.map(|code| i64::from(u16::from(code))))
    }),
    ("smtp_command", |event| Cell::word(event.smtp_command)),
    ("reply", |event| Cell::text(event.reply.as_deref())),
    ("reason", |event| Cell::word(Some(event.verdict.reason))),
    ("blocked_ip", |event| Cell::word(event.verdict.blocked_ip)),
    ("blocklist", |event| Cell::word(event.verdict.blocklist.as_ref())),
    ("zone", |event| Cell::word(event.verdict.zone.as_ref())),
    ("code", |event| Cell::text(event.verdict.code.as_deref())),
    ("removal", |event| Cell::text(event.verdict.removal.as_deref())),
];

const OF_CHECK: [Column<OfCheck>; 9] = [
    ("ip", |listing| Cell::word(Some(listing.ip))),
    ("zone", |listing| Cell::text(Some(listing.zone.as_str()))),
    ("blocklist", |listing| Cell::word(listing.blocklist.as_ref())),
    ("result", |listing| Cell::text(Some(listing.answer.word()))),
    ("codes", |listing| Cell::list(listing.answer.codes())),
    ("meaning", |listing| Cell::text(listing.in_words())),
    ("text", |listing| Cell::text(listing.text.as_deref())),
    ("checked_at", |listing| Cell::time(Some(listing.checked_at))),
    ("ttl_seconds", |listing| {
        Cell::number(listing.ttl.and_then(|ttl| i64::try_from(ttl.as_secs()).ok()))
    }),
];

const fn names<Value, const N: usize>(columns: &[Column<Value>; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = columns[at].0;
        at += 1;
    }
    names
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(Cow::Borrowed(text)))
    }

    fn word(word: Option<impl ToString>) -> Self {
        word.map_or(Self::Empty, |word| Self::Text(Cow::Owned(word.to_string())))
    }

    fn number(number: Option<i64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }

    fn count(count: usize) -> Self {
        Self::number(i64::try_from(count).ok())
    }

    fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Empty, Self::Time)
    }

    fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Self {
        Self::List(values.into_iter().map(|value| value.to_string()).collect())
    }
}

/// A row with the names of its columns: in JSON an object.
pub(super) struct Named<'r> {
    names: &'static [&'static str],
    cells: Vec<Cell<'r>>,
}

impl<'r> Named<'r> {
    pub(super) fn group(group: &'r Group<'r>) -> Self {
        Self {
            names: &GROUPS,
            cells: group_cells(group).into(),
        }
    }

    pub(super) fn check(listing: &'r Listing) -> Self {
        Self {
            names: &CHECKS,
            cells: check_cells(listing).into(),
        }
    }
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, cell) in self.names.iter().zip(&self.cells) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

/// As JSON has it: nothing is `null`, times keep their offsets.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Time(time) => time.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}
