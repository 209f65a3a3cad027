//! Which patterns may match a text: those whose necessary words are all in it, found in one pass (Aho-Corasick).

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::catalogue::literals::OneOf;

/// The necessary words of all patterns.
#[derive(Debug)]
pub(crate) struct Words {
    search: AhoCorasick,
    /// The needs that words fulfil, word by word.
    fulfils: Vec<Need>,
    /// For each word, which of those are its.
    ranges: Vec<Range<usize>>,
    /// For each pattern, how many needs it has.
    needs: Vec<u8>,
    count: usize,
}

/// One of a pattern's needs, by its number among those of all patterns.
#[derive(Clone, Copy, Debug)]
struct Need {
    number: usize,
    pattern: usize,
}

/// The patterns whose needs a text fulfils.
pub(crate) struct Fulfilled {
    /// For each pattern, how many of its needs the text does not fulfil.
    unfulfilled: Vec<u8>,
    /// Those that have needs, all fulfilled.
    pub(crate) needy: Vec<usize>,
}

impl Fulfilled {
    /// Whether a pattern may match the text.
    pub(crate) fn has(&self, pattern: usize) -> bool {
        self.unfulfilled.get(pattern).is_none_or(|open| *open == 0)
    }
}

impl Words {
    /// From the needs of each pattern.
    ///
    /// # Errors
    /// When the words do not fit into one automaton.
    pub(crate) fn new(patterns: &[Vec<OneOf>]) -> Result<Self, aho_corasick::BuildError> {
        let mut fulfils: BTreeMap<String, Vec<Need>> = BTreeMap::new();
        let mut count = 0;
        let mut needs = Vec::with_capacity(patterns.len());
        for (pattern, needed) in patterns.iter().enumerate() {
            for one_of in needed {
                for word in one_of {
                    let need = Need {
                        number: count,
                        pattern,
                    };
                    fulfils.entry(word.to_ascii_lowercase()).or_default().push(need);
                }
                count += 1;
            }
            needs.push(u8::try_from(needed.len()).unwrap_or(u8::MAX));
        }
        Ok(Self {
            search: AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(fulfils.keys())?,
            ranges: ranges(&fulfils),
            fulfils: fulfils.into_values().flatten().collect(),
            needs,
            count,
        })
    }

    /// Whether a pattern may match any text.
    pub(crate) fn fits_any(&self, pattern: usize) -> bool {
        self.needs.get(pattern).is_none_or(|needs| *needs == 0)
    }

    /// The patterns whose words are all in a text.
    pub(crate) fn fulfilled_in(&self, text: &str) -> Fulfilled {
        // words and text in one case are found faster than words in any case
        let text = text.to_ascii_lowercase();
        let mut unfulfilled = self.needs.clone();
        let mut fulfilled = vec![false; self.count];
        let mut needy = Vec::new();
        for found in self.search.find_overlapping_iter(&text) {
            let range = self.ranges.get(found.pattern().as_usize());
            let needs = range.and_then(|range| self.fulfils.get(range.clone()));
            for need in needs.into_iter().flatten() {
                let (Some(done), Some(open)) =
                    (fulfilled.get_mut(need.number), unfulfilled.get_mut(need.pattern))
                else {
                    continue;
                };
                if !std::mem::replace(done, true) {
                    *open -= 1;
                    needy.extend((*open == 0).then_some(need.pattern));
                }
            }
        }
        Fulfilled { unfulfilled, needy }
    }
}

fn ranges(fulfils: &BTreeMap<String, Vec<Need>>) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |needs: &Vec<Need>| {
        let start = end;
        end += needs.len();
        start..end
    };
    fulfils.values().map(range).collect()
}
