//! What the terminal shows as one entry: the groups of one address in one state at one receiver.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use crate::catalogue::WhoMayAsk;
use crate::event::{Reason, Timestamp};
use crate::ledger::{End, Mail, State};
use crate::report::group::Group;
use crate::report::own::Ours;
use crate::report::words::Column;

/// The order in which a reader wants them: what changed, what goes on, what is not about the address, what is over.
const ORDER: [State; 6] = [
    State::Relisted,
    State::New,
    State::Ongoing,
    State::ReceiverFault,
    State::Unknown,
    State::Cleared,
];

/// One entry of the table.
pub(super) struct Row<'g, 'a> {
    pub(super) state: State,
    pub(super) ip: Option<IpAddr>,
    /// The provider, where the catalogue knows one.
    pub(super) provider: Option<&'a str>,
    /// Most mails first.
    pub(super) groups: Vec<&'g Group<'a>>,
}

impl<'a> Row<'_, 'a> {
    pub(super) fn mails(&self) -> usize {
        self.count(|group| &group.messages)
    }

    pub(super) fn late(&self) -> usize {
        self.count(|group| &group.late)
    }

    pub(super) fn delayed(&self) -> usize {
        self.count(|group| &group.delayed)
    }

    /// A mail to several domains is one mail.
    fn count(&self, of: impl for<'g> Fn(&'g Group<'a>) -> &'g BTreeSet<Mail>) -> usize {
        match self.groups.as_slice() {
            [group] => of(group).len(),
            groups => groups
                .iter()
                .flat_map(|group| of(group))
                .collect::<HashSet<_>>()
                .len(),
        }
    }

    /// Every value of a column once, in order.
    pub(super) fn each<T: Ord>(&self, of: impl Fn(&Group<'a>) -> Vec<T>) -> BTreeSet<T> {
        self.groups.iter().flat_map(|group| of(group)).collect()
    }

    /// The group that bounced last: what it says stands for the entry.
    pub(super) fn newest(&self) -> Option<&Group<'a>> {
        self.groups
            .iter()
            .copied()
            .max_by_key(|group| (group.last_bounced, group.last_sent))
    }

    /// The lists that the replies name.
    pub(super) fn lists(&self) -> Vec<String> {
        let lists = self.each(|group| group.blocklists.iter().map(|list| list.to_string()).collect());
        lists.into_iter().collect()
    }

    /// Who refuses: the provider, else the domain, else how many there are.
    pub(super) fn refused_by(&self, words: &Column) -> String {
        match (self.provider, self.groups.as_slice()) {
            (Some(provider), _) => provider.to_owned(),
            (None, [group]) => group.receiving_domain.to_string(),
            (None, groups) => words.receivers.of(groups.len()),
        }
    }

    /// Why, where all its bounces say the same.
    pub(super) fn reason(&self) -> Option<Reason> {
        let reasons = self.each(|group| group.reasons.iter().copied().collect());
        reasons.first().copied().filter(|_| reasons.len() == 1)
    }

    /// Whether it goes on, as far as is known, and there is somebody to write to.
    pub(super) fn can_be_written_about(&self) -> bool {
        let asks = self.newest().map(|newest| newest.who_may_ask);
        let is_heard = matches!(
            asks,
            Some(WhoMayAsk::Sender | WhoMayAsk::IpOwner | WhoMayAsk::Receiver)
        );
        self.ip.is_some() && self.state != State::Cleared && is_heard
    }

    pub(super) fn recipients(&self) -> usize {
        self.groups.iter().map(|group| group.recipients.len()).sum()
    }
}

/// The entries of the groups that a block made and that are not somebody else's, in their order.
///
/// Receivers that no provider ties together share an entry where they name the same lists: it is one listing that they
/// all follow.
pub(super) fn rows<'g, 'a>(groups: &'g [Group<'a>]) -> Vec<Row<'g, 'a>> {
    let mut rows: Vec<Row<'_, '_>> = Vec::new();
    for group in groups.iter().filter(|group| is_entry(group)) {
        let shares = |row: &Row<'_, '_>| {
            let one = row.groups.first().map(|one| (&one.blocklists, one.who_may_ask));
            let same_list =
                one == Some((&group.blocklists, group.who_may_ask)) && !group.blocklists.is_empty();
            group.provider.is_some() || (same_list && group.state != State::ReceiverFault)
        };
        let entry = rows.iter_mut().find(|row| {
            (row.ip, row.state, row.provider) == (group.blocked_ip, group.state, group.provider)
                && shares(row)
        });
        match entry {
            Some(row) => row.groups.push(group),
            None => rows.push(Row {
                state: group.state,
                ip: group.blocked_ip,
                provider: group.provider,
                groups: vec![group],
            }),
        }
    }
    for row in &mut rows {
        row.groups.sort_by_key(|group| Reverse(group.messages.len()));
    }
    // The entries of one address in one state stay together.
    let mut hit: BTreeMap<(usize, Option<IpAddr>), usize> = BTreeMap::new();
    for row in &rows {
        *hit.entry((rank(row.state), row.ip)).or_default() += row.recipients();
    }
    rows.sort_by_cached_key(|row| {
        let of_ip = hit
            .get(&(rank(row.state), row.ip))
            .copied()
            .filter(|_| row.ip.is_some());
        let most = (Reverse(of_ip.unwrap_or_default()), row.ip.is_none(), row.ip);
        (rank(row.state), most, Reverse(row.recipients()), row.provider)
    });
    rows
}

/// Whether a group is told in an entry: a block, and not of an address that is somebody else's.
fn is_entry(group: &Group<'_>) -> bool {
    group.is_block() && (group.ours != Ours::No || group.blocked_ip.is_none())
}

/// The place of a state in the order.
pub(super) fn rank(state: State) -> usize {
    ORDER.iter().position(|one| *one == state).unwrap_or(ORDER.len())
}

/// The states in their order.
pub(super) fn states() -> [State; 6] {
    ORDER
}

/// The addresses, each under the state of its entries that matters most.
pub(super) fn states_of_addresses(rows: &[Row<'_, '_>]) -> BTreeMap<IpAddr, State> {
    let mut state_of: BTreeMap<IpAddr, State> = BTreeMap::new();
    for row in rows {
        if let Some(ip) = row.ip {
            let state = state_of.entry(ip).or_insert(row.state);
            if rank(row.state) < rank(*state) {
                *state = row.state;
            }
        }
    }
    state_of
}

/// Until when the refusals of a group went on, where they are over. When nothing tells, a receiver that has sent no
/// bounce for as long as they take is taken to refuse no more.
pub(super) fn refused_until(group: &Group<'_>, now: Timestamp) -> Option<Timestamp> {
    let last = group.last_bounced.or(group.last_sent);
    let quiet = last
        .zip(group.queue_life.or(group.max_delay))
        .is_some_and(|(last, life)| now - last > life);
    match group.state {
        State::Unknown if quiet => last,
        State::Cleared => group.spells.last().map(|spell| match spell.end {
            End::Seen(by) => by,
            End::Open | End::Presumed => spell.ended_after,
        }),
        State::New | State::Ongoing | State::Relisted | State::ReceiverFault | State::Unknown => None,
    }
}
