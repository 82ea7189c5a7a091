//! Which browser and which device a `User-Agent` means, in words.
//!
//! For people who look through their sessions, and for nothing else: whoever sends the header
//! chooses it.

/// Programs by what betrays them. The first that fits: most browsers pass for others too.
const PROGRAMS: &[(&str, &str)] = &[
    ("EdgiOS/", "Edge"),
    ("EdgA/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("Version/", "Safari"),
];

/// Programs that say who they are before anything else.
const TOOLS: &[(&str, &str)] = &[("curl/", "curl"), ("Wget/", "Wget"), ("aria2/", "aria2")];

/// Systems by what betrays them, the particular before the general.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// What is said of a program that does not say what it is.
pub const UNKNOWN: &str = "Unknown program";

/// Longer names of programs are no names.
const MAX_NAME_BYTES: usize = 40;

/// Browser and system, such as "Firefox on Windows"; a program's own name, such as "curl".
pub fn in_words(user_agent: &str) -> String {
    known(user_agent).unwrap_or_else(|| own_name(user_agent).unwrap_or(UNKNOWN).to_owned())
}

/// The same, made of nothing but words of ours: for letters, where another word might be a link.
pub fn known(user_agent: &str) -> Option<String> {
    let first = |table: &[(&str, &'static str)]| {
        let mut found = table.iter().filter(|(mark, _)| user_agent.contains(mark));
        found.next().map(|(_, name)| *name)
    };
    if !user_agent.starts_with("Mozilla/") {
        let mut tools = TOOLS
            .iter()
            .filter(|(mark, _)| user_agent.starts_with(mark));
        return tools.next().map(|(_, name)| (*name).to_owned());
    }
    Some(match (first(PROGRAMS), first(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => UNKNOWN.to_owned(),
    })
}

/// What a program calls itself: the name before its version (RFC 9110, section 10.1.5).
fn own_name(user_agent: &str) -> Option<&str> {
    let name = user_agent.split(['/', ' ']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let sound = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain);
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_programs_people_use_are_named_as_they_know_them() {
        for (user_agent, words) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.3537.57",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; Pixel 3 XL) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.43 Mobile Safari/537.36 EdgA/141.0.3537.57",
                "Edge on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 15.7; rv:143.0) Gecko/20100101 Firefox/143.0",
                "Firefox on macOS",
            ),
            (
                "Mozilla/5.0 (Android 16; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0",
                "Firefox on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 15_7_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPad",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
                "Opera on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer on Windows",
            ),
            ("Mozilla/5.0 (Linux; U)", "Unknown browser on Linux"),
            ("Mozilla/5.0", "Unknown program"),
            ("curl/8.14.1", "curl"),
            ("Wget/1.25.0", "Wget"),
            ("aria2/1.37.0", "aria2"),
            ("python-requests/2.32.5", "python-requests"),
            ("", "Unknown program"),
            ("<script>alert(1)</script>", "Unknown program"),
        ] {
            assert_eq!(in_words(user_agent), words, "{user_agent}");
        }
        assert_eq!(known("evil.example"), None);
        assert_eq!(known("curl/8.14.1").as_deref(), Some("curl"));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_becomes_a_few_plain_words(user_agent in ".{0,400}") {
            let words = in_words(&user_agent);
            prop_assert!((1..=MAX_NAME_BYTES).contains(&words.len()), "{words:?}");
            let plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
            prop_assert!(words.chars().all(plain), "{words:?}");
        }
    }
}
