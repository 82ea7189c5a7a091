//! What somebody who searches may have meant.

use std::collections::BTreeMap;

/// The longest search in characters.
pub const MAX_CHARS: usize = 200;

/// Shorter words have too many neighbours to guess among.
///
/// A word of seven letters with one missing is one of six.
pub const MIN_GUESS_CHARS: usize = 6;

/// Words that each begin a search; later ones are not guessed at.
const MAX_WORDS: usize = 12;

/// Neighbours of a word that are tried.
const MAX_NEIGHBOURS: usize = 8;

/// What the search box held, if it held something to look for.
pub fn parse(text: &str) -> Option<String> {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_CHARS)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// True when `text` uses the language of searches: quotes, `-word`, `or`. It means what it says.
pub fn is_precise(text: &str) -> bool {
    text.contains('"')
        || text
            .split_whitespace()
            .any(|word| word.starts_with('-') || word.eq_ignore_ascii_case("or"))
}

/// A `tsquery` that forgives: each word may go on (`gard` finds gardens), or be a neighbour.
///
/// `words` are the searched words, each with the words of the catalogue that might be meant.
/// Nothing is taken over but letters and digits, so the result needs no escaping.
pub fn forgiving(words: &BTreeMap<String, Vec<String>>) -> String {
    let plain = |word: &str| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    let mut clauses = Vec::new();
    for (asked, known) in words
        .iter()
        .filter(|(asked, _)| plain(asked))
        .take(MAX_WORDS)
    {
        let mut choices = vec![if asked.chars().count() >= 3 {
            format!("{asked}:*")
        } else {
            asked.clone()
        }];
        let near = known
            .iter()
            .filter(|word| plain(word) && *word != asked && within_one_edit(asked, word));
        choices.extend(near.take(MAX_NEIGHBOURS).cloned());
        clauses.push(format!("({})", choices.join(" | ")));
    }
    clauses.join(" & ")
}

/// True when one letter wrong, missing, too many, or two swapped make one word the other.
pub fn within_one_edit(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (
        one.get(start..).unwrap_or_default(),
        other.get(start..).unwrap_or_default(),
    );
    match (one, other) {
        ([], []) => true,
        ([_, one @ ..], other) if one == other => true,
        (one, [_, other @ ..]) if one == other => true,
        ([_, one @ ..], [_, other @ ..]) if one == other => true,
        ([a, b, one @ ..], [c, d, other @ ..]) => a == d && b == c && one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_search_is_trimmed_and_shortened_and_may_be_nothing() {
        assert_eq!(parse("  field guide\0 "), Some("field guide".to_owned()));
        assert_eq!(parse(" \t\0"), None);
        assert_eq!(parse(&"x".repeat(500)).unwrap().len(), 200);
    }

    #[test]
    fn quotes_and_minus_are_taken_at_their_word() {
        for precise in [
            "\"field guide\"",
            "guide -field",
            "moon or sun",
            "moon OR sun",
        ] {
            assert!(is_precise(precise), "{precise:?}");
        }
        for plain in ["field guide", "half-life", "oregon"] {
            assert!(!is_precise(plain), "{plain:?}");
        }
    }

    #[test]
    fn neighbours_join_the_word_they_may_have_been() {
        let words = BTreeMap::from([
            (
                "almanak".to_owned(),
                vec![
                    "almanac".to_owned(),
                    "alma'nak".to_owned(),
                    "manakin".to_owned(),
                ],
            ),
            ("ab".to_owned(), vec![]),
            ("it's".to_owned(), vec![]),
        ]);
        assert_eq!(forgiving(&words), "(ab) & (almanak:* | almanac)");
    }

    proptest! {
        #[test]
        fn one_wrong_missing_added_or_swapped_letter_is_one_edit(
            word in "[a-zäé]{7,12}", place in 0_usize..7, letter in "[a-z]",
        ) {
            let letters: Vec<char> = word.chars().collect();
            let rebuilt = |middle: &str, skip: usize| {
                let before: String = letters.iter().take(place).collect();
                let after: String = letters.iter().skip(place + skip).collect();
                format!("{before}{middle}{after}")
            };
            prop_assert!(within_one_edit(&word, &word));
            prop_assert!(within_one_edit(&word, &rebuilt(&letter, 1)));
            prop_assert!(within_one_edit(&word, &rebuilt(&letter, 0)));
            prop_assert!(within_one_edit(&word, &rebuilt("", 1)));
            prop_assert!(within_one_edit(&rebuilt("", 1), &word));
            let mut swapped = letters.clone();
            swapped.swap(place, (place + 1).min(letters.len() - 1));
            prop_assert!(within_one_edit(&word, &swapped.into_iter().collect::<String>()));
        }

        #[test]
        fn two_strange_letters_are_more_than_one_edit(word in "[a-m]{7,12}") {
            let longer = format!("z{word}z");
            prop_assert!(!within_one_edit(&word, &longer));
            prop_assert!(!within_one_edit(&word, "zzzzzzz"));
        }

        #[test]
        fn the_query_holds_only_what_we_put_there(asked in "\\PC{0,20}", known in "\\PC{0,20}") {
            let query = forgiving(&BTreeMap::from([(asked, vec![known])]));
            prop_assert!(query.chars().all(|c| c.is_alphanumeric() || "()|:* ".contains(c)), "{}", query);
        }
    }
}
