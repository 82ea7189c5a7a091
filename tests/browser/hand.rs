//! How a person reaches what is on a page: with a mouse, or with nothing but the keyboard.

use serde_json::Value;
use tests::chromium::Chromium;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

/// More stops than any page of the shop has.
const MANY_STOPS: usize = 120;

/// What can be pointed at, or stopped at.
#[derive(Clone, Copy, Debug)]
pub enum Thing<'a> {
    /// A link in the page's own part that begins with these words.
    Link(&'a str),
    /// A button in the page's own part that begins with these words.
    Button(&'a str),
    /// A button above it, on every page.
    TopButton(&'a str),
    /// A field of this name.
    Field(&'a str),
}

/// One way to use a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Clicks; types only into fields.
    Mouse,
    /// Tab, Enter on links, Space on buttons, and letters; must see where the focus is at every stop.
    Keyboard,
}

impl Hand {
    /// Follows a link or presses a button.
    pub async fn take(self, browser: &Chromium, thing: Thing<'_>) {
        match self {
            Self::Mouse => browser.click(&thing.xpath()).await,
            Self::Keyboard => {
                go_to(browser, thing).await;
                let key = if let Thing::Link(_) = thing {
                    ENTER
                } else {
                    SPACE
                };
                browser.keys(key).await;
            }
        }
    }

    /// Fills a field.
    pub async fn fill(self, browser: &Chromium, name: &str, text: &str) {
        match self {
            Self::Mouse => {
                browser.click(&Thing::Field(name).xpath()).await;
                browser.type_into(name, text).await;
            }
            Self::Keyboard => {
                go_to(browser, Thing::Field(name)).await;
                browser.keys(text).await;
            }
        }
    }
}

impl Thing<'_> {
    fn xpath(self) -> String {
        match self {
            Self::Link(text) => format!("//main//a[starts-with(normalize-space(), '{text}')]"),
            Self::Button(text) => {
                format!("//main//button[starts-with(normalize-space(), '{text}')]")
            }
            Self::TopButton(text) => {
                format!("//header//button[starts-with(normalize-space(), '{text}')]")
            }
            Self::Field(name) => format!("//main//input[@name='{name}']"),
        }
    }

    fn is(self, stop: &Value) -> bool {
        let (tag, key, wanted) = match self {
            Self::Link(text) => ("A", "text", text),
            Self::Button(text) | Self::TopButton(text) => ("BUTTON", "text", text),
            Self::Field(name) => ("INPUT", "name", name),
        };
        let found = stop[key].as_str().unwrap_or_default();
        let in_main = !matches!(self, Self::TopButton(_));
        stop["tag"] == tag && stop["in_main"] == in_main && found.starts_with(wanted)
    }
}

/// Tabs along until the focus is on the thing.
async fn go_to(browser: &Chromium, thing: Thing<'_>) {
    let mut stops = Vec::new();
    while stops.len() < MANY_STOPS {
        browser.keys(TAB).await;
        let stop = browser.ask(FOCUS).await;
        // Past the last stop of the page, before it begins anew.
        if stop.is_null() {
            continue;
        }
        assert_eq!(stop["visible"], true, "the focus cannot be seen: {stop}");
        if thing.is(&stop) {
            return;
        }
        stops.push(stop);
    }
    panic!("the keyboard does not reach {thing:?}, only {stops:?}");
}

/// Where the focus is, and whether a person sees it there.
const FOCUS: &str = "
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const style = getComputedStyle(it), box = it.getBoundingClientRect();
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    const inside = box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0
        && box.top < innerHeight && box.left < innerWidth;
    return {
        tag: it.tagName, name: it.name ?? '', text: it.textContent.trim().replace(/\\s+/g, ' '),
        in_main: it.closest('main') !== null,
        visible: it.matches(':focus-visible') && outlined && inside,
    };";
