//! What is known of one refused address: its last refusal, those that belong to it, and what others say.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use chrono::TimeDelta;

use crate::catalogue::{Catalogue, List, Refused, Way};
use crate::check::{Answer, Ptr};
use crate::event::{Action, Reason, Timestamp};
use crate::ledger::{Bounce, ListedNow, Mail, State};
use crate::report::Report;
use crate::report::draft::{Addressee, DraftWords, Wanted};
use crate::report::group::Group;
use crate::report::own::Ours;
use crate::report::phrasebook::Phrasebook;
use crate::report::tenancy::Tenancy;
use crate::report::ways::text;

/// `self_ask` of a company that wants its customers not to ask a list on their own.
const FORBIDDEN: &str = "forbidden";
/// For how long a refusal is about now.
const FRESH: TimeDelta = TimeDelta::hours(24);

/// What a letter is made from.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'r> {
    pub(super) report: &'r Report<'r>,
    pub(super) words: &'r DraftWords,
    pub(super) ip: IpAddr,
    /// The group whose refusal decides: the newest one that is not over, else the newest.
    pub(super) chosen: &'r Group<'r>,
    /// The groups that the letter is about, the chosen one among them, most mails first.
    pub(super) same: Vec<&'r Group<'r>>,
    /// What else refuses the address.
    pub(super) others: Vec<&'r Group<'r>>,
    /// The bounce that speaks for the chosen group.
    pub(super) newest: &'r Bounce,
    /// The list that it names.
    pub(super) list: Option<&'r List>,
    /// The way out, where the table of ways has one.
    pub(super) way: Option<&'r Way>,
    /// The way of a customer of a shared server.
    pub(super) shared_way: Option<&'r Way>,
    pub(super) company: Option<Company<'r>>,
    pub(super) attached: Option<usize>,
}

/// The company whose server the address is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company<'r> {
    pub(super) name: &'r str,
    /// How its support is reached.
    pub(super) channel: Option<&'r str>,
    /// Whether it wants its customers not to ask a list on their own.
    pub(super) asks_alone: bool,
}

impl<'r> Evidence<'r> {
    /// The evidence about an address; nothing where no bounce of the report says that it was refused.
    pub(super) fn of(report: &'r Report<'r>, wanted: &Wanted<'r>, ip: IpAddr) -> Option<Self> {
        let of_ip = report.groups.iter().filter(|group| {
            group.blocked_ip == Some(ip) && group.reasons.iter().any(|reason| reason.is_block())
        });
        let chosen = of_ip.max_by_key(|group| {
            let last = group.last_bounced.or(group.last_sent);
            (group.state != State::Cleared, last, group.last_sent)
        })?;
        let newest = speaker(chosen)?;
        let list = newest
            .verdict
            .blocklist
            .as_ref()
            .and_then(|id| wanted.catalogue.list(id));
        let mut evidence = Self {
            report,
            words: &report.words.draft,
            ip,
            chosen,
            same: Vec::new(),
            others: Vec::new(),
            newest,
            list,
            way: None,
            shared_way: wanted.catalogue.way_on_shared_server(),
            company: company(chosen, wanted, &report.words.phrases),
            attached: wanted.attached.filter(|n| *n > 0),
        };
        evidence.way = evidence.way_out(wanted.catalogue);
        evidence.part(|group| evidence_is_alike(chosen, newest, group));
        Some(evidence)
    }

    /// A letter to a receiver speaks of that receiver alone.
    pub(super) fn for_letter_to(mut self, to: Addressee) -> Self {
        let alone = to == Addressee::Receiver && !self.list_is_receivers();
        if alone {
            let (chosen, newest) = (self.chosen, self.newest);
            self.part(|group| {
                let same_receiver = match chosen.provider {
                    Some(provider) if !is_fault(newest) => group.provider == Some(provider),
                    Some(_) | None => group.receiving_domain == chosen.receiving_domain,
                };
                same_receiver && evidence_is_alike(chosen, newest, group)
            });
        }
        self
    }

