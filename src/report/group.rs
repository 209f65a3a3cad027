//! The groups: one for each blocked address and receiving domain, with every column of `--csv`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use chrono::TimeDelta;

use crate::catalogue::{Catalogue, Hosting, WhoMayAsk};
use crate::check::{Answer, Exchange, Listing, Mx, Names, Network, Owner, Ptr};
use crate::event::{Action, ListId, Reason, ReceivingDomain, Timestamp, Zone};
use crate::ledger::{
    Bounce, Course, History, ListedNow, Mail, Observed, Recipient, Refusal, Spell, State, listed_now, state,
};
use crate::report::late::{LateCause, is_late, queue_life};
use crate::report::news::is_news;
use crate::report::own::{Ours, OwnAddress};
use crate::report::tenancy::{Tenancy, hosted};

/// One row of `--csv`.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub(super) blocked_ip: Option<IpAddr>,
    pub(super) receiving_domain: &'a ReceivingDomain,
    pub(super) provider: Option<&'a str>,
    pub(super) reasons: BTreeSet<Reason>,
    pub(super) blocklists: BTreeSet<&'a ListId>,
    pub(super) codes: BTreeSet<&'a str>,
    pub(super) ours: Ours,
    pub(super) messages: BTreeSet<Mail>,
    pub(super) recipients: BTreeSet<Recipient>,
    pub(super) senders: BTreeSet<&'a ReceivingDomain>,
    pub(super) first_sent: Option<Timestamp>,
    pub(super) last_sent: Option<Timestamp>,
    pub(super) first_bounced: Option<Timestamp>,
    pub(super) last_bounced: Option<Timestamp>,
    pub(super) max_delay: Option<TimeDelta>,
    /// How long the queue keeps mail that it refuses so that the mail expires.
    pub(super) queue_life: Option<TimeDelta>,
    pub(super) late: BTreeSet<Mail>,
    pub(super) late_cause: Option<LateCause>,
    pub(super) delayed: BTreeSet<Mail>,
    pub(super) state: State,
    pub(super) listed_now: ListedNow,
    /// When it was refused or listed, oldest first.
    pub(super) spells: Vec<Spell>,
    /// After how long without refusal it is presumed over, where the DNS cannot prove that it is.
    pub(super) presumed_after: Option<TimeDelta>,
    pub(super) zones_listed: BTreeSet<&'a Zone>,
    pub(super) checked_at: Option<Timestamp>,
    pub(super) ptr: Vec<&'a str>,
    pub(super) owner: Option<String>,
    /// The network of the address.
    pub(super) network: Option<&'a Network>,
    /// The company whose server it is, told by the address's name, else by that of the server that gave up.
    pub(super) hosting: Option<&'a Hosting>,
    pub(super) tenancy: Tenancy<'a>,
    /// What the address last called itself to a server, where a returned original tells.
    pub(super) helo: Option<&'a str>,
    pub(super) who_may_ask: WhoMayAsk,
    pub(super) removal: Option<&'a str>,
    /// Where the catalogue says that removal is asked for; no column has it.
    pub(super) list_removal: Option<&'a str>,
    pub(super) sample_reply: Option<&'a str>,
    /// The lists of `blocklists` with the zones that can be asked for them.
    pub(super) lists: BTreeMap<&'a ListId, Vec<&'a Zone>>,
    /// The newest answer of each zone about the address.
    pub(super) listings: Vec<&'a Listing>,
    /// Whether it has changed since the report before, where only that is wanted.
    pub(super) is_news: bool,
    /// The bounces that count, oldest first.
    pub(super) bounces: Vec<&'a Bounce>,
}

/// What groups are made from, besides their own bounces.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) history: &'a History,
    pub(super) catalogue: &'a Catalogue,
    pub(super) own: &'a [OwnAddress],
    pub(super) owner: Option<&'a str>,
    /// After how long without refusal a group is over that nobody can ask about.
    pub(super) presumed_after: TimeDelta,
    /// Where only news is wanted: since when.
    pub(super) news_since: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// The groups of these bounces, in the order of address and domain.
