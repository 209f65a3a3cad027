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
