//! The ways out: for each kind of refusal who is written to, what they want to read, how long it takes, what never to do.

use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::catalogue::lists::Month;
use crate::event::ListId;

/// One row of `ways.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// Its id.
    pub id: String,
    /// What it is the way out of.
    pub from: WayFrom,
    /// Lists whose refusals it is for.
    #[serde(default)]
    pub lists: Vec<ListId>,
    /// Lists of which it is one part only: for a refusal by these one of `answers` or `words` has to be there too.
    #[serde(default)]
    pub parts_of: Vec<ListId>,
    /// Answers of the DNS that tell the part.
    #[serde(default)]
    pub answers: Vec<Ipv4Addr>,
    /// Words of a reply that tell the part or the fault, in lower case.
    #[serde(default)]
    pub words: Vec<String>,
    /// Where the request goes, where the list's own entry does not say it: `https://…` or `mailto:…`.
    #[serde(default)]
    pub to: String,
    /// Whether the receiver itself keeps the list, so that a letter to the receiver is one to the list.
    #[serde(default)]
    pub kept_by_receiver: bool,
    /// Whether the request has to have the whole bounce in it or with it.
    #[serde(default)]
    pub whole_bounce: bool,
    /// What its form asks for, in its order; empty where a mail is written.
    #[serde(default)]
    pub form: Vec<FormField>,
    /// In English.
    pub en: WayText,
    /// In Japanese.
    pub ja: WayText,
    /// Year and month on which a person last checked it against its sources.
    pub checked: Month,
    /// Where it was read.
    pub sources: Vec<String>,
}

/// What people read of a way; an empty text means that nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayText {
    /// What a letter calls the list; where it is empty, the list's own entry says it.
    #[serde(default)]
    pub list: String,
    /// Who refuses.
    pub by: String,
    /// Who may ask.
    pub may_ask: String,
    /// What they want to read.
    #[serde(default)]
    pub wants: String,
    /// How long it takes, as reported.
    #[serde(default)]
    pub how_long: String,
    /// What never to do.
    #[serde(default)]
    pub never: String,
}

/// What a way leads out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayFrom {
    /// A list.
    List,
    /// A shared server of a hosting company, whatever list refuses it.
    SharedServer,
    /// A receiver whose check of a list fails.
    ReceiverFault(Fault),
}

/// Why a receiver's check of a list fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The list refuses the receiver's resolver, which is a public one.
    PublicResolver,
    /// The receiver asks the list too often.
    TooManyQueries,
    /// The list is run no more.
    DeadList,
    /// The reply does not tell.
    Untold,
}

/// What a form for removal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormField {
    /// The company that asks.
    Company,
    /// Who asks.
    Name,
    /// A telephone number.
    Phone,
    /// A telephone number with the country's code.
    PhoneWithCountry,
    /// A mail address for the answer.
    Mail,
    /// The receiver's service that the asker is a customer of.
    Service,
    /// The customer's number there.
    CustomerNumber,
    /// The refused address.
    Ip,
    /// The domains that send through it.
    SendingDomain,
    /// The domains that refuse it.
    ReceivingDomain,
    /// Whether others send through it too.
    Shared,
    /// The refusing host's words, complete.
    Reply,
}

/// What tells which way is meant.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The list that the reply names.
    pub list: Option<&'a ListId>,
    /// The reply.
    pub reply: &'a str,
    /// What the DNS answers that list the address.
    pub answers: &'a [Ipv4Addr],
}

impl Way {
    /// Whether it is the way out for an address that a list refuses.
    pub(crate) fn is_from_list(&self, refused: Refused<'_>) -> bool {
        let Some(list) = refused.list.filter(|_| self.from == WayFrom::List) else {
            return false;
        };
        let of_part = self.parts_of.contains(list)
            && (refused.answers.iter().any(|answer| self.answers.contains(answer))
                || self.is_in(refused.reply));
        of_part || self.lists.contains(list)
    }

