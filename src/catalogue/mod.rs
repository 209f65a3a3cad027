//! Says what a reply means: the reason, the blocked address, the list, its zone and code, and who may ask for removal.
//!
//! In: an event as `bounce` read it. Out: the same event with its verdict.
//! Facts are TOML beside the code; rules are tried in the files' order and the first that matches wins.
//! Fails only while it is loaded: the error names the file, the line and what is wrong with it.
//! Not here: how a reply is found in a mail (`bounce`), what the lists say today (`check`).

mod addresses;
mod engine;
#[cfg(test)]
mod examples;
mod filter;
mod ids;
mod links;
mod lists;
mod literals;
mod load;
mod ordinary;
mod pattern;
mod providers;
mod reply;
mod rules;
mod settings;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod traps;
mod verdict;
mod ways;
mod words;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::event::{Event, ListId, Reason, ReceivingDomain, Timestamp, Verdict, Zone};

pub use filter::{Known, NothingMeant};
pub use lists::{Kind, List, Month, NoMonth, Standing, WhoMayAsk, ZoneFacts};
pub use providers::{Hosting, Receiver};
pub use rules::EntryError;
pub use settings::Settings;
pub use ways::{Fault, FormField, Refused, Way, WayFrom, WayText};

use verdict::Judge;

/// What stopped a catalogue from being loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's file cannot be read.
    #[error("cannot read the catalogue file {}; name another one with --catalogue or as `catalogue` in the configuration", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key or value that does not belong there; the source shows the line.
    #[error("the catalogue file {} is wrong", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Line, column and what is wrong.
        source: toml::de::Error,
    },
    /// An entry cannot be used.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The patterns of a source file cannot be used together.
    #[error("patterns of {}", file.display())]
    Pattern {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: regex::Error,
    },
    /// The words of all rules do not fit into one search.
    #[error("the words of the rules")]
    Words(#[from] aho_corasick::BuildError),
}

/// Rules, lists and providers, ready to be asked.
#[derive(Debug)]
pub struct Catalogue {
    lists: Vec<List>,
    zones: BTreeMap<Zone, ZoneFacts>,
    default_zones: Vec<Zone>,
    never_listed: BTreeMap<Ipv4Addr, String>,
    receivers: Vec<Receiver>,
    hosting: Vec<Hosting>,
    ways: Vec<Way>,
    judge: Judge,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    ///
    /// # Errors
    /// When a file was changed so that it cannot be read any more; the tests see to it that this does not ship.
    pub fn built_in() -> Result<Self, Error> {
        Self::load(None)
    }

    /// The catalogue with a user's own file laid over it: entries with the same id replace, new ones are added, and
    /// its rules are tried first.
    ///
    /// # Errors
    /// When the file cannot be read, is no TOML, has a key that does not belong there, an id twice, a rule that cannot be
    /// used, or names a list that is not there.
    pub fn load(user_file: Option<&Path>) -> Result<Self, Error> {
        load::load(user_file)
    }

    /// What a reply means; an event without a reply is judged by its status and code.
    #[must_use]
    pub fn classify(&self, event: Event) -> Event {
        let verdict = self.verdict(&event);
        Event { verdict, ..event }
    }

    /// The list with this id.
    #[must_use]
    pub fn list(&self, id: &ListId) -> Option<&List> {
        self.lists.iter().find(|list| list.id == *id)
    }

    /// All lists, the dead ones too, in the catalogue's order.
    #[must_use]
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// The zones that anybody can ask about an address on behalf of a list or an operator, by name.
    #[must_use]
    pub fn zones_of(&self, id: &ListId) -> Vec<&Zone> {
        let serving: Vec<&ListId> = std::iter::once(id)
            .chain(self.list(id).into_iter().flat_map(|list| &list.serves))
            .collect();
        self.zones
            .values()
            .filter(|facts| facts.is_queryable() && serving.contains(&&facts.list))
            .map(|facts| &facts.zone)
            .collect()
    }

