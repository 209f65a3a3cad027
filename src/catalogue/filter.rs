//! What somebody may mean who names a list, a code, a host or a company.

use std::net::Ipv4Addr;
use std::ptr;

use crate::catalogue::Catalogue;
use crate::catalogue::lists::{List, ZoneFacts};
use crate::catalogue::providers::{Hosting, Receiver, is_host_of};
use crate::catalogue::ways::{Way, WayFrom};

/// A filter that means nothing in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingMeant {
    /// No entry has it.
    #[error(
        "no list, operator, zone, code, receiver or hosting company of the catalogue has {0:?} in it; without a filter, \
         all are shown"
    )]
    Unknown(String),
    /// It is an answer by which no zone means a listing.
    #[error("the answer {0} lists nothing: {1}")]
    NoListing(Ipv4Addr, String),
}

/// Entries of the catalogue, in its order.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Lists and operators, the dead ones too.
    pub lists: Vec<&'a List>,
    /// Who receives mail.
    pub receivers: Vec<&'a Receiver>,
    /// Who sends it for others.
    pub hosting: Vec<&'a Hosting>,
    /// The ways out that go with these lists, or that are themselves meant.
    pub ways: Vec<&'a Way>,
}

impl Catalogue {
    /// What any of the filters means; everything where there is no filter.
    ///
    /// # Errors
    /// When one of the filters means nothing: a name that is mistyped, or missing here, is not passed over.
    pub fn meant_by(&self, filters: &[String]) -> Result<Known<'_>, NothingMeant> {
        if filters.is_empty() {
            let ways = self.ways.iter().collect();
            return Ok(Known {
                ways,
                ..self.entries(|_| true, |_| true, |_| true)
            });
        }
        let each = filters.iter().map(|filter| self.meant_by_one(filter));
        let each: Vec<Known<'_>> = each.collect::<Result<_, _>>()?;
        let known = self.entries(
            |list| each.iter().any(|known| is_among(&known.lists, list)),
            |receiver| each.iter().any(|known| is_among(&known.receivers, receiver)),
            |company| each.iter().any(|known| is_among(&known.hosting, company)),
        );
        let goes_along = |way: &&Way| {
            let is_of = |list: &&List| way.lists.contains(&list.id) || way.parts_of.contains(&list.id);
            let of_host = way.from == WayFrom::SharedServer && !known.hosting.is_empty();
            of_host || known.lists.iter().any(is_of) || each.iter().any(|known| is_among(&known.ways, way))
        };
        let ways = self.ways.iter().filter(goes_along).collect();
        Ok(Known { ways, ..known })
    }

    /// The entries that have the filter in them or, where none has, those whose marks a piece of a reply has in it.
    fn meant_by_one(&self, filter: &str) -> Result<Known<'_>, NothingMeant> {
        let known = self.entries(
            |list| list.is_meant_by(filter),
            |receiver| receiver.is_meant_by(filter),
            |company| company.is_meant_by(filter),
        );
        let ways = self
            .ways
            .iter()
            .filter(|way| holds(&way.id, filter) || holds(&way.en.by, filter));
        let known = Known {
            ways: ways.collect(),
            ..known
        };
        if !known.is_empty() {
            return Ok(known);
        }
        let known = self.entries(
            |list| list.is_quoted_in(filter),
            |receiver| receiver.has_address(filter),
            |_| false,
        );
        if !known.is_empty() {
            return Ok(known);
        }
        let answer = filter.parse::<Ipv4Addr>().ok();
        let no_listing = answer.and_then(|answer| Some((answer, self.never_listed.get(&answer)?)));
        Err(match no_listing {
            Some((answer, meaning)) => NothingMeant::NoListing(answer, meaning.clone()),
            None => NothingMeant::Unknown(filter.to_owned()),
        })
    }

    fn entries(
        &self,
        list: impl Fn(&List) -> bool,
        receiver: impl Fn(&Receiver) -> bool,
        company: impl Fn(&Hosting) -> bool,
    ) -> Known<'_> {
        Known {
            lists: self.lists.iter().filter(|entry| list(entry)).collect(),
            receivers: self.receivers.iter().filter(|entry| receiver(entry)).collect(),
            hosting: self.hosting.iter().filter(|entry| company(entry)).collect(),
            ways: Vec::new(),
        }
    }
}

impl Known<'_> {
    fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.receivers.is_empty() && self.hosting.is_empty() && self.ways.is_empty()
    }
}

