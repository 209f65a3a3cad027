//! What somebody may mean who names a list, a code, a host or a company.

use crate::catalogue::Catalogue;
use crate::catalogue::lists::{List, ZoneFacts};
use crate::catalogue::providers::{Hosting, Receiver, is_host_of};

/// A filter that means nothing in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no list, operator, zone, code, receiver or hosting company of the catalogue has {0:?} in it; without a filter, all \
     are shown"
)]
pub struct NothingMeant(String);

/// Entries of the catalogue, in its order.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Lists and operators, the dead ones too.
    pub lists: Vec<&'a List>,
    /// Who receives mail.
    pub receivers: Vec<&'a Receiver>,
    /// Who sends it for others.
    pub hosting: Vec<&'a Hosting>,
}

impl Catalogue {
    /// What any of the filters means; everything where there is no filter.
    ///
    /// # Errors
    /// When one of the filters means nothing: a name that is mistyped, or missing here, is not passed over.
    pub fn meant_by(&self, filters: &[String]) -> Result<Known<'_>, NothingMeant> {
        if filters.is_empty() {
            return Ok(self.entries(|_| true, |_| true, |_| true));
        }
        let single = |filter: &String| {
            self.entries(
                |list| list.is_meant_by(filter),
                |receiver| receiver.is_meant_by(filter),
                |company| company.is_meant_by(filter),
            )
        };
        let means_nothing = |filter: &&String| {
            let known = single(filter);
            known.lists.is_empty() && known.receivers.is_empty() && known.hosting.is_empty()
        };
        if let Some(filter) = filters.iter().find(means_nothing) {
            return Err(NothingMeant(filter.clone()));
        }
        Ok(self.entries(
            |list| filters.iter().any(|filter| list.is_meant_by(filter)),
            |receiver| filters.iter().any(|filter| receiver.is_meant_by(filter)),
            |company| filters.iter().any(|filter| company.is_meant_by(filter)),
        ))
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
        }
    }
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

impl Receiver {
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
