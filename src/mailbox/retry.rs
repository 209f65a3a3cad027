//! Going on after a failure: how long to wait, when it is enough, and which mail is to blame. No clock and no chance of its
//! own, so that it can be tested.

use std::time::Duration;

/// Tries in a row that brought nothing new, before the rest is left to the next run.
const MOST_FRUITLESS: u32 = 5;
/// Mails in a row that turned out to be unreadable, before their folder is left.
const MOST_CONDEMNED: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A server that asks for more is obeyed by leaving it alone. Microsoft 365 asks for about five minutes.
const LONGEST_ORDERED: Duration = Duration::from_secs(15 * 60);

/// How much more is put up with.
#[derive(Debug)]
pub(super) struct Patience {
    fruitless: u32,
    condemned: u32,
    chance: u64,
}

impl Patience {
    /// Pauses differ by `seed`, so that many clients cut off at once do not come back at once.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            fruitless: 0,
            condemned: 0,
            // Zero is where the generator stands still.
            chance: seed | 1,
        }
    }

    /// Something new was read.
    pub(super) fn progress(&mut self) {
        (self.fruitless, self.condemned) = (0, 0);
    }

    /// A mail was found to be unreadable; false when these are too many to be single mails' fault.
    pub(super) fn condemn(&mut self) -> bool {
        self.condemned += 1;
        self.condemned < MOST_CONDEMNED
    }

    /// A try brought nothing new; false when it was one too many.
    pub(super) fn tire(&mut self) -> bool {
        self.fruitless += 1;
        self.fruitless <= MOST_FRUITLESS
    }

    /// How long to wait before the next try, at least as long as the server ordered; `None` when that is too long.
    pub(super) fn pause(&mut self, ordered: Option<Duration>) -> Option<Duration> {
        let ordered = ordered.unwrap_or_default();
        if ordered > LONGEST_ORDERED {
            return None;
        }
        let own = Duration::from_secs(1)
            .saturating_mul(2_u32.saturating_pow(self.fruitless))
            .min(LONGEST_PAUSE);
        // xorshift64 (Marsaglia 2003)
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let part = u32::try_from(self.chance % 1000).unwrap_or_default();
        let half = own / 2;
        Some((half + half * part / 1000).max(ordered + ordered / 10 * part / 1000))
    }
}

/// The mails of a range that failed, and how the range is cut down to the one to blame. They are the first of those still to
/// be asked for.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    left: usize,
    most: usize,
    failures: u32,
}

/// What a failure says of the range that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Some of it came.
    Progress,
    /// None of it came, for the first time.
    Again,
    /// None of it came again: half of it is asked for next.
    Halved,
    /// It is one mail, and has failed before.
    Guilty,
}

impl Suspects {
    pub(super) fn any(&self) -> bool {
        self.left > 0
    }

    /// How many may be asked for at a time.
    pub(super) fn most(&self) -> usize {
        match self.left {
            0 => usize::MAX,
            left => self.most.clamp(1, left),
        }
    }

    /// `asked` mails were asked for, and all of them are accounted for.
    pub(super) fn passed(&mut self, asked: usize) {
        self.left = self.left.saturating_sub(asked);
        self.most = self.left.div_ceil(2);
        self.forget_when_clear();
    }

    /// `asked` mails were asked for, and `missing` of them are not accounted for.
    pub(super) fn failed(&mut self, asked: usize, missing: usize) -> Finding {
        self.left = self.left.max(asked);
        if missing < asked {
            self.left -= asked - missing;
            (self.most, self.failures) = (missing, 1);
            self.forget_when_clear();
            return Finding::Progress;
        }
        self.failures += 1;
        match (self.failures, asked) {
            (1, _) => {
                self.most = asked;
                Finding::Again
            }
            (_, 0 | 1) => {
                self.left = self.left.saturating_sub(1);
                // The others are most likely in order.
                (self.most, self.failures) = (self.left, 1);
                self.forget_when_clear();
                Finding::Guilty
            }
            _ => {
                self.most = asked / 2;
                Finding::Halved
            }
        }
    }

    fn forget_when_clear(&mut self) {
        if self.left == 0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};
    use std::time::Duration;

    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Finding, Patience, Suspects};

    proptest! {
        #[test]
        fn whichever_mails_are_bad_they_alone_are_found_guilty(
            mails in 1u32..1200, bad in prop::collection::btree_set(1u32..1200, 0..6), batch in 1usize..1001,
        ) {
            let bad: BTreeSet<u32> = bad.into_iter().filter(|mail| *mail <= mails).collect();
            let (mut todo, mut suspects): (VecDeque<u32>, _) = ((1..=mails).collect(), Suspects::default());
            let (mut read, mut guilty, mut tries) = (0, BTreeSet::new(), 0);
            while !todo.is_empty() {
                tries += 1;
                let asked = todo.len().min(suspects.most()).min(batch);
                let missing = match todo.iter().take(asked).position(|mail| bad.contains(mail)) {
                    // Those before the bad one come only with a range that was not tried before.
                    Some(at) if suspects.any() && at < asked - 1 => asked,
                    Some(at) => asked - at,
                    None => 0,
                };
                read += asked - missing;
                todo.drain(..asked - missing);
                if missing == 0 {
                    suspects.passed(asked);
                } else if suspects.failed(asked, missing) == Finding::Guilty {
                    guilty.insert(todo.pop_front().unwrap());
                }
            }
            prop_assert_eq!(&guilty, &bad);
            prop_assert_eq!(read + bad.len(), mails as usize);
            let ranges = mails as usize / batch + 1;
            prop_assert!(tries <= ranges + bad.len() * 40, "{tries}");
        }

        #[test]
        fn pauses_grow_to_a_minute_and_are_never_shorter_than_ordered(seed in any::<u64>(), ordered in 0u64..900) {
            let (mut patience, ordered) = (Patience::new(seed), Duration::from_secs(ordered));
            for (least, most) in [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32)] {
                prop_assert!(patience.tire());
                let pause = patience.pause(None).unwrap();
                prop_assert!(Duration::from_secs(least) <= pause && pause < Duration::from_secs(most), "{pause:?}");
                prop_assert!(patience.pause(Some(ordered)).unwrap() >= ordered);
            }
            prop_assert!(!patience.tire(), "the sixth in a row is too many");
            patience.progress();
            prop_assert!(patience.tire());
        }
    }

    #[test]
    fn a_server_that_wants_to_be_left_alone_for_long_is_left_alone() {
        let mut patience = Patience::new(1);
        assert_eq!(patience.pause(Some(Duration::from_secs(901))), None);
        assert!(patience.pause(Some(Duration::from_millis(299_910))).is_some());
    }

    #[test]
    fn a_range_is_halved_when_it_has_failed_twice() {
        let mut suspects = Suspects::default();
        let mut sizes = Vec::new();
        let findings: Vec<_> = (0..6)
            .map(|_| {
                let asked = suspects.most().min(8);
                sizes.push(asked);
                suspects.failed(asked, asked)
            })
            .collect();
        assert_eq!(sizes, [8, 8, 4, 2, 1, 7]);
        assert_eq!(
            findings,
            [
                Finding::Again,
                Finding::Halved,
                Finding::Halved,
                Finding::Halved,
                Finding::Guilty,
                Finding::Halved
            ]
        );
    }
}