pub(super) fn groups<'a>(bounces: &[&'a Bounce], facts: Facts<'a>) -> Vec<Group<'a>> {
    let mut sorted: BTreeMap<_, Vec<&Bounce>> = BTreeMap::new();
    for bounce in bounces {
        let key = (bounce.verdict.blocked_ip, &*bounce.receiving_domain);
        sorted.entry(key).or_default().push(bounce);
    }
    let known = known(facts, bounces);
    let unknown = Known::default();
    let exchanges = &facts.history.exchanges;
    let exchanges: HashMap<_, _> = exchanges.iter().map(|one| (&one.domain, one)).collect();
    sorted
        .into_iter()
        .map(|((ip, domain), bounces)| {
            let known = ip.and_then(|ip| known.get(&ip)).unwrap_or(&unknown);
            let to = (domain, mail_hosts(exchanges.get(domain).copied()));
            Group::of(ip, to, bounces, known, facts)
        })
        .collect()
}

impl<'a> Group<'a> {
    #[expect(clippy::too_many_lines, reason = "one line for each column")]
    fn of(
        blocked_ip: Option<IpAddr>,
        (receiving_domain, mail_hosts): (&'a ReceivingDomain, &[String]),
        mut bounces: Vec<&'a Bounce>,
        known: &Known<'a>,
        facts: Facts<'a>,
    ) -> Self {
        bounces.sort_by_cached_key(|bounce| bounce.speaking_order());
        let lists = zones_of_lists(&bounces, facts.catalogue, &known.newest);
        let zones: Vec<Vec<&Zone>> = lists.values().cloned().collect();
        let refusals = refusals(&bounces);
        let observed = Observed {
            ip: blocked_ip,
            lists: &zones,
            refusals: &refusals,
            listings: &known.answers,
            last_report: facts.history.last_report,
            presumed_after: (!can_be_proven(&lists, facts.catalogue)).then_some(facts.presumed_after),
            now: facts.now,
        };
        let course = Course::of(observed);
        let state = state(&course);
        let ours = Ours::of_all(
            bounces
                .iter()
                .map(|bounce| Ours::of(bounce, &confirmed(known.names), facts.own)),
        );
        // What stands for the group is its newest failure; a group of delay notices alone has the newest of them.
        let failures = || {
            bounces
                .iter()
                .rev()
                .copied()
                .filter(|bounce| bounce.action == Action::Failed)
        };
        let newest = failures().next().or_else(|| bounces.last().copied());
        let late_ones = || bounces.iter().copied().filter(|bounce| is_late(bounce));
        let sent = || bounces.iter().filter_map(|bounce| bounce.times.sent_at);
        let bounced = || bounces.iter().filter_map(|bounce| bounce.times.bounced_at);
        Self {
            blocked_ip,
            receiving_domain,
            provider: {
                // What refused the mail is the evidence; the mail hosts of today tell where no bounce names one.
                let refusing = bounces
                    .iter()
                    .rev()
                    .filter_map(|bounce| bounce.remote_host.as_deref());
                let hosts = refusing.chain(mail_hosts.iter().map(String::as_str));
                let mut tried = BTreeSet::new();
                facts
                    .catalogue
                    .provider(hosts.filter(|host| tried.insert(*host)), receiving_domain)
            },
            reasons: bounces.iter().map(|bounce| bounce.verdict.reason).collect(),
            codes: bounces
                .iter()
                .filter_map(|bounce| bounce.verdict.code.as_deref())
                .collect(),
            ours,
            messages: bounces.iter().map(|bounce| bounce.mail).collect(),
            recipients: bounces.iter().map(|bounce| bounce.recipient).collect(),
            senders: bounces
                .iter()
                .filter_map(|bounce| bounce.sender.as_deref())
                .collect(),
            first_sent: sent().min(),
            last_sent: sent().max(),
            first_bounced: bounced().min(),
            last_bounced: bounced().max(),
            max_delay: bounces.iter().filter_map(|bounce| bounce.times.delay()).max(),
            queue_life: queue_life(&bounces),
            late: late_ones().map(|bounce| bounce.mail).collect(),
            late_cause: late_ones().next_back().map(LateCause::of),
            delayed: bounces
                .iter()
                .filter(|bounce| bounce.action == Action::Delayed)
                .map(|bounce| bounce.mail)
                .collect(),
            state,
            is_news: facts
                .news_since
                .is_none_or(|before| is_news(&bounces, state, &observed, before)),
            listed_now: listed_now(&observed),
            spells: course.spells,
            presumed_after: observed.presumed_after,
            zones_listed: known
                .newest
                .iter()
                .filter(|listing| matches!(listing.answer, Answer::Listed(_)))
                .map(|listing| &listing.zone)
                .collect(),
            checked_at: known.newest.iter().map(|listing| listing.checked_at).max(),
            ptr: known.names.map(ptr_names).unwrap_or_default(),
            owner: facts
                .owner
                .filter(|_| ours != Ours::No)
                .map(str::to_owned)
                .or_else(|| network(known.names).map(ToString::to_string)),
            network: network(known.names),
            hosting: hosting(known.names, newest, facts.catalogue),
            tenancy: known.tenancy.clone(),
            helo: bounces.iter().rev().find_map(|bounce| bounce.helo.as_deref()),
            who_may_ask: newest
                .map(|bounce| facts.catalogue.who_may_ask(&bounce.verdict))
                .unwrap_or_default(),
            removal: newest.and_then(|bounce| bounce.verdict.removal.as_deref()),
            list_removal: newest
                .and_then(|bounce| facts.catalogue.list(bounce.verdict.blocklist.as_ref()?))
                .map(|list| list.removal.as_str())
                .filter(|removal| !removal.is_empty()),
            sample_reply: newest.and_then(|bounce| bounce.reply.as_deref()),
            blocklists: lists.keys().copied().collect(),
            lists,
            listings: known.newest.clone(),
            bounces,
        }
    }

    /// Whether a refusal of an address made it, named or not.
    pub(super) fn is_block(&self) -> bool {
        self.blocked_ip.is_some() || self.reasons.iter().any(|reason| reason.is_block())
    }
}

/// The lists that the replies name, with the zones that can be asked for them: those of the catalogue, else the one
/// that the reply names, if the catalogue has nothing against it.
///
/// Where a customer's zone was asked with a key, it stands for the public ones of the same list.
fn zones_of_lists<'a>(
    bounces: &[&'a Bounce],
    catalogue: &'a Catalogue,
    newest: &[&Listing],
) -> BTreeMap<&'a ListId, Vec<&'a Zone>> {
    let asked = |zone: &Zone| {
        let answers = newest.iter().filter(|listing| listing.zone == *zone);
        answers.map(|listing| listing.checked_at).max()
    };
    let mut lists: BTreeMap<&ListId, Vec<&Zone>> = BTreeMap::new();
    for verdict in bounces.iter().map(|bounce| &*bounce.verdict) {
        let Some(list) = &verdict.blocklist else { continue };
        let zones = lists.entry(list).or_insert_with(|| catalogue.zones_of(list));
        if let Some(zone) = verdict.zone.as_ref().filter(|_| zones.is_empty()) {
            zones.extend(catalogue.zone(zone).is_none().then_some(zone));
        }
    }
    for (list, zones) in &mut lists {
        for (paid, public) in catalogue.paid_zones_of(list) {
            let last = public.iter().filter_map(|zone| asked(zone)).max();
            if asked(paid).is_some_and(|at| Some(at) >= last) {
                zones.retain(|zone| !public.contains(zone));
                zones.push(paid);
            }
        }
    }
    lists
}

/// The failures; of mail that only waits so far, the notices of it.
pub(super) fn refusals(bounces: &[&Bounce]) -> Vec<Refusal> {
    let failures: Vec<Refusal> = bounces
        .iter()
        .filter(|bounce| bounce.action == Action::Failed)
        .map(|bounce| Refusal::from(*bounce))
        .collect();
    if failures.is_empty() {
        bounces.iter().map(|bounce| Refusal::from(*bounce)).collect()
    } else {
        failures
    }
}

/// Whether the DNS can prove that an address is off all of these lists.
fn can_be_proven(lists: &BTreeMap<&ListId, Vec<&Zone>>, catalogue: &Catalogue) -> bool {
    let has_test_entries = |zone: &&Zone| catalogue.zone(zone).is_none_or(|facts| facts.test_entries);
    let proves = |zones: &Vec<&Zone>| !zones.is_empty() && zones.iter().all(has_test_entries);
    !lists.is_empty() && lists.values().all(proves)
}

/// The newest answer of each zone about each address, by address and zone.
pub(super) fn newest(listings: &[Listing]) -> BTreeMap<(IpAddr, &Zone), &Listing> {
    let mut newest: BTreeMap<(IpAddr, &Zone), &Listing> = BTreeMap::new();
    for listing in listings {
        let kept = newest.entry((listing.ip, &listing.zone)).or_insert(listing);
        if listing.checked_at >= kept.checked_at {
            *kept = listing;
        }
    }
    newest
}

/// What is known of one address.
#[derive(Default)]
struct Known<'a> {
    /// Every answer, oldest first. A copy, so that the state of a group is read from its own address's answers and
    /// not from everybody's.
    answers: Vec<Listing>,
    newest: Vec<&'a Listing>,
    names: Option<&'a Names>,
    tenancy: Tenancy<'a>,
}

