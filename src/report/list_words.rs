//! The texts of `bounceaudit lists`, and the names under which the catalogue's facts stand in them.

use serde::Deserialize;
use strum::{EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::catalogue::{Kind, List, Standing, WhoMayAsk};
use crate::report::layout::cells;
use crate::report::phrasebook::Phrasebook;
use crate::report::words::{Join, Words};

/// How an entry of `uncertain` begins that stands for the whole list.
const EVERYTHING: &str = "everything";

/// `[lists]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListWords {
    pub(super) receiver: String,
    pub(super) hosting: String,
    pub(super) own: String,
    pub(super) since: String,
    pub(super) as_of: String,
    pub(super) undated: String,
    pub(super) see: String,
    pub(super) uncertain: String,
    pub(super) all_uncertain: String,
    pub(super) no_listing: String,
    pub(super) refuses: String,
    pub(super) code: String,
    pub(super) ipv4: String,
    pub(super) ipv6: String,
    pub(super) domains_only: String,
    pub(super) needs_key: String,
    pub(super) allows: String,
    pub(super) test_entries: String,
    pub(super) no_test_entry: String,
    pub(super) dead_since: String,
    field: Fields,
    kind: Kinds,
    status: Standings,
    who: Who,
    pub(super) way: WayWords,
    seen: Seen,
    self_ask: SelfAsk,
}

/// `[lists.way]`: the labels of a way out, and its kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WayWords {
    pub(super) kind: String,
    pub(super) of: String,
    pub(super) may_ask: String,
    pub(super) wants: String,
    pub(super) how_long: String,
    pub(super) never: String,
    pub(super) to: String,
    pub(super) as_of: String,
}

impl WayWords {
    fn labels(&self) -> [&str; 7] {
        [
            &self.of,
            &self.may_ask,
            &self.wants,
            &self.how_long,
            &self.never,
            &self.to,
            &self.as_of,
        ]
    }
}

/// `[lists.field]`: the labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    answer: String,
    asked_via: String,
    blocklist: String,
    channel: String,
    codes: String,
    dead_since: String,
    domains: String,
    everything: String,
    harm: String,
    hosts: String,
    hosts_seen: String,
    kind: String,
    lookup: String,
    needs: String,
    not_known: String,
    note: String,
    old_pages: String,
    operator: String,
    refuses_by: String,
    relisting: String,
    removal: String,
    seen_as: String,
    self_ask: String,
    sources: String,
    status: String,
    status_as_of: String,
    takes_effect: String,
    test_entries: String,
    uncertain: String,
    who_may_ask: String,
    zones: String,
}

/// What a label stands before; the names are those of the catalogue's files where they have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Field {
    Answer,
    AskedVia,
    Blocklist,
    Channel,
    Codes,
    DeadSince,
    Domains,
    Everything,
    Harm,
    Hosts,
    HostsSeen,
    Kind,
    Lookup,
    Needs,
    NotKnown,
    Note,
    OldPages,
    Operator,
    RefusesBy,
    Relisting,
    Removal,
    SeenAs,
    SelfAsk,
    Sources,
    Status,
    StatusAsOf,
    TakesEffect,
    TestEntries,
    Uncertain,
    WhoMayAsk,
    Zones,
}

impl Field {
    /// Whether no line begins with it.
    fn is_in_doubts_alone(self) -> bool {
        matches!(
            self,
            Self::DeadSince | Self::Everything | Self::StatusAsOf | Self::TestEntries
        )
    }
}

/// `[lists.kind]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    dnsbl: String,
    private: String,
    reputation: String,
    operator: String,
}

/// `[lists.status]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Standings {
    alive: String,
    dead: String,
    unknown: String,
}

/// `[lists.who]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    sender: String,
    ip_owner: String,
    domain_owner: String,
    receiver: String,
    receiver_of_dead: String,
    nobody: String,
    unknown: String,
}

/// `[lists.seen]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    report: String,
    sample: String,
    doc: String,
    none: String,
}

/// `[lists.self_ask]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SelfAsk {
    forbidden: String,
    expected: String,
    not_stated: String,
}

impl ListWords {
    /// The label of a field.
    pub(super) fn label(&self, field: Field) -> &str {
        let labels = &self.field;
        match field {
            Field::Answer => &labels.answer,
            Field::AskedVia => &labels.asked_via,
            Field::Blocklist => &labels.blocklist,
            Field::Channel => &labels.channel,
            Field::Codes => &labels.codes,
            Field::DeadSince => &labels.dead_since,
            Field::Domains => &labels.domains,
            Field::Everything => &labels.everything,
            Field::Harm => &labels.harm,
            Field::Hosts => &labels.hosts,
            Field::HostsSeen => &labels.hosts_seen,
            Field::Kind => &labels.kind,
            Field::Lookup => &labels.lookup,
            Field::Needs => &labels.needs,
            Field::NotKnown => &labels.not_known,
            Field::Note => &labels.note,
            Field::OldPages => &labels.old_pages,
            Field::Operator => &labels.operator,
            Field::RefusesBy => &labels.refuses_by,
            Field::Relisting => &labels.relisting,
            Field::Removal => &labels.removal,
            Field::SeenAs => &labels.seen_as,
            Field::SelfAsk => &labels.self_ask,
            Field::Sources => &labels.sources,
            Field::Status => &labels.status,
            Field::StatusAsOf => &labels.status_as_of,
            Field::TakesEffect => &labels.takes_effect,
            Field::TestEntries => &labels.test_entries,
            Field::Uncertain => &labels.uncertain,
            Field::WhoMayAsk => &labels.who_may_ask,
            Field::Zones => &labels.zones,
        }
    }

