//! The lists and their zones: what stands in `lists.toml`, checked and made ready for look-ups.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use strum::Display;

use crate::event::{ListId, Timestamp, Zone};

/// One list, or an operator as a whole, with what is known about getting off it.
///
/// Texts are the catalogue's own words; an empty one means that nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Its id.
    pub id: ListId,
    /// The id that an event's `blocklist` carries, where it is another one: parts of one operator's refusals.
    pub event_id: Option<ListId>,
    /// Name for people.
    pub name: String,
    /// Who keeps it.
    #[serde(default)]
    pub operator: String,
    /// What it is.
    pub kind: Kind,
    /// Further ids whose zones answer for this list.
    #[serde(default)]
    pub serves: Vec<ListId>,
    /// Page where one address is looked up; `{ip}` stands for it.
    #[serde(default)]
    pub lookup: String,
    /// Earlier forms of `lookup`, which bounces still quote.
    #[serde(default)]
    pub lookup_old: Vec<String>,
    /// Where removal is asked for: `https://…` or `mailto:…`.
    #[serde(default)]
    pub removal: String,
    /// Earlier forms of `removal`, which bounces still quote.
    #[serde(default)]
    pub removal_old: Vec<String>,
    /// A page that explains the removal, where `removal` is a mail address.
    #[serde(default)]
    pub removal_page: String,
    /// Whose request the list hears.
    #[serde(default)]
    pub who_may_ask: WhoMayAsk,
    /// What else is to be said about that.
    #[serde(default)]
    pub who_may_ask_note: String,
    /// What the request has to hold.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Usual time from the request to free passage.
    #[serde(default)]
    pub takes_effect: String,
    /// Whether asking on one's own can make things worse.
    #[serde(default)]
    pub harm: String,
    /// What makes it come back.
    #[serde(default)]
    pub relisting: String,
    /// Whether it is still run.
    pub status: Standing,
    /// Year and month of the source for `status`.
    #[serde(default)]
    pub status_as_of: String,
    /// What else is to be said about `status`.
    #[serde(default)]
    pub status_note: String,
    /// From when on a reply that quotes it shows the receiver's outdated configuration.
    pub dead_since: Option<Month>,
    /// The operator's own codes with their meaning.
    #[serde(default)]
    pub codes: BTreeMap<String, String>,
    /// Marks that replies carry, for people.
    #[serde(default)]
    pub seen_as: Vec<String>,
    /// Anything else.
    #[serde(default)]
    pub note: String,
    /// Where all this was read.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Fields that no source was seen for.
    #[serde(default)]
    pub uncertain: Vec<String>,
    #[serde(default, rename = "zone")]
    pub(crate) zones: Vec<ZoneEntry>,
}

impl List {
    /// What is known about its own zones, in the file's order.
    pub fn zones(&self) -> impl Iterator<Item = ZoneFacts> + '_ {
        self.zones.iter().cloned().map(|zone| zone.of(self))
    }
}

/// What a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// Has a zone that can be asked.
    Dnsbl,
    /// A receiver's own list.
    Private,
    /// A score or a rate limit, not a list of yes and no.
    Reputation,
    /// An operator, for replies that do not say which of its lists they mean.
    Operator,
}

/// Whether a list is still run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Standing {
    /// It is.
    Alive,
    /// It is not.
    Dead,
    /// Nobody knows.
    Unknown,
}

/// Whose request for removal is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WhoMayAsk {
    /// Anybody who sends through the address.
    Sender,
    /// Whoever holds the address or runs the host.
    IpOwner,
    /// Only the receiver can change it.
    Receiver,
    /// Nobody: it expires by itself.
    Nobody,
    /// The catalogue does not say.
    #[default]
    Unknown,
}