    /// Whether a reply has one of its words.
    pub(crate) fn is_in(&self, reply: &str) -> bool {
        let reply = reply.to_lowercase();
        self.words.iter().any(|word| reply.contains(word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use crate::catalogue::{Catalogue, Fault, Refused, WayFrom, WhoMayAsk};
    use crate::event::{ListId, Reason, Verdict};

    fn way_off<'a>(
        catalogue: &'a Catalogue,
        list: &str,
        reply: &str,
        answers: &[Ipv4Addr],
    ) -> Option<&'a str> {
        let list = ListId(list.to_owned());
        let refused = Refused {
            list: Some(&list),
            reply,
            answers,
        };
        catalogue.way_off(refused).map(|way| way.id.as_str())
    }

    #[test]
    fn the_answer_or_the_reply_tells_which_part_of_an_operator_it_is() {
        let catalogue = Catalogue::built_in().unwrap();
        let css = [Ipv4Addr::new(127, 0, 0, 3)];
        let both = [Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::new(127, 0, 0, 2)];
        for (list, reply, answers, wanted) in [
            ("spamhaus", "", &css[..], Some("spamhaus-css-xbl")),
            // while an SBL record stands, the others are held back
            ("spamhaus-zen", "", &both[..], Some("spamhaus-sbl")),
            ("spamhaus", "", &[], Some("spamhaus")),
            (
                "microsoft-365",
                "550 5.7.511 Access denied, banned sender",
                &[],
                Some("microsoft-365-banned-sender"),
            ),
            (
                "microsoft-365",
                "blocked using Customer Block list (AS16012607)",
                &[],
                Some("microsoft-365-customer"),
            ),
            (
                "microsoft-365",
                "550 5.7.606 Access denied, banned sending IP",
                &[],
                Some("microsoft-365"),
            ),
            ("gmo-rbl", "", &css[..], Some("gmo-rbl")),
            ("mailspike", "", &[], None),
        ] {
            assert_eq!(
                way_off(&catalogue, list, reply, answers),
                wanted,
                "{list} {reply}"
            );
        }
    }

    #[test]
    fn a_receivers_fault_is_told_by_its_reply_and_a_dead_list_by_the_time() {
        let catalogue = Catalogue::built_in().unwrap();
        let fault = |list: &str, reply: &str| {
            let verdict = Verdict {
                reason: Reason::ReceiverFault,
                blocklist: Some(ListId(list.to_owned())),
                ..Verdict::default()
            };
            let at = "2026-11-22T09:00:00+09:00".parse().unwrap();
            catalogue.way_for_fault(&verdict, reply, at).map(|way| way.from)
        };
        for (list, reply, wanted) in [
            ("spamhaus-zen", "Error: open resolver", Fault::PublicResolver),
            (
                "spamhaus-zen",
                "excessive number of queries",
                Fault::TooManyQueries,
            ),
            ("spamhaus-zen", "DNSBL lookup failed", Fault::Untold),
            ("sorbs", "blocked using dnsbl.sorbs.net", Fault::DeadList),
        ] {
            assert_eq!(
                fault(list, reply),
                Some(WayFrom::ReceiverFault(wanted)),
                "{reply}"
            );
        }
    }

    #[test]
    fn each_row_says_in_both_languages_what_the_other_says_and_where_it_was_read() {
        let catalogue = Catalogue::built_in().unwrap();
        let mut ids = BTreeSet::new();
        for way in catalogue.ways() {
            assert!(ids.insert(&way.id) && !way.sources.is_empty(), "{}", way.id);
            let (en, ja) = (&way.en, &way.ja);
            for (en, ja) in [
                (&en.list, &ja.list),
                (&en.by, &ja.by),
                (&en.may_ask, &ja.may_ask),
                (&en.wants, &ja.wants),
                (&en.how_long, &ja.how_long),
                (&en.never, &ja.never),
            ] {
                assert_eq!(en.is_empty(), ja.is_empty(), "{}: {en} {ja}", way.id);
            }
            // nobody is asked for what nobody hears
            for list in way.lists.iter().filter_map(|id| catalogue.list(id)) {
                let nobody = list.who_may_ask == WhoMayAsk::Nobody;
                assert!(!nobody || way.en.wants.is_empty(), "{}", way.id);
            }
        }
        assert!(catalogue.way_on_shared_server().is_some());
    }
}