fn known<'a>(facts: Facts<'a>, bounces: &[&'a Bounce]) -> HashMap<IpAddr, Known<'a>> {
    let history = facts.history;
    let mut known: HashMap<IpAddr, Known<'_>> = HashMap::new();
    for listing in &history.listings {
        known.entry(listing.ip).or_default().answers.push(listing.clone());
    }
    for ((ip, _), listing) in newest(&history.listings) {
        known.entry(ip).or_default().newest.push(listing);
    }
    for names in &history.names {
        known.entry(names.ip).or_default().names = Some(names);
    }
    let mut senders: HashMap<IpAddr, BTreeSet<&ReceivingDomain>> = HashMap::new();
    for bounce in bounces {
        if let (Some(ip), Some(sender)) = (bounce.verdict.blocked_ip, bounce.sender.as_deref()) {
            senders.entry(ip).or_default().insert(sender);
        }
    }
    for ip in senders.keys() {
        known.entry(*ip).or_default();
    }
    for (ip, known) in &mut known {
        let senders = senders
            .remove(ip)
            .unwrap_or_default()
            .into_iter()
            .cloned()
            .collect();
        known.tenancy = Tenancy::of(known.names, &senders, facts.catalogue, facts.own);
    }
    known
}

fn mail_hosts(exchange: Option<&Exchange>) -> &[String] {
    match exchange.map(|exchange| &exchange.mx) {
        Some(Mx::Hosts(hosts)) => hosts,
        Some(Mx::None | Mx::Unknown(_)) | None => &[],
    }
}

fn network(names: Option<&Names>) -> Option<&Network> {
    match names.map(|names| &names.owner) {
        Some(Owner::Known(network)) => Some(network),
        Some(Owner::NotAsked | Owner::NotAnnounced | Owner::Unknown(_)) | None => None,
    }
}

fn hosting<'a>(
    names: Option<&'a Names>,
    newest: Option<&Bounce>,
    catalogue: &'a Catalogue,
) -> Option<&'a Hosting> {
    let by_address = hosted(names.map(|names| &names.ptr), catalogue).map(|(_, company)| company);
    by_address.or_else(|| catalogue.hosting(newest?.reporting_mta.as_deref()?))
}

