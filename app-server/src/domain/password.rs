//! What a password must be.
//!
//! Nothing is asked of its composition, and nothing is trimmed, cut or folded; only its Unicode form
//! is made one ([`normalised`]), so that it can be typed on every keyboard.

mod common;
mod context;

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zxcvbn::{Score, zxcvbn};

pub use context::Context;

/// Characters a password needs where nothing else proves who somebody is (NIST SP 800-63B-4 §3.1.1.2).
pub const MIN_CHARS: usize = 15;

/// Characters a password needs beside a second factor (the same).
pub const MIN_CHARS_WITH_FACTOR: usize = 8;

/// Bytes a password may have: 256 characters of any script; more would only cost hashing time.
pub const MAX_BYTES: usize = 1_024;

/// What is looked at when strength is estimated: more makes nothing weaker, and takes longer.
const JUDGED_CHARS: usize = 64;

/// Characters that zxcvbn takes for the same letter, and the first of them.
///
/// It tries every combination of those that occur, hundreds of them with all these.
const STAND_INS: &[(&str, char)] = &[
    ("({[<", '('),
    ("4@", '4'),
    ("1!|", '1'),
    ("5$", '5'),
    ("7+", '7'),
];

/// As many combinations take a few milliseconds.
const MAX_COMBINATIONS: usize = 16;

/// Estimates below this take a guesser less than a million tries (zxcvbn: "very guessable").
const MIN_SCORE: Score = Score::Two;

/// The form in which a password is hashed: NFC (NIST SP 800-63B-4 §3.1.1.2).
///
/// The same characters reach us in several forms, depending on who makes the keyboard.
pub fn normalised(password: &str) -> Cow<'_, str> {
    if is_nfc_quick(password.chars()) == IsNormalized::Yes {
        Cow::Borrowed(password)
    } else {
        Cow::Owned(password.nfc().collect())
    }
}

/// The least characters a password of an account may have.
pub fn min_chars(second_factor: bool) -> usize {
    if second_factor {
        MIN_CHARS_WITH_FACTOR
    } else {
        MIN_CHARS
    }
}

/// Why a password is refused, in words for whoever chose it; nothing when it is good.
///
/// Every character counts as one, whatever its script. Takes some milliseconds.
pub fn weakness(password: &str, min_chars: usize, context: &Context) -> Option<String> {
    let normalised = normalised(password);
    let chars = normalised.chars().count();
    if chars < min_chars {
        return Some(format!(
            "A password needs at least {min_chars} characters; this one has {chars}. A few words in a row do well."
        ));
    }
    if password.len() > MAX_BYTES || normalised.len() > MAX_BYTES {
        return Some(format!("A password may have at most {MAX_BYTES} bytes."));
    }
    if common::is_common(&normalised) {
        return Some(
            "This is one of the most common passwords: guessers try it first. A few words in a row, \
             not a well-known phrase, do well."
                .to_owned(),
        );
    }
    let judged = judged(&normalised);
    let estimate = zxcvbn(&judged, &context.words());
    let too_weak = |score: Score| score < MIN_SCORE;
    if let Some(left) = context.without(&judged)
        && (left.trim().is_empty() || too_weak(zxcvbn(&left, &[]).score()))
    {
        return Some(
            "This is made of the shop's name, your name or your address. Without them there is too \
             little left to guess."
                .to_owned(),
        );
    }
    too_weak(estimate.score()).then(|| hint(&estimate))
}

/// What is looked at of a password: its beginning, and where it has many characters that stand for
/// the same letters, one of each. Neither makes it look stronger than it is.
fn judged(password: &str) -> String {
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let of_one_letter = |(all, _): &(&str, char)| {
        let occurring = all.chars().filter(|&char| judged.contains(char)).count();
        occurring.max(1)
    };
    if STAND_INS.iter().map(of_one_letter).product::<usize>() <= MAX_COMBINATIONS {
        return judged;
    }
    let first = |char| STAND_INS.iter().find(|(all, _)| all.contains(char));
    judged
        .chars()
        .map(|char| first(char).map_or(char, |(_, first)| *first))
        .collect()
}

/// What zxcvbn says of a weak password.
fn hint(estimate: &zxcvbn::Entropy) -> String {
    let feedback = estimate.feedback();
    let warning = feedback.and_then(|feedback| feedback.warning());
    let warning = warning.map_or_else(
        || "This is easy to guess.".to_owned(),
        |warning| {
            format!(
                "This is easy to guess: {}",
                lower_first(&warning.to_string())
            )
        },
    );
    let suggestions = feedback.map(|feedback| feedback.suggestions());
    let suggestion = suggestions.and_then(|suggestions| suggestions.first());
    match suggestion {
        Some(suggestion) => format!("{warning} {suggestion}"),
        None => warning,
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests;