fn is_among<T>(entries: &[&T], entry: &T) -> bool {
    entries.iter().any(|other| ptr::eq(*other, entry))
}

impl List {
    /// Whether somebody who says this may mean the list: a part of its id, name, operator, zone, own code, page or of a mark
    /// that replies carry, or a whole answer code of a zone, in whatever case.
    #[must_use]
    pub fn is_meant_by(&self, filter: &str) -> bool {
        let ids = std::iter::once(&self.id).chain(&self.event_id).map(|id| &id.0);
        let names = [
            &self.name,
            &self.operator,
            &self.lookup,
            &self.removal,
            &self.removal_page,
        ];
        let others = [&self.lookup_old, &self.removal_old, &self.seen_as];
        let texts = ids.chain(names).chain(others.into_iter().flatten());
        let of_zone = |zone: ZoneFacts| {
            let mut answers = zone.codes.keys().chain(zone.not_listed.keys());
            holds(zone.zone.as_str(), filter) || answers.any(|answer| answer.to_string() == filter)
        };
        texts.chain(self.codes.keys()).any(|text| holds(text, filter)) || self.zones().any(of_zone)
    }
}

impl List {
    /// Whether a piece of a reply names the list: a zone with a key or a final dot, a link with the address in it, an own
    /// code of a range, or a mark in the midst of other words.
    fn is_quoted_in(&self, filter: &str) -> bool {
        let filter = filter.trim().to_lowercase();
        let name = filter.trim_end_matches('.');
        let is_zone = |zone: ZoneFacts| {
            let zone = zone.zone.as_str();
            name.strip_suffix(zone)
                .is_some_and(|key| key.is_empty() || key.ends_with('.'))
        };
        let links = self.lookup_old.iter().chain(&self.removal_old);
        let is_link = |link: &String| {
            let (before, _) = link.split_once("{ip}").unwrap_or((link, ""));
            !before.is_empty() && filter.starts_with(&before.to_lowercase())
        };
        // A word without such a sign is a name; a mistyped one is not to be taken for a mark.
        let is_name = |c: char| c.is_alphanumeric() || c == '-';
        let is_reply = !filter.chars().all(is_name);
        self.zones().any(is_zone)
            || [&self.lookup, &self.removal]
                .into_iter()
                .chain(links)
                .any(is_link)
            || self.codes.keys().any(|code| is_of_range(code, &filter))
            || (is_reply && self.seen_as.iter().any(|mark| is_in(mark, &filter)))
    }
}

/// Whether a mark stands in a text: `A with B` has two, and both have to; one of three letters is too short.
fn is_in(mark: &str, text: &str) -> bool {
    mark.split(" with ").all(|part| {
        part.len() > 3
            && text.match_indices(part).any(|(at, _)| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(char::is_alphanumeric)
            })
    })
}

/// Whether a code lies in a range such as `5.7.606-5.7.649`.
fn is_of_range(range: &str, code: &str) -> bool {
    let parts = |code: &str| -> Option<(String, u32)> {
        let (class, detail) = code.rsplit_once('.')?;
        Some((class.to_owned(), detail.parse().ok()?))
    };
    let ends = range
        .split_once('-')
        .and_then(|(first, last)| Some((parts(first)?, parts(last)?)));
    ends.zip(parts(code))
        .is_some_and(|((first, last), code)| first.0 == code.0 && (first.1..=last.1).contains(&code.1))
}

impl Receiver {
    /// Whether the mail address lies in one of its domains.
    fn has_address(&self, filter: &str) -> bool {
        let domain = filter.rsplit_once('@').map(|(_, domain)| domain);
        domain.is_some_and(|domain| is_host_of(domain, &self.domains))
    }

    /// Whether somebody who says this may mean the receiver: a part of its id, name, hosts or domains, or one of its hosts.
    fn is_meant_by(&self, filter: &str) -> bool {
        let names = [&self.id, &self.name]
            .into_iter()
            .chain(&self.mx)
            .chain(&self.domains);
        names.into_iter().any(|text| holds(text, filter)) || is_host_of(filter, &self.mx)
    }
}

impl Hosting {
    /// Whether somebody who says this may mean the company: a part of its id, name or hosts, or one of its hosts.
    fn is_meant_by(&self, filter: &str) -> bool {
        let names = [&self.id, &self.name].into_iter().chain(&self.hosts);
        names.into_iter().any(|text| holds(text, filter)) || is_host_of(filter, &self.hosts)
    }
}

