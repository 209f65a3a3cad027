//! Sets of UIDs as commands name them (RFC 9051 §9, `sequence-set`): `1:1000,1002,1007:1010`.

use std::fmt::Write as _;

/// Servers take 16 KiB (Courier 5.0), 64 KiB (Dovecot 2.3) or 128 KiB (Cyrus 3.6) for a command, then end the connection.
const MAX_SET_BYTES: usize = 7500;
/// A range `4294967295:4294967295` and its comma.
const MAX_RANGE_BYTES: usize = 22;

/// Writes `uids`, ascending for the most part, as few sets, each of at most `most` UIDs and of 7,500 bytes.
pub(super) fn sets(uids: &[u32], most: usize) -> Vec<String> {
    let mut sets = Vec::new();
    for chunk in uids.chunks(most.max(1)) {
        let mut set = String::new();
        for run in chunk.chunk_by(|&one, &next| one.checked_add(1) == Some(next)) {
            if set.len() + MAX_RANGE_BYTES > MAX_SET_BYTES {
                sets.push(std::mem::take(&mut set));
            }
            let comma = if set.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _always_ok = match run {
                [] => Ok(()),
                [one] => write!(set, "{comma}{one}"),
                [first, .., last] => write!(set, "{comma}{first}:{last}"),
            };
        }
        sets.push(set);
    }
    sets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::sets;

    fn expanded(set: &str) -> Vec<u32> {
        set.split(',')
            .flat_map(|range| {
                let (first, last) = range.split_once(':').unwrap_or((range, range));
                first.parse::<u32>().unwrap()..=last.parse().unwrap()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn sets_name_each_uid_once_and_fit_into_a_command(
            sparse in prop::collection::btree_set(any::<u32>(), 0..3000), dense in prop::collection::btree_set(1u32..4000, 0..2000),
            most in 1usize..1500,
        ) {
            let uids: Vec<u32> = sparse.union(&dense).copied().collect();
            let sets = sets(&uids, most);
            prop_assert!(sets.iter().all(|set| set.len() <= 7500 && expanded(set).len() <= most));
            prop_assert_eq!(sets.iter().flat_map(|set| expanded(set)).collect::<Vec<_>>(), uids);
        }
    }

    #[test]
    fn neighbours_become_a_range() {
        assert_eq!(
            sets(&[1, 2, 3, 5, 7, 8, u32::MAX], 1000),
            ["1:3,5,7:8,4294967295"]
        );
    }
}
