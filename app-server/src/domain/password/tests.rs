#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

fn ada() -> Context {
    Context::new(
        Some("records.example.org"),
        "ada@lovelace.example",
        "Ada Lovelace",
    )
}

fn refused(password: &str) -> bool {
    weakness(password, MIN_CHARS, &ada()).is_some()
}

#[test]
fn length_is_counted_in_characters_and_nothing_is_asked_of_their_kind() {
    assert!(refused("quiet otter wa"), "14");
    assert!(!refused("quiet otter wai"), "15");
    assert_eq!(weakness("k7#qVx2p", MIN_CHARS_WITH_FACTOR, &ada()), None);
    assert!(weakness("k7#qVx2", MIN_CHARS_WITH_FACTOR, &ada()).is_some());
    for fine in [
        "correct horse battery staple",
        "a perfectly fine passphrase",
        "NOTHING BUT CAPITALS HERE",
        "ärgerliche übermütige öfen",
        "девять голубых ламп горят",
        "猫が好き犬も好き鳥はどうだろう",
        "🦀🐙🦑🐚🌊🐬🐳🦈🐠🐡🪸🪼🦞🦐🦀🐙🐚",
        "  spaces at both ends are kept  ",
    ] {
        assert!(
            !refused(fine),
            "{fine}: {:?}",
            weakness(fine, MIN_CHARS, &ada())
        );
    }
}

#[test]
fn long_passwords_are_taken_to_the_last_byte_and_no_further() {
    let words = "lamp otter quiet seven bridge ";
    for chars in [64, 128, 1_024] {
        let long: String = words.chars().cycle().take(chars).collect();
        assert!(!refused(&long), "{chars}");
    }
    let too_long: String = words.chars().cycle().take(1_025).collect();
    assert!(refused(&too_long));
}

#[test]
fn common_repeated_and_obvious_ones_are_refused_with_a_hint() {
    for weak in [
        "1q2w3e4r5t6y7u8i",
        "passwordpassword",
        "PASSWORDPASSWORD",
        "aaaaaaaaaaaaaaaa",
        "               ",
        "abcdefghijklmnop",
        "123456789012345678",
        "qwertyuiopasdfghjkl",
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
    ] {
        let hint = weakness(weak, MIN_CHARS, &ada());
        assert!(hint.is_some(), "{weak}");
    }
    let hint = weakness("xzxzxzxzxzxzxzxzxzxzxz", MIN_CHARS, &ada()).unwrap();
    assert!(hint.contains("repeats") && hint.ends_with('.'), "{hint}");
}

#[test]
fn what_is_made_of_shop_name_and_address_is_refused_however_it_is_dressed_up() {
    for weak in [
        "claimcheckclaimcheck",
        "Cl4imch3ck-Cl4imch3ck!",
        "ClaimcheckStore2026",
        "ada@lovelace.example",
        "lovelace.example.lovelace",
        "AdaLovelaceAdaLovelace1",
        "records.example.org",
        "my-records-shop-password",
    ] {
        assert!(refused(weak), "{weak}");
    }
    // A word of the context in something that is strong without it does no harm.
    for fine in [
        "ada sells quiet otters by the bridge",
        "the store with seven green lamps",
    ] {
        assert!(!refused(fine), "{fine}");
    }
}

#[test]
fn one_password_typed_on_two_keyboards_is_one() {
    let (composed, decomposed) = ("\u{e9}clairs au chocolat", "e\u{301}clairs au chocolat");
    assert_ne!(composed, decomposed);
    assert_eq!(normalised(composed), normalised(decomposed));
    assert_eq!(
        normalised("Ａ"),
        "Ａ",
        "compatibility forms are other characters"
    );
}

#[test]
fn hostile_input_is_judged_in_time() {
    let dressed = "4@8({[</369&#!1/|0$5+7%2/4@8({[</369&#!1/|0$5+7%2/";
    for hostile in [
        "a".repeat(1_024),
        "4836910572".repeat(10),
        "@4({[<!1|$5+7".repeat(9),
        dressed.repeat(10),
        "ab".repeat(500),
        "abc123".repeat(170),
        "19841984".repeat(128),
        "\u{301}".repeat(512),
    ] {
        let started = std::time::Instant::now();
        let _ = weakness(&hostile, MIN_CHARS, &ada());
        let took = started.elapsed();
        assert!(took.as_millis() < 500, "{took:?}: {hostile}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_typed_gets_an_answer_and_normalising_twice_changes_nothing(text in "\\PC{0,60}") {
        let _ = weakness(&text, MIN_CHARS_WITH_FACTOR, &ada());
        let once = normalised(&text).into_owned();
        proptest::prop_assert_eq!(normalised(&once).into_owned(), once);
    }
}
