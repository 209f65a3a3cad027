//! One row of the timeline: its shapes, each at its time, and how they fit the axis. Nothing is drawn here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::ledger::Mail;
use crate::report::html::timeline::axis::Axis;

/// Shapes of one kind in a row; where there are more, near ones become one.
const MOST: usize = 40;

/// One row of the timeline. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lane {
    pub(super) ip: Option<IpAddr>,
    /// The list that it is about, else who refuses.
    pub(super) by: String,
    /// When it was refused or listed, oldest first.
    pub(super) bars: Vec<Bar>,
    /// From the first to the last check in a row that found it on no list.
    pub(super) clean: Vec<(i64, i64)>,
    /// From the first to the last check in a row that told nothing.
    pub(super) unread: Vec<(i64, i64)>,
    pub(super) dots: Vec<Dot>,
    pub(super) late: Vec<Late>,
    /// What the user noted of the address, and when.
    pub(super) notes: Vec<(i64, String)>,
    /// Before `fit`: each bounce.
    pub(super) sent: Vec<Sent>,
    pub(super) mails: usize,
}

/// A time during which it was refused or listed. It began between `rises` and `from`, and ended between `to` and `falls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) kind: Kind,
    pub(super) rises: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) falls: i64,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Refusals alone.
    Refused,
    /// A DNS answer.
    Listed,
}

/// Mails that were sent at about this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dot {
    pub(super) at: i64,
    pub(super) mails: usize,
}

/// Bounces that came more than a day after their mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late {
    pub(super) sent: i64,
    pub(super) bounced: i64,
}

/// A mail that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) mail: Mail,
    pub(super) at: Option<i64>,
    /// When its bounce came, where that was late.
    pub(super) came_late: Option<i64>,
}

impl Lane {
    /// When anything happened, other than a check or a note.
    pub(super) fn moments(&self) -> impl Iterator<Item = i64> + '_ {
        let sent = self.sent.iter().filter_map(|sent| sent.at);
        sent.chain(self.bars.iter().map(|bar| bar.rises))
    }

    /// Leaves what lies on the axis, at no more places than can be told apart; gives how many bounces have none there.
    pub(super) fn fit(&mut self, axis: &Axis) -> usize {
        self.bars
            .retain(|bar| bar.falls >= axis.from && bar.rises <= axis.to);
        thin(&mut self.bars, axis, |bar| (bar.from, bar.to), join);
        for stretches in [&mut self.clean, &mut self.unread] {
            stretches.retain(|(from, to)| *to >= axis.from && *from <= axis.to);
            for (from, to) in stretches.iter_mut() {
                *from = (*from).max(axis.from);
                *to = (*to).min(axis.to);
            }
            thin(stretches, axis, |stretch| *stretch, |one, next| one.1 = next.1);
        }
        self.notes.retain(|(at, _)| axis.holds(*at));
        self.notes.truncate(MOST);
        self.place_mails(axis)
    }

    fn place_mails(&mut self, axis: &Axis) -> usize {
        let place = axis.place();
        let mut sent: BTreeMap<i64, (BTreeSet<Mail>, Mean)> = BTreeMap::new();
        let mut late: BTreeMap<(i64, i64), (Mean, Mean)> = BTreeMap::new();
        let mut not_drawn = 0;
        for Sent { mail, at, came_late } in self.sent.drain(..) {
            let Some(at) = at.filter(|at| axis.holds(*at)) else {
                not_drawn += 1;
                continue;
            };
            let (mails, mean) = sent.entry((at - axis.from) / place).or_default();
            mails.insert(mail);
            mean.add(at);
            if let Some(came) = came_late.filter(|came| axis.holds(*came)) {
                let places = ((at - axis.from) / place, (came - axis.from) / place);
                let (from, to) = late.entry(places).or_default();
                from.add(at);
                to.add(came);
            }
        }
        if late.len() > MOST {
            late = late.into_iter().fold(
                BTreeMap::new(),
                |mut all: BTreeMap<_, (Mean, Mean)>, ((place, _), (from, to))| {
                    let (all_from, all_to) = all.entry((place, 0)).or_default();
                    all_from.join(from);
                    all_to.join(to);
                    all
                },
            );
        }
        // A curve starts at the dot of its mails.
        let at = |place: &i64| sent.get(place).map(|(_, mean)| mean.value());
        self.late = late
            .iter()
            .filter_map(|((place, _), (_, to))| {
                Some(Late {
                    sent: at(place)?,
                    bounced: to.value(),
                })
            })
            .collect();
        self.dots = sent
            .values()
            .map(|(mails, mean)| Dot {
                at: mean.value(),
                mails: mails.len(),
            })
            .collect();
        not_drawn
    }
}

#[derive(Clone, Copy, Default)]
struct Mean {
    sum: i64,
    n: i64,
}

impl Mean {
    fn add(&mut self, at: i64) {
        self.join(Self { sum: at, n: 1 });
    }

    fn join(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.n += other.n;
    }

    fn value(self) -> i64 {
        self.sum / self.n.max(1)
    }
}

/// Makes one of shapes that nobody could tell apart, where there are many.
fn thin<T>(shapes: &mut Vec<T>, axis: &Axis, span: impl Fn(&T) -> (i64, i64), join: impl Fn(&mut T, T)) {
    if shapes.len() <= MOST {
        return;
    }
    let mut kept: Vec<T> = Vec::new();
    for shape in shapes.drain(..) {
        match kept.last_mut() {
            Some(last) if span(&shape).1 - span(last).0 < axis.shortest() => join(last, shape),
            Some(_) | None => kept.push(shape),
        }
    }
    *shapes = kept;
}

fn join(one: &mut Bar, next: Bar) {
    *one = Bar {
        kind: one.kind.max(next.kind),
        rises: one.rises,
        from: one.from,
        to: next.to,
        falls: next.falls,
    };
}
