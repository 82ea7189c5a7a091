//! What pages are made of.

use std::fs;

use crate::workspace;

/// The one place where HTML is written as it is: a description, which was sanitised.
const AS_IT_IS: &str = "products/show.html: {{ description_html|safe }}";

#[test]
fn templates_hold_no_script_no_style_and_one_exception_from_escaping() {
    let mut as_they_are = Vec::new();
    let mut n_templates = 0;
    let root = workspace().join("app-server/templates");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&root)
                .expect("beneath")
                .display()
                .to_string();
            if name.starts_with("mail/") || name.starts_with("letters/") {
                continue; // Letters bring their style along: no mail program fetches one.
            }
            n_templates += 1;
            let text = fs::read_to_string(&path).expect("a template");
            for forbidden in [
                "<script",
                "javascript:",
                "<style",
                " style=",
                "<iframe",
                "<object",
                "<embed",
                " onclick",
                " onload",
                " onerror",
                " onsubmit",
                "localStorage",
                "postMessage",
                "innerHTML",
            ] {
                assert!(!text.contains(forbidden), "{name} has {forbidden:?}");
            }
            for escape in ["|safe", "escape=\"none\"", "|escape(\"none\")"] {
                for line in text.lines().filter(|line| line.contains(escape)) {
                    let inside = line.split("{{").nth(1).unwrap_or(line);
                    let inside = inside.split("}}").next().unwrap_or(inside);
                    as_they_are.push(format!("{name}: {{{{{inside}}}}}"));
                }
            }
        }
    }
    assert!(n_templates > 20, "{n_templates} templates");
    as_they_are.sort();
    let qr = |place: &String| place.contains("qr");
    as_they_are.retain(|place| !qr(place));
    assert_eq!(as_they_are, [AS_IT_IS]);
}