    /// Cells of the longest label.
    pub(super) fn label_width(&self) -> usize {
        let labels = Field::iter().filter(|field| !field.is_in_doubts_alone());
        let of_ways = self.way.labels().into_iter().map(cells);
        labels
            .map(|field| cells(self.label(field)))
            .chain(of_ways)
            .max()
            .unwrap_or_default()
    }

    pub(super) fn kind(&self, kind: Kind) -> &str {
        match kind {
            Kind::Dnsbl => &self.kind.dnsbl,
            Kind::Private => &self.kind.private,
            Kind::Reputation => &self.kind.reputation,
            Kind::Operator => &self.kind.operator,
        }
    }

    pub(super) fn status(&self, status: Standing) -> &str {
        match status {
            Standing::Alive => &self.status.alive,
            Standing::Dead => &self.status.dead,
            Standing::Unknown => &self.status.unknown,
        }
    }

    /// Whose request a list hears.
    pub(super) fn who_may_ask(&self, list: &List) -> &str {
        let of_domains = list.zones().next().is_some() && list.zones().all(|zone| zone.domains);
        let who = &self.who;
        match list.who_may_ask {
            WhoMayAsk::Nobody | WhoMayAsk::Receiver if is_for_the_receiver_alone(list) => {
                &who.receiver_of_dead
            }
            WhoMayAsk::IpOwner if of_domains => &who.domain_owner,
            WhoMayAsk::Sender => &who.sender,
            WhoMayAsk::IpOwner => &who.ip_owner,
            WhoMayAsk::Receiver => &who.receiver,
            WhoMayAsk::Nobody => &who.nobody,
            WhoMayAsk::Unknown => &who.unknown,
        }
    }

    /// Where the names of hosts were seen, by the catalogue's word for it.
    pub(super) fn seen<'a>(&'a self, seen: &'a str) -> &'a str {
        match seen {
            "report" => &self.seen.report,
            "sample" => &self.seen.sample,
            "doc" => &self.seen.doc,
            "none" => &self.seen.none,
            other => other,
        }
    }

    /// Whether customers are to ask on their own, by the catalogue's word for it.
    pub(super) fn self_ask<'a>(&'a self, self_ask: &'a str) -> &'a str {
        match self_ask {
            "forbidden" => &self.self_ask.forbidden,
            "expected" => &self.self_ask.expected,
            "not stated" => &self.self_ask.not_stated,
            other => other,
        }
    }
}

/// What is in doubt of an entry, and how that is said.
#[derive(Clone, Copy)]
pub(super) struct Doubts<'a> {
    pub(super) unsure: &'a [String],
    pub(super) words: &'a ListWords,
    pub(super) join: &'a Join,
    pub(super) phrases: &'a Phrasebook,
}

impl<'a> Doubts<'a> {
    pub(super) fn of(unsure: &'a [String], words: &'a Words) -> Self {
        Self {
            unsure,
            words: &words.lists,
            join: &words.join,
            phrases: &words.phrases,
        }
    }

    /// All of them, each under the label of the field that it is about.
    pub(super) fn all(&self) -> String {
        let labelled = |doubt: &String| {
            let doubt = self.phrases.fact(doubt);
            let end = doubt.find([' ', ':']).unwrap_or(doubt.len());
            let (name, rest) = doubt.split_at_checked(end).unwrap_or((doubt, ""));
            match name.parse::<Field>() {
                Ok(field) => format!("{}{rest}", self.words.label(field)),
                Err(_) => doubt.to_owned(),
            }
        };
        let all = self.unsure.iter().map(labelled).collect::<Vec<_>>();
        all.join(&self.join.facts)
    }

    /// Whether no source was seen for this. An entry of `uncertain` begins with the name of its field.
    pub(super) fn about(&self, name: &str) -> bool {
        self.unsure.iter().any(|entry| {
            let word = entry.split([' ', ':']).next().unwrap_or_default();
            word == name || word == EVERYTHING
        })
    }

    /// The text, with a mark where it is in doubt.
    pub(super) fn marked(&self, name: &str, text: &str) -> String {
        let Self { words, join, .. } = self;
        let has = |mark: &String| text.ends_with(&join.aside(&"", mark));
        match self.about(name) && !has(&words.uncertain) && !has(&words.all_uncertain) {
            true => join.aside(&text, &words.uncertain),
            false => text.to_owned(),
        }
    }

    /// Several of them in one field: the mark says that it is about each.
    pub(super) fn marked_all(&self, name: &str, items: &[String], between: &str) -> String {
        let text = items.join(between);
        match items {
            // nothing is not in doubt
            [] => text,
            [_] => self.marked(name, &text),
            [_, _, ..] if self.about(name) => self.join.aside(&text, &self.words.all_uncertain),
            [_, _, ..] => text,
        }
    }
}

/// Whether it is dead and has a zone: nobody is to be asked but who still asks it.
pub(super) fn is_for_the_receiver_alone(list: &List) -> bool {
    list.status == Standing::Dead && list.zones().next().is_some()
}