    /// The zones that a customer's key opens, and the zones of the same lists that anybody can ask.
    #[must_use]
    pub fn paid_zones_of(&self, id: &ListId) -> Vec<(&Zone, Vec<&Zone>)> {
        let public = self.zones_of(id);
        let lists: Vec<&ListId> = std::iter::once(id)
            .chain(self.list(id).into_iter().flat_map(|list| &list.serves))
            .collect();
        let paid = self.zones.values().filter(|facts| {
            facts.needs_key && !facts.domains && facts.dead_since.is_none() && lists.contains(&&facts.list)
        });
        paid.map(|facts| {
            let same = |zone: &&&Zone| self.zone(zone).is_some_and(|public| public.list == facts.list);
            (&facts.zone, public.iter().filter(same).copied().collect())
        })
        .collect()
    }

    /// What the answers of a list mean, as the first of its zones that says so has it.
    #[must_use]
    pub fn codes_of(&self, id: &ListId) -> BTreeMap<Ipv4Addr, String> {
        let mut zones = self.zones.values().filter(|facts| facts.list == *id);
        zones
            .find(|facts| !facts.codes.is_empty())
            .map(|facts| facts.codes.clone())
            .unwrap_or_default()
    }

    /// What is known about a zone; a customer's key before its name is passed over.
    #[must_use]
    pub fn zone(&self, zone: &Zone) -> Option<&ZoneFacts> {
        self.zones.get(zone).or_else(|| {
            let (_, rest) = zone.as_str().split_once('.')?;
            self.zones
                .get(&Zone::from(rest.to_owned()))
                .filter(|facts| facts.needs_key)
        })
    }

    /// The zones to ask besides those that bounces name.
    #[must_use]
    pub fn default_zones(&self) -> Vec<&Zone> {
        let queryable = |zone: &&Zone| self.zone(zone).is_none_or(ZoneFacts::is_queryable);
        self.default_zones.iter().filter(queryable).collect()
    }

    /// Every zone that anybody can ask about an address, by name.
    #[must_use]
    pub fn all_zones(&self) -> Vec<&Zone> {
        self.zones
            .values()
            .filter(|facts| facts.is_queryable())
            .map(|facts| &facts.zone)
            .collect()
    }

    /// Answers that no zone may mean as a listing, unless its own [`ZoneFacts::codes`] name them.
    #[must_use]
    pub fn never_listed(&self) -> &BTreeMap<Ipv4Addr, String> {
        &self.never_listed
    }