/// Names that lead back to the address; the others anybody can claim.
fn confirmed(names: Option<&Names>) -> Vec<&str> {
    match names.map(|names| &names.ptr) {
        Some(Ptr::Confirmed(name)) => vec![name],
        Some(Ptr::Unconfirmed(_) | Ptr::None | Ptr::Unknown(_)) | None => Vec::new(),
    }
}

fn ptr_names(names: &Names) -> Vec<&str> {
    match &names.ptr {
        Ptr::Confirmed(name) => vec![name],
        Ptr::Unconfirmed(names) => names.iter().map(String::as_str).collect(),
        Ptr::None | Ptr::Unknown(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::WhoMayAsk;
    use crate::check::{Answer, Exchange, Mx, Names, Network, Owner, Ptr};
    use crate::event::{Event, Reason};
    use crate::ledger::{ListedNow, State};
    use crate::report::late::LateCause;
    use crate::report::own::Ours;
    use crate::report::samples::{self, Case, again, delay_notice, story};
    use crate::report::settings::FailOn;
    use crate::report::table::{Look, table};

    #[test]
    fn one_original_to_three_people_is_one_message() {
        let one = story("postfix-s3150.eml");
        let mut two = one.clone();
        two.recipient = "second@portal.example.jp".into();
        let mut three = one.clone();
        three.recipient = "client@portal.example.jp".into(); // the first one again, in another bounce
        let case = Case::of([one, two, three]);
        let report = case.report();
        let [group] = report.groups.as_slice() else {
            panic!("{:?}", report.groups)
        };
        assert_eq!((group.messages.len(), group.recipients.len()), (1, 2));
        assert_eq!(
            group.senders.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["studio.example.jp"]
        );
        assert_eq!(group.provider, Some("Outlook.com"));
        assert_eq!(group.who_may_ask, WhoMayAsk::IpOwner);
    }

    #[test]
    fn a_bounce_that_names_no_original_stands_for_itself() {
        let mut one = story("sendmail-forwarded.eml"); // no original Message-ID
        one.message_id = Some("bounce-1@www1".into());
        let mut two = one.clone();
        two.message_id = Some("bounce-2@www1".into());
        let case = Case::of([one.clone(), one, two]);
        assert_eq!(case.report().groups[0].messages.len(), 2);
    }

    #[test]
    fn a_late_bounce_counts_by_mail_and_says_why() {
        let case = Case::of([
            story("postfix-gmo-rbl-late.eml"),
            story("qmail-greeting-late.eml"),
        ]);
        for group in &case.report().groups {
            assert_eq!(group.late.len(), 1);
            assert_eq!(group.late_cause, Some(LateCause::QueueExpiredAtConnect));
        }
        let delays = case
            .report()
            .groups
            .iter()
            .map(|group| group.max_delay.unwrap().num_seconds())
            .collect::<Vec<_>>();
        assert_eq!(delays, [604_802, 432_300]); // 192.0.2.10 by qmail, 192.0.2.77 by Postfix
    }

    #[test]
    fn a_delay_notice_leaves_the_counts_when_the_failure_comes() {
        let failure = story("postfix-gmo-rbl-late.eml");
        let notice = delay_notice(&failure, "2021-12-24T14:00:00+09:00");
        let case = Case::of([notice.clone()]);
        let report = case.report();
        let waiting = &report.groups[0];
        assert_eq!(
            (waiting.messages.len(), waiting.delayed.len(), waiting.late.len()),
            (1, 1, 0)
        );
        let case = Case::of([notice, failure]);
        let report = case.report();
        let failed = &report.groups[0];
        assert_eq!(
            (failed.messages.len(), failed.delayed.len(), failed.late.len()),
            (1, 0, 1)
        );
        assert_eq!(failed.first_bounced, failed.last_bounced);
    }

    #[test]
    fn the_newest_failure_speaks_for_its_group() {
        let old = story("sendmail-transcript.eml");
        let mut new = again(
            &old,
            "sensei@univ.example.ac.jp",
            "2018-10-20T10:00:00+09:00",
            "2018-10-20T10:00:01+09:00",
        );
        new.reply = Some("550 5.7.1 the newer words".into());
        new.verdict.removal = None;
        let case = Case::of([new, old]);
        let report = case.report();
        assert_eq!(report.groups[0].sample_reply, Some("550 5.7.1 the newer words"));
        assert_eq!(report.groups[0].removal, None);
    }

    #[test]
    fn a_block_without_an_address_has_a_group_and_other_reasons_only_on_demand() {
        let masked = story("pasted-masked-s3150.eml"); // blocked_ip null
        let mut full = masked.clone();
        full.verdict.reason = Reason::MailboxFull;
        full.recipient = "full@elsewhere.example".into();
        full.receiving_domain = crate::event::ReceivingDomain::of(&full.recipient).unwrap();
        let mut case = Case::of([masked, full]);
        let report = case.report();
        assert_eq!(
            report
                .groups
                .iter()
                .map(|group| group.blocked_ip)
                .collect::<Vec<_>>(),
            [None]
        );
        assert_eq!(report.not_blocks.get(&Reason::MailboxFull), Some(&1));
        assert_eq!(report.shown().len(), 1);
        case.settings.all_reasons = true;
        let report = case.report();
        assert_eq!((report.groups.len(), report.shown().len()), (2, 2));
        assert!(!report.trips(FailOn::New));
    }

    #[test]
    fn an_address_with_another_reason_belongs_to_its_group() {
        let mut event = story("postfix-s3150.eml");
        event.verdict.reason = Reason::PolicyViolation;
        let case = Case::of([event]);
        assert_eq!(case.report().groups.len(), 1);
    }

    #[test]
    fn a_zone_asked_with_a_key_stands_for_the_public_one_while_it_is_the_newer_answer() {
        let bounce = story("sendmail-transcript.eml");
        let ip = bounce.verdict.blocked_ip.unwrap().to_string();
        let (before, now) = ("2026-11-21T20:00:00+00:00", "2026-11-21T23:00:00+00:00");
        let refused = || Answer::Refused(vec![]);
        let of = |paid_at: &str, public_at: &str| {
            let case = Case::of([bounce.clone()])
                .answered(&ip, "zen.spamhaus.org", refused(), public_at)
                .answered(&ip, "zen.dq.spamhaus.net", Answer::NotListed, paid_at);
            case.report().groups[0].listed_now
        };
        assert_eq!(of(now, before), ListedNow::No);
        assert_eq!(of(before, now), ListedNow::Unknown);
    }

    #[test]
    fn mail_hosts_name_the_provider_where_no_bounce_does() {
        let mut bounce = story("sendmail-transcript.eml");
        bounce.remote_host = None;
        let exchange = |bounce: &Event| Exchange {
            domain: bounce.receiving_domain.clone(),
            mx: Mx::Hosts(vec!["kaisha.mail.protection.outlook.com".into()]),
            checked_at: samples::at("2026-11-21T23:00:00+00:00"),
            ttl: None,
        };
        for (host, provider) in [
            (None, "Microsoft 365"),
            (Some("mx.example.net"), "Microsoft 365"),
            (Some("aspmx.l.google.com"), "Gmail and Google Workspace"),
        ] {
            bounce.remote_host = host.map(str::to_owned);
            let mut case = Case::of([bounce.clone()]);
            case.history.exchanges = vec![exchange(&bounce)];
            assert_eq!(case.report().groups[0].provider, Some(provider), "{host:?}");
        }
    }

    #[test]
    fn the_company_whose_server_it_is_is_who_asks_else_the_network_and_its_abuse_address() {
        let bounce = story("sendmail-transcript.eml");
        let network = Network {
            prefix: "192.0.2.0/24".parse().unwrap(),
            systems: vec![64500],
            name: Some("EXAMPLE-NET Example KK, JP".into()),
            abuse: vec!["abuse@example.jp".into()],
        };
        let page = |ptr: &str| {
            let mut case = Case::of([bounce.clone()]);
            case.history.names = vec![Names {
                ip: bounce.verdict.blocked_ip.unwrap(),
                ptr: Ptr::Confirmed(ptr.into()),
                owner: Owner::Known(network.clone()),
                checked_at: samples::at("2026-11-21T23:00:00+00:00"),
                ttl: None,
            }];
            let look = Look {
                width: 109, // the widest with a line for each entry
                color: false,
                verbose: false,
            };
            let page = table(&case.report(), look);
            page.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let shared = page("www1234.sakura.ne.jp");
        for words in [
            "Shared IP: www1234.sakura.ne.jp is a server of Sakura Internet",
            "Ask: the IP's owner (Sakura Internet (rental server))",
            "Support of Sakura Internet (rental server): a support form",
            "wants customers not to ask the list on their own",
        ] {
            assert!(shared.contains(words), "{words}:\n{shared}");
        }
        assert!(!shared.contains("Last resort"), "{shared}");
        let other = page("mail.elsewhere.example");
        for words in [
            "Ask: the IP's owner (EXAMPLE-NET Example KK, JP (AS64500))",
            "Last resort: abuse@example.jp",
        ] {
            assert!(other.contains(words), "{words}:\n{other}");
        }
        assert!(!other.contains("Shared IP"), "{other}");
    }

    #[test]
    fn november_in_states() {
        let mut case = samples::november();
        let report = case.report();
        let states: Vec<_> = report
            .groups
            .iter()
            .map(|group| (group.receiving_domain.as_str(), group.state, group.listed_now))
            .collect();
        assert_eq!(
            states,
            [
                ("canary.example.com", State::Cleared, ListedNow::No),
                ("daisansha.example.org", State::Cleared, ListedNow::No),
                ("portal.example.jp", State::New, ListedNow::Unknown),
                ("small.example.net", State::ReceiverFault, ListedNow::No),
                ("kaisha.example.co.jp", State::Relisted, ListedNow::Yes),
                ("univ.example.ac.jp", State::Relisted, ListedNow::Yes),
            ]
        );
        for fail_on in [FailOn::Blocked, FailOn::Listed, FailOn::New] {
            assert!(report.trips(fail_on), "{fail_on:?}");
        }
        case.own = vec!["192.0.2.77".parse().unwrap()]; // the one that is over
        let report = case.report();
        assert_eq!(
            report
                .groups
                .iter()
                .filter(|group| group.ours == Ours::Yes)
                .count(),
            2
        );
        for fail_on in [FailOn::Blocked, FailOn::Listed, FailOn::New] {
            assert!(!report.trips(fail_on), "{fail_on:?}");
        }
    }
}
