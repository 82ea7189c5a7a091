#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use uuid::Uuid;

use super::*;

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("claimcheck-import-{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn mistakes(&self) -> Mistakes {
        read(&self.0).err().unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

const SHEET: &str = "slug = 'field-guide'\ntitle = 'Field Guide'\nsummary = 'What grows where.'\n\
    price = 1200\ncurrency = 'EUR'\ntags = ['nature', 'nature', 'book']\ncover = 'cover.png'\n";

fn good() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("guide/product.toml", SHEET);
    scratch.write("guide/description.md", "# Inside\n");
    scratch.write("guide/cover.png", b"\x89PNG\r\n\x1a\n....");
    scratch.write("guide/files/guide.pdf", b"%PDF-1.7");
    scratch.write("guide/files/.DS_Store", b"");
    scratch.write("README.md", b"beside the products");
    scratch
}

#[test]
fn a_good_folder_is_read_as_it_stands() {
    let scratch = good();
    let folders = read(&scratch.0).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let folder = folders.first().unwrap();
    assert_eq!(folder.product.price.to_string(), "€12.00");
    assert_eq!(folder.product.tags.len(), 2);
    assert_eq!(folder.cover.as_ref().unwrap().1, "image/png");
    assert_eq!(folder.files.len(), 1);
}

#[test]
fn every_mistake_is_told_at_once_with_its_file() {
    let scratch = good();
    scratch.write("guide/cover.png", b"<svg>");
    scratch.write(
        "twin/product.toml",
        SHEET.replace("cover = 'cover.png'", "cover = '../guide/cover.png'"),
    );
    scratch.write("twin/description.md", b"\xff\xfe");
    scratch.write("bad/product.toml", "slug = 'Bad Slug'\ntitle = ''\nsummary = 'x'\nprice = -1\ncurrency = 'EUR'\ntags = ['A b']\n");
    scratch.write("bad/description.md", "");
    scratch.write("bad/files/inner/file", "");
    scratch.write("typo/product.toml", SHEET.replace("price", "prize"));
    scratch.write("typo/description.md", "");
    scratch.write("typo/files/a", "");
    scratch.write("empty/other", "");

    let mistakes = scratch.mistakes();

    for expected in [
        "guide/cover.png: not a PNG",
        "twin/product.toml: cover:",
        "twin/description.md:",
        "twin/files:",
        "bad/product.toml: slug:",
        "bad/product.toml: title:",
        "bad/product.toml: price, currency:",
        "bad/product.toml: tags:",
        "bad/files/inner: not a regular file",
        "typo/product.toml: line 4: unknown field `prize`",
        "empty/product.toml:",
        "empty/description.md:",
        "empty/files:",
    ] {
        let named = |mistake: &&String| mistake.contains(expected);
        assert!(
            mistakes.iter().any(|mistake| named(&mistake)),
            "{expected} is not in {mistakes:#?}"
        );
    }
}

#[test]
fn two_products_cannot_share_a_slug() {
    let scratch = good();
    scratch.write("guide-2/product.toml", SHEET);
    scratch.write("guide-2/description.md", "");
    scratch.write("guide-2/cover.png", b"\x89PNG\r\n\x1a\n");
    scratch.write("guide-2/files/a", "a");
    assert_eq!(
        scratch.mistakes(),
        ["guide-2/product.toml: the slug field-guide is also that of guide"]
    );
}

#[test]
fn a_link_out_of_the_folder_is_not_sold() {
    let scratch = good();
    std::os::unix::fs::symlink("/etc/hostname", scratch.0.join("guide/files/hostname")).unwrap();
    assert_eq!(
        scratch.mistakes(),
        ["guide/files/hostname: not a regular file with an ordinary name"]
    );
}

#[test]
fn a_folder_without_products_is_a_mistake() {
    assert_eq!(Scratch::new().mistakes().len(), 1);
    let gone = Path::new("/nonexistent/claimcheck");
    assert!(
        read(gone)
            .err()
            .unwrap()
            .first()
            .unwrap()
            .contains("/nonexistent/claimcheck")
    );
}

#[test]
fn a_mistake_in_a_sheet_is_told_with_its_line_and_key() {
    let mistake = |sheet: &str| {
        let scratch = good();
        scratch.write("guide/product.toml", sheet);
        scratch.mistakes().join("\n")
    };
    let price = mistake(&SHEET.replace("1200", "12.50"));
    assert!(
        price.starts_with("guide/product.toml: line 4: price: ")
            && price.contains("whole number of minor units, 1250 for 12.50"),
        "{price}"
    );
    let title = mistake(&SHEET.replace("'Field Guide'", "7"));
    assert!(
        title.starts_with("guide/product.toml: line 2: title: "),
        "{title}"
    );
    let open = mistake(&SHEET.replace("'EUR'", "'EUR"));
    assert!(open.starts_with("guide/product.toml: line 5: "), "{open}");
    let missing = mistake(&SHEET.replace("currency = 'EUR'", ""));
    assert_eq!(missing, "guide/product.toml: missing field `currency`");
    let negative = mistake(&SHEET.replace("1200", "-1"));
    assert!(negative.contains("1250 for 12.50"), "{negative}");
}