    /// Who receives the mail of the first of these hosts that is known, or else of this domain.
    #[must_use]
    pub fn provider<'h>(
        &self,
        hosts: impl IntoIterator<Item = &'h str>,
        domain: &ReceivingDomain,
    ) -> Option<&str> {
        providers::receiver(&self.receivers, hosts, domain).map(Receiver::short_name)
    }

    /// The hosting company that a PTR name or a reporting host belongs to.
    #[must_use]
    pub fn hosting(&self, host: &str) -> Option<&Hosting> {
        providers::hosting(&self.hosting, host)
    }

    /// Whose request for removal is heard.
    #[must_use]
    pub fn who_may_ask(&self, verdict: &Verdict) -> WhoMayAsk {
        if verdict.reason == Reason::ReceiverFault {
            return WhoMayAsk::Receiver;
        }
        self.list_of(verdict)
            .map(|list| list.who_may_ask)
            .unwrap_or_default()
    }

    /// The list that a reply names: the part of it that the operator's code tells, where one does.
    #[must_use]
    pub fn list_of(&self, verdict: &Verdict) -> Option<&List> {
        let id = verdict.blocklist.as_ref()?;
        let part = verdict.code.as_ref().and_then(|code| {
            self.lists
                .iter()
                .find(|list| list.event_id.as_ref() == Some(id) && list.codes.contains_key(code))
        });
        part.or_else(|| self.list(id))
    }

    /// The ways out, in the order in which they are tried.
    #[must_use]
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// The way off a list, as far as the table of ways has it.
    #[must_use]
    pub fn way_off(&self, refused: Refused<'_>) -> Option<&Way> {
        self.ways.iter().find(|way| way.is_from_list(refused))
    }

    /// What to do about a receiver whose check fails at that time.
    #[must_use]
    pub fn way_for_fault(&self, verdict: &Verdict, reply: &str, at: Timestamp) -> Option<&Way> {
        let is_dead = self
            .list_of(verdict)
            .and_then(|list| list.dead_since)
            .is_some_and(|month| month.is_past_at(at));
        self.ways.iter().find(|way| match way.from {
            WayFrom::ReceiverFault(Fault::DeadList) => is_dead,
            WayFrom::ReceiverFault(Fault::PublicResolver | Fault::TooManyQueries) => {
                !is_dead && way.is_in(reply)
            }
            WayFrom::ReceiverFault(Fault::Untold) => !is_dead,
            WayFrom::List | WayFrom::SharedServer => false,
        })
    }

    /// What a customer does whose hosting company has others on the same server.
    #[must_use]
    pub fn way_on_shared_server(&self) -> Option<&Way> {
        self.ways.iter().find(|way| way.from == WayFrom::SharedServer)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Catalogue, WhoMayAsk};
    use crate::event::{ListId, Reason, ReceivingDomain, Verdict, Zone};

    fn zone(name: &str) -> Zone {
        Zone::from(name.to_owned())
    }

    fn provider(host: Option<&str>, address: &str) -> Option<String> {
        let domain = ReceivingDomain::of(address).unwrap();
        Catalogue::built_in()
            .unwrap()
            .provider(host, &domain)
            .map(str::to_owned)
    }

    #[test]
    fn the_longest_suffix_names_the_provider() {
        let host = "univ-example-ac-jp01i.mail.protection.outlook.com";
        assert_eq!(
            provider(Some(host), "a@univ.example.ac.jp").as_deref(),
            Some("Microsoft 365")
        );
        let host = "outlook-com.olc.protection.outlook.com";
        assert_eq!(
            provider(Some(host), "a@outlook.com").as_deref(),
            Some("Outlook.com")
        );
        assert_eq!(
            provider(Some("portal.pamx1.hotmail.com"), "a@b.example").as_deref(),
            Some("Outlook.com")
        );
        let host = "inbound-smtp.us-east-1.amazonaws.com.";
        assert_eq!(
            provider(Some(host), "a@b.example").as_deref(),
            Some("Amazon SES inbound")
        );
    }

    #[test]
    fn a_suffix_ends_at_a_dot() {
        assert_eq!(provider(Some("notmimecast.com"), "a@b.example"), None);
        assert_eq!(provider(Some("hotmail.com"), "a@b.example"), None);
    }

    #[test]
    fn a_bounce_without_a_host_goes_by_the_domain() {
        assert_eq!(
            provider(None, "a@gmail.com").as_deref(),
            Some("Gmail and Google Workspace")
        );
        assert_eq!(
            provider(Some("mx.example.net"), "a@docomo.ne.jp").as_deref(),
            Some("NTT docomo")
        );
        assert_eq!(provider(None, "a@example.jp"), None);
    }

    #[test]
    fn an_operator_is_asked_through_its_lists() {
        let catalogue = Catalogue::built_in().unwrap();
        for id in ["spamhaus", "spamhaus-zen", "spamhaus-css"] {
            assert_eq!(
                catalogue.zones_of(&ListId(id.into())),
                [&zone("zen.spamhaus.org")],
                "{id}"
            );
        }
        assert!(catalogue.zones_of(&ListId("sorbs".into())).is_empty());
        assert!(catalogue.zones_of(&ListId("spamhaus-dbl".into())).is_empty());
    }

    #[test]
    fn every_default_zone_is_known_and_can_be_asked() {
        let catalogue = Catalogue::built_in().unwrap();
        let zones = catalogue.default_zones();
        assert_eq!(zones.len(), 7);
        for zone in zones {
            assert!(catalogue.zone(zone).unwrap().is_queryable(), "{zone}");
        }
    }

    #[test]
    fn a_customers_key_is_passed_over() {
        let catalogue = Catalogue::built_in().unwrap();
        let facts = catalogue.zone(&zone("abcdef.zen.dq.spamhaus.net")).unwrap();
        assert_eq!(facts.list.0, "spamhaus-zen");
        assert!(facts.needs_key);
        assert!(catalogue.zone(&zone("abcdef.zen.spamhaus.org")).is_none());
    }

    #[test]
    fn every_serving_list_and_every_providers_list_exists() {
        let catalogue = Catalogue::built_in().unwrap();
        let named = catalogue
            .lists
            .iter()
            .flat_map(|list| list.serves.iter().chain(&list.event_id));
        for id in named.chain(catalogue.receivers.iter().flat_map(|receiver| &receiver.lists)) {
            assert!(catalogue.list(id).is_some(), "{id}");
        }
    }

    #[test]
    fn who_may_ask_goes_by_the_list_and_by_the_operators_code() {
        let catalogue = Catalogue::built_in().unwrap();
        let ask = |reason, id: Option<&str>, code: Option<&str>| {
            catalogue.who_may_ask(&Verdict {
                reason,
                blocklist: id.map(|id| ListId(id.to_owned())),
                code: code.map(str::to_owned),
                ..Verdict::default()
            })
        };
        assert_eq!(ask(Reason::Blocked, Some("spamhaus"), None), WhoMayAsk::IpOwner);
        assert_eq!(ask(Reason::Blocked, Some("spamcop"), None), WhoMayAsk::Nobody);
        assert_eq!(
            ask(Reason::Blocked, Some("microsoft-365"), None),
            WhoMayAsk::Sender
        );
        assert_eq!(
            ask(Reason::Blocked, Some("microsoft-365"), Some("AS16012607")),
            WhoMayAsk::Receiver
        );
        assert_eq!(
            ask(Reason::ReceiverFault, Some("spamhaus-zen"), None),
            WhoMayAsk::Receiver
        );
        assert_eq!(ask(Reason::Blocked, None, None), WhoMayAsk::Unknown);
    }

    #[test]
    fn a_users_file_replaces_and_adds() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[[list]]\nid = 'gmo-rbl'\nname = 'mine'\nkind = 'private'\nstatus = 'alive'\n\
                    [[list]]\nid = 'ours'\nname = 'ours'\nkind = 'dnsbl'\nstatus = 'alive'\n\
                    [[list.zone]]\nname = 'bl.example.net'\nipv4 = true\n";
        std::fs::write(&file, text).unwrap();
        let catalogue = Catalogue::load(Some(file.path())).unwrap();
        assert_eq!(catalogue.list(&ListId("gmo-rbl".into())).unwrap().name, "mine");
        assert_eq!(catalogue.zone(&zone("bl.example.net")).unwrap().list.0, "ours");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_shows_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            "[[list]]\nid = 'x'\nname = 'x'\nkind = 'dnsbl'\nstatus = 'alive'\ncolour = 'red'\n",
        )
        .unwrap();
        let error = anyhow::Error::from(Catalogue::load(Some(file.path())).unwrap_err());
        let text = format!("{error:#}");
        assert!(text.contains(&file.path().display().to_string()), "{text}");
        assert!(text.contains("line 6") && text.contains("colour"), "{text}");
    }

    #[test]
    fn a_users_rule_is_tried_first_and_replaces_its_namesake() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[[rule]]\nid = 'gmo-rbl'\nreply = ['gmo-rbl']\nreason = 'on-hold'\nsource = 'me'\nexamples = []\n";
        std::fs::write(&file, text).unwrap();
        let catalogue = Catalogue::load(Some(file.path())).unwrap();
        let ids: Vec<_> = catalogue
            .judge
            .engine
            .entries()
            .map(|rule| rule.id.get_ref().as_str())
            .collect();
        assert_eq!(ids[0], "gmo-rbl");
        assert_eq!(ids.iter().filter(|id| **id == "gmo-rbl").count(), 1);
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_an_error_that_shows_its_line() {
        for (condition, line, wrong) in [
            ("reply = ['(']", "line 3", "unclosed group"),
            ("", "line 2", "no condition"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let text = format!(
                "[[rule]]\nid = 'x'\n{condition}\nreason = 'blocked'\nsource = 'me'\nexamples = []\n"
            );
            std::fs::write(&file, text).unwrap();
            let text = Catalogue::load(Some(file.path())).unwrap_err().to_string();
            assert!(text.contains(&file.path().display().to_string()), "{text}");
            assert!(text.contains(line) && text.contains(wrong), "{text}");
        }
    }
}
