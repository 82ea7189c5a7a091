//! Rendezvous hashing: which servers a file would rather come from.

use std::cmp::Reverse;

use aws_lc_rs::digest::{Context, SHA256};
use shared::file_store::StorageKey;

/// Positions in `urls`, the server that `key` belongs to first.
///
/// Each server's rank is a hash of its address and the key, so that the order needs no agreement:
/// it is the same wherever it is computed, whatever order the addresses are given in.
pub fn order<'a>(urls: impl IntoIterator<Item = &'a str>, key: &StorageKey) -> Vec<usize> {
    let mut ranked: Vec<_> = urls
        .into_iter()
        .enumerate()
        .map(|(at, url)| (Reverse(rank(url, key)), at))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, at)| at).collect()
}

fn rank(url: &str, key: &StorageKey) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    hash.update(key.digest());
    hash.update(url.as_bytes());
    let mut rank = [0; 32];
    rank.copy_from_slice(hash.finish().as_ref());
    rank
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    fn urls(n: usize) -> Vec<String> {
        (0..n).map(|n| format!("https://d{n}.example")).collect()
    }

    fn owner<'a>(urls: &'a [String], key: &StorageKey) -> &'a str {
        let order = order(urls.iter().map(String::as_str), key);
        &urls[order[0]]
    }

    proptest! {
        #[test]
        fn a_lost_server_moves_only_its_own_files(
            n in 2_usize..9,
            lost in 0_usize..9,
            key in any::<[u8; 32]>(),
        ) {
            let key = StorageKey::from_digest(key);
            let all = urls(n);
            let lost = &all[lost % n];
            let left: Vec<String> = all.iter().filter(|url| *url != lost).cloned().collect();

            let (before, after) = (owner(&all, &key), owner(&left, &key));
            prop_assert!(before == after || before == lost);
        }

        #[test]
        fn what_a_lost_server_leaves_goes_to_the_next_in_order(n in 2_usize..9, key in any::<[u8; 32]>()) {
            let key = StorageKey::from_digest(key);
            let all = urls(n);
            let order = order(all.iter().map(String::as_str), &key);
            let left: Vec<String> = all.iter().filter(|url| **url != all[order[0]]).cloned().collect();
            prop_assert_eq!(owner(&left, &key), &all[order[1]]);
        }

        #[test]
        fn the_order_does_not_depend_on_how_the_addresses_are_written_down(
            n in 1_usize..9,
            key in any::<[u8; 32]>(),
        ) {
            let key = StorageKey::from_digest(key);
            let all = urls(n);
            let reversed: Vec<String> = all.iter().rev().cloned().collect();
            prop_assert_eq!(owner(&all, &key), owner(&reversed, &key));
        }
    }

    #[test]
    fn files_are_spread_evenly() {
        let all = urls(4);
        let mut n_files = [0_usize; 4];
        for n in 0..4_000_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&n.to_be_bytes());
            let order = order(
                all.iter().map(String::as_str),
                &StorageKey::from_digest(digest),
            );
            n_files[order[0]] += 1;
        }
        assert!(
            n_files.iter().all(|n| (850..1_150).contains(n)),
            "{n_files:?}"
        );
    }
}
