//! Descriptions: from markdown that a seller wrote to HTML that cannot hurt a visitor.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Options, Parser, html};

/// Everything a description may consist of; pictures would be loaded from elsewhere.
const TAGS: [&str; 23] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .tags(TAGS.into_iter().chain(["ul"]).collect())
        .generic_attributes(HashSet::new())
        .tag_attributes(
            [
                ("a", HashSet::from(["href", "title"])),
                ("ol", HashSet::from(["start"])),
            ]
            .into(),
        )
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("nofollow noopener ugc"));
    builder
});

/// HTML of `markdown`, sanitised anew each time, so that a stricter sanitiser acts at once.
pub fn render(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut html = String::new();
    // The page's one h1 is the product's title, so headings begin a level below.
    let events = Parser::new_ext(markdown, options).map(lower_heading);
    html::push_html(&mut html, events);
    SANITISER.clean(&html).to_string()
}

fn lower_heading(event: pulldown_cmark::Event<'_>) -> pulldown_cmark::Event<'_> {
    use pulldown_cmark::{Event, HeadingLevel as Level, Tag, TagEnd};

    let lower = |level| match level {
        Level::H1 => Level::H2,
        Level::H2 => Level::H3,
        Level::H3 => Level::H4,
        Level::H4 => Level::H5,
        Level::H5 | Level::H6 => Level::H6,
    };
    match event {
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: lower(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_becomes_the_html_a_reader_expects() {
        assert_eq!(
            render("# Inside\n\n*Two* **words**"),
            "<h2>Inside</h2>\n<p><em>Two</em> <strong>words</strong></p>\n"
        );
        assert_eq!(
            render("[more](https://example.org/ \"there\")"),
            "<p><a href=\"https://example.org/\" title=\"there\" rel=\"nofollow noopener ugc\">more</a></p>\n"
        );
        assert!(render("| a |\n|---|\n| b |").contains("<td>b</td>"));
        assert!(render("- one\n- two").starts_with("<ul>"));
    }

    #[test]
    fn nothing_in_a_description_runs_loads_or_leads_astray() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "![tracker](https://evil.example/pixel.png)",
            "[x](javascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "[x](//evil.example/)",
            "[x](/logout)",
            "<a href=\"https://a.example\" onclick=\"x()\" style=\"position:fixed\">x</a>",
            "<iframe src=https://evil.example></iframe>",
            "<form action=/orders><button>x</button></form>",
            "<style>body{display:none}</style>",
            "<svg onload=alert(1)>",
            "<base href=https://evil.example>",
            "<p class=banner id=main>x</p>",
        ] {
            let html = render(hostile);
            for never in [
                "<script",
                "onerror",
                "onclick",
                "onload",
                "<img",
                "javascript:",
                "data:",
                "evil",
                "style",
                "<iframe",
                "<form",
                "<button",
                "<svg",
                "<base",
                "class",
                "id=",
                "/logout",
            ] {
                assert!(!html.contains(never), "{hostile:?} became {html:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn only_known_tags_come_out_whatever_goes_in(markdown in "[<>/a-z!\\[\\]()\"'=: \n*_`#|&;-]{0,200}") {
            let html = render(&markdown);
            for after in html.split('<').skip(1) {
                let tag = after.trim_start_matches('/');
                let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
                prop_assert!(TAGS.contains(&name.as_str()) || name == "ul", "{} in {}", name, html);
            }
        }
    }
}