fn holds(text: &str, filter: &str) -> bool {
    text.to_lowercase().contains(&filter.to_lowercase())
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Catalogue, Known};

    fn filters(filters: &[&str]) -> Vec<String> {
        filters.iter().map(|filter| (*filter).to_owned()).collect()
    }

    fn ids(known: &Known<'_>) -> [Vec<String>; 3] {
        [
            known.lists.iter().map(|list| list.id.0.clone()).collect(),
            known
                .receivers
                .iter()
                .map(|receiver| receiver.id.clone())
                .collect(),
            known.hosting.iter().map(|company| company.id.clone()).collect(),
        ]
    }

    #[test]
    fn a_filter_finds_by_id_name_operator_zone_code_mark_or_page() {
        let catalogue = Catalogue::built_in().unwrap();
        let lists = |text: &[&str]| {
            let [lists, _, _] = ids(&catalogue.meant_by(&filters(text)).unwrap());
            lists
        };
        assert_eq!(lists(&["S3150"]), ["microsoft-outlook"]);
        assert_eq!(lists(&["GMO-rbl.JP"]), ["gmo-rbl"]);
        assert_eq!(lists(&["passive spam", "tss04"]), ["psbl", "yahoo"]);
        assert_eq!(lists(&["blocked using Blocklist 1"]), ["fope-blocklist-1"]);
        assert_eq!(lists(&["olcsupport.office.com"]), ["microsoft-outlook"]);
        assert!(lists(&["Cisco Talos"]).contains(&"spamcop".to_owned()));
        assert!(lists(&["127.0.0.30"]).contains(&"spamhaus-zen".to_owned()));
        assert!(!lists(&["127.0.0.3"]).contains(&"uceprotect-1".to_owned()));
    }

    #[test]
    fn a_piece_of_a_reply_finds_the_list_that_it_names() {
        let catalogue = Catalogue::built_in().unwrap();
        let found = |text: &str| ids(&catalogue.meant_by(&filters(&[text])).unwrap());
        for (piece, list) in [
            ("zen.spamhaus.org.", "spamhaus-zen"),
            ("abcdefghij.zen.dq.spamhaus.net", "spamhaus-zen"),
            ("https://ipcheck.proofpoint.com/?ip=192.0.2.1", "proofpoint"),
            ("5.7.610", "microsoft-365"),
            ("OFR004_102", "orange-fr"),
            ("AUP#In-1000", "spectrum"),
            ("554 5.7.1 192.0.2.1 blocked using gmo-rbl.jp; poor", "gmo-rbl"),
        ] {
            let [lists, _, _] = found(piece);
            assert!(lists.iter().any(|id| id == list), "{piece}: {lists:?}");
            assert!(lists.len() < 3, "{piece}: {lists:?}");
        }
        assert_eq!(found("someone@hotmail.co.jp")[1], ["microsoft-outlook"]);
        for piece in [
            "spamhaus-zenn",
            "5.7.650",
            "someone@example.org",
            "192.0.2.1",
            "xgsmtp y",
        ] {
            assert!(catalogue.meant_by(&filters(&[piece])).is_err(), "{piece}");
        }
        let error = catalogue.meant_by(&filters(&["127.255.255.254"])).unwrap_err();
        assert!(error.to_string().contains("open resolver"), "{error}");
    }

    #[test]
    fn a_receiver_and_a_hosting_company_are_found_by_their_hosts_too() {
        let catalogue = Catalogue::built_in().unwrap();
        let found = |text: &str| ids(&catalogue.meant_by(&filters(&[text])).unwrap());
        assert_eq!(found("sv200.xserver.jp")[2], ["xserver"]);
        assert_eq!(found("Sakura Internet")[2], ["sakura"]);
        let host = "univ-example-ac-jp01i.mail.protection.outlook.com";
        assert_eq!(found(host), [vec![], vec!["microsoft-365".to_owned()], vec![]]);
        assert_eq!(found("hotmail.co.jp")[1], ["microsoft-outlook"]);
    }

    #[test]
    fn no_filter_means_everything_and_a_mistyped_one_is_not_passed_over() {
        let catalogue = Catalogue::built_in().unwrap();
        let all = catalogue.meant_by(&[]).unwrap();
        assert_eq!(all.lists.len(), catalogue.lists().len());
        assert!(all.receivers.len() > 40 && all.hosting.len() > 10);
        let error = catalogue
            .meant_by(&filters(&["spamcop", "no-such-list"]))
            .unwrap_err();
        assert!(error.to_string().contains("\"no-such-list\""), "{error}");
    }
}