/// What is known about one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFacts {
    /// Its name; with `needs_key` the key is a label before it.
    pub zone: Zone,
    /// The list that it serves.
    pub list: ListId,
    /// Whether it knows IPv4 addresses.
    pub ipv4: bool,
    /// Whether it knows IPv6 addresses.
    pub ipv6: bool,
    /// Whether it is asked about domains and never about addresses.
    pub domains: bool,
    /// Whether it answers only with a customer's key in the name.
    pub needs_key: bool,
    /// Whether it names whom to let through, so that no answer of it lists.
    pub allows: bool,
    /// Whether it has the test entries of RFC 5782 §5, so that it can prove "not listed".
    pub test_entries: bool,
    /// Answers that list, with their meaning.
    pub codes: BTreeMap<Ipv4Addr, String>,
    /// Answers of this zone that do not list, with their meaning.
    pub not_listed: BTreeMap<Ipv4Addr, String>,
    /// When it died.
    pub dead_since: Option<Month>,
    /// Whom it refuses.
    pub refuses: String,
    /// Anything else.
    pub note: String,
}

impl ZoneFacts {
    /// Whether an address can be asked here by anybody: alive, no domain list, no allow list, no key.
    #[must_use]
    pub fn is_queryable(&self) -> bool {
        self.dead_since.is_none() && !self.domains && !self.needs_key && !self.allows
    }

    /// Whom it refuses and anything else, in one text in the catalogue's own words.
    #[must_use]
    pub fn remarks(&self) -> String {
        match (self.refuses.as_str(), self.note.as_str()) {
            ("", note) => note.to_owned(),
            (refuses, "") => format!("refuses {refuses}"),
            (refuses, note) => format!("refuses {refuses}; {note}"),
        }
    }
}

/// A zone as `lists.toml` writes it, below its list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneEntry {
    name: Zone,
    #[serde(default)]
    ipv4: bool,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    domains: bool,
    #[serde(default)]
    needs_key: bool,
    #[serde(default)]
    allows: bool,
    #[serde(default)]
    test_entries: bool,
    dead_since: Option<Month>,
    #[serde(default)]
    refuses: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    codes: BTreeMap<Ipv4Addr, String>,
    #[serde(default)]
    not_listed: BTreeMap<Ipv4Addr, String>,
}

impl ZoneEntry {
    pub(crate) fn of(self, list: &List) -> ZoneFacts {
        ZoneFacts {
            zone: self.name,
            list: list.event_id.as_ref().unwrap_or(&list.id).clone(),
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            domains: self.domains,
            needs_key: self.needs_key,
            allows: self.allows,
            test_entries: self.test_entries,
            codes: self.codes,
            not_listed: self.not_listed,
            dead_since: self.dead_since.or(list.dead_since),
            refuses: self.refuses,
            note: self.note,
        }
    }
}

/// The month in which a list died; `2024-06`, or `2006` where only the year is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Month {
    year: i32,
    month: Option<u32>,
}

impl Month {
    /// Whether it was over for certain at that time: in the month itself, or after the year where only that is known.
    #[must_use]
    pub fn is_past_at(self, time: Timestamp) -> bool {
        let date = time.date_naive();
        match self.month {
            Some(month) => (date.year(), date.month()) >= (self.year, month),
            None => date.year() > self.year,
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.month {
            Some(month) => write!(f, "{:04}-{month:02}", self.year),
            None => write!(f, "{:04}", self.year),
        }
    }
}

/// A text that is neither `2024-06` nor `2024`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a month such as 2024-06 nor a year")]
pub struct NoMonth(String);

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let no_month = || NoMonth(text.to_owned());
        let (year, month) = match text.split_once('-') {
            Some((year, month)) => (year, Some(month.parse().map_err(|_| no_month())?)),
            None => (text, None),
        };
        let year = year.parse().map_err(|_| no_month())?;
        NaiveDate::from_ymd_opt(year, month.unwrap_or(1), 1).ok_or_else(no_month)?;
        Ok(Self { year, month })
    }
}

impl TryFrom<String> for Month {
    type Error = NoMonth;

    fn try_from(text: String) -> Result<Self, NoMonth> {
        text.parse()
    }
}