    fn part(&mut self, is_same: impl Fn(&Group<'_>) -> bool) {
        let ip = self.ip;
        let of_ip = self
            .report
            .groups
            .iter()
            .filter(|group| group.blocked_ip == Some(ip));
        (self.same, self.others) = of_ip.partition(|group| is_same(group));
        self.same
            .sort_by_key(|group| std::cmp::Reverse(group.messages.len()));
    }

    fn way_out(&self, catalogue: &'r Catalogue) -> Option<&'r Way> {
        let reply = self.chosen.sample_reply.unwrap_or_default();
        if self.is_fault() {
            let at = self.last_refusal().unwrap_or(self.report.now);
            return catalogue.way_for_fault(&self.newest.verdict, reply, at);
        }
        let serving: Vec<_> = self.chosen.lists.values().flatten().collect();
        let answers: Vec<Ipv4Addr> = self
            .chosen
            .listings
            .iter()
            .filter(|listing| serving.iter().any(|zone| ***zone == listing.zone))
            .flat_map(|listing| match &listing.answer {
                Answer::Listed(codes) => codes.clone(),
                Answer::NotListed
                | Answer::Refused(_)
                | Answer::Timeout
                | Answer::Error(_)
                | Answer::ZoneDead(_) => Vec::new(),
            })
            .collect();
        catalogue.way_off(Refused {
            list: self.newest.verdict.blocklist.as_ref(),
            reply,
            answers: &answers,
        })
    }

    /// Whether the receiver's own check failed.
    pub(super) fn is_fault(&self) -> bool {
        is_fault(self.newest)
    }

    pub(super) fn reason(&self) -> Reason {
        self.newest.verdict.reason
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.chosen.state == State::Cleared
    }

    /// Whether a group is refused now: a zone lists the address, or the last refusal is not a day old. What is merely not
    /// known to be over is not said to go on.
    pub(super) fn goes_on(&self, group: &Group<'_>) -> bool {
        let last = group.last_sent.or(group.last_bounced);
        let is_fresh = last.is_some_and(|last| self.report.now - last <= FRESH);
        match group.state {
            State::New | State::Ongoing | State::Relisted => is_fresh || group.listed_now == ListedNow::Yes,
            State::ReceiverFault => is_fresh,
            State::Unknown | State::Cleared => false,
        }
    }

    /// Whether others send through the address too.
    pub(super) fn is_shared(&self) -> bool {
        match self.chosen.tenancy {
            Tenancy::Hosted { .. } => true,
            Tenancy::Several(_) => self.chosen.ours != Ours::Yes,
            Tenancy::Own(_) | Tenancy::Unknown => false,
        }
    }

    /// When the last refusal came.
    pub(super) fn last_refusal(&self) -> Option<Timestamp> {
        self.chosen.last_bounced.or(self.chosen.last_sent)
    }

    /// Who refuses: the provider, else the domain.
    pub(super) fn receiver(&self) -> String {
        let domain = || self.chosen.receiving_domain.to_string();
        self.chosen.provider.map_or_else(domain, str::to_owned)
    }

    /// What a letter calls the list: as the table of ways does, else its name without what stands in brackets behind it, else
    /// its id.
    pub(super) fn list_name(&self) -> Option<&'r str> {
        let id = self.newest.verdict.blocklist.as_ref()?;
        let of_way = self.way.map(|way| text(way, self.report.lang).list.as_str());
        if let Some(name) = of_way.filter(|name| !name.is_empty()) {
            return Some(name);
        }
        let phrases = &self.report.words.phrases;
        let name = self.list.map_or(id.0.as_str(), |list| phrases.fact(&list.name));
        Some(name.split(" (").next().unwrap_or(name))
    }

    /// Who refuses, as the table of ways calls it, else the list, else the receiver.
    pub(super) fn by(&self) -> String {
        let way = self.way.map(|way| text(way, self.report.lang).by.clone());
        way.or_else(|| self.list_name().map(str::to_owned))
            .unwrap_or_else(|| self.receiver())
    }

    /// Where removal is asked for.
    pub(super) fn removal(&self) -> Option<String> {
        let of_way = self.way.map(|way| way.to.as_str()).filter(|to| !to.is_empty());
        let of_list = self
            .list
            .map(|list| list.removal.as_str())
            .filter(|to| !to.is_empty());
        let to = of_way.or(of_list).or(self.chosen.removal)?;
        Some(to.replace("{ip}", &self.ip.to_string()))
    }

    /// The name of the address that leads back to it.
    pub(super) fn ptr(&self) -> Option<&'r Ptr> {
        let names = self.report.history.names.iter();
        names
            .filter(|names| names.ip == self.ip)
            .map(|names| &names.ptr)
            .next_back()
    }

    /// The mails of these groups that were given up, and those that still wait.
    pub(super) fn mails(groups: &[&Group<'_>]) -> (BTreeSet<Mail>, BTreeSet<Mail>) {
        let all = groups.iter().flat_map(|group| &group.bounces);
        let failed: BTreeSet<Mail> = all
            .clone()
            .filter(|bounce| bounce.action == Action::Failed)
            .map(|bounce| bounce.mail)
            .collect();
        let waiting = all
            .filter(|bounce| bounce.action == Action::Delayed)
            .map(|bounce| bounce.mail);
        let waiting = waiting.filter(|mail| !failed.contains(mail)).collect();
        (failed, waiting)
    }
}

/// The bounce that speaks for a group: its newest failure, else its newest notice.
fn speaker<'a>(group: &Group<'a>) -> Option<&'a Bounce> {
    let newest = |bounce: &&&Bounce| bounce.action == Action::Failed;
    group
        .bounces
        .iter()
        .rev()
        .find(newest)
        .or(group.bounces.last())
        .copied()
}

fn is_fault(bounce: &Bounce) -> bool {
    bounce.verdict.reason == Reason::ReceiverFault
}

/// Whether a group is refused for the same as the chosen one, and as much over as that.
fn evidence_is_alike(chosen: &Group<'_>, newest: &Bounce, group: &Group<'_>) -> bool {
    let Some(other) = speaker(group) else { return false };
    other.verdict.blocklist == newest.verdict.blocklist
        && is_fault(other) == is_fault(newest)
        && (newest.verdict.blocklist.is_some() || other.verdict.reason == newest.verdict.reason)
        && group.who_may_ask == chosen.who_may_ask
        && (group.state == State::Cleared) == (chosen.state == State::Cleared)
}

/// The company whose server it is: the user's own word, unless the address is somebody else's, before the catalogue's.
fn company<'r>(group: &'r Group<'r>, wanted: &Wanted<'r>, phrases: &'r Phrasebook) -> Option<Company<'r>> {
    let known = group.hosting.map(|company| Company {
        name: phrases.fact(&company.name),
        channel: Some(phrases.fact(&company.channel)).filter(|channel| !channel.is_empty()),
        asks_alone: company.self_ask == FORBIDDEN,
    });
    let own = wanted
        .hosting
        .filter(|_| group.ours != Ours::No)
        .map(|company| Company {
            name: &company.name,
            channel: company.support.as_deref(),
            asks_alone: known.is_some_and(|known| known.asks_alone),
        });
    own.or(known)
}
