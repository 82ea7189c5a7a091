//! Bringing a folder into the catalogue, again and again.

use app_server::actions::import_catalogue::{self, Report};
use tests::shop::Shop;

use crate::shelf::{Product, find, publish};

#[tokio::test]
async fn importing_again_changes_only_what_changed() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    let first = Product {
        files: &[("a.txt", b"one"), ("b.txt", b"two")],
        ..Product::default()
    };

    let report = publish(&shop, &first).await;
    assert_eq!(
        report,
        Report {
            n_added: 1,
            n_versions: 2,
            ..Report::default()
        }
    );
    let before = find(&visitor, "field-guide").await;
    let report = publish(&shop, &first).await;
    assert_eq!(
        report,
        Report {
            n_unchanged: 1,
            ..Report::default()
        }
    );
    assert_eq!(find(&visitor, "field-guide").await, before);

    let second = Product {
        title: "Other Guide",
        files: &[("b.txt", b"three")],
        ..Product::default()
    };
    let report = publish(&shop, &second).await;
    assert_eq!(
        report,
        Report {
            n_updated: 1,
            n_versions: 1,
            ..Report::default()
        }
    );
    let after = find(&visitor, "field-guide").await;
    assert_eq!(after["title"], "Other Guide");
    assert_eq!(after["id"], before["id"]);
    assert_eq!(
        after["files"][0], before["files"][0],
        "the same bytes stay the same version"
    );
    assert_eq!(after["files"][1]["version"], 2);
    assert_ne!(after["files"][1]["id"], before["files"][1]["id"]);
    shop.end().await;
}

#[tokio::test]
async fn a_folder_with_a_mistake_changes_nothing() {
    let shop = Shop::start().await;
    publish(&shop, &Product::default()).await;
    let catalogue = shop.folder.path().join("catalogue");
    std::fs::create_dir(catalogue.join("broken")).unwrap();
    let sheet = catalogue.join("field-guide/product.toml");
    let text = std::fs::read_to_string(&sheet)
        .unwrap()
        .replace("Field Guide", "Changed");
    std::fs::write(&sheet, text).unwrap();

    let state = shop.server().state();
    let outcome =
        import_catalogue::run(&state.database, &state.files, &state.clock, &catalogue).await;

    let message = outcome.unwrap_err().to_string();
    for expected in [
        "broken/product.toml",
        "broken/description.md",
        "broken/files",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(
        find(&shop.visitor(), "field-guide").await["title"],
        "Field Guide"
    );
    shop.end().await;
}

#[tokio::test]
async fn a_product_of_many_files_is_imported_whole() {
    let shop = Shop::start().await;
    let names: Vec<String> = (0..300).map(|n| format!("leaf-{n:03}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), name.as_bytes()))
        .collect();
    let product = Product {
        files: &files,
        ..Product::default()
    };
    let report = publish(&shop, &product).await;
    assert_eq!((report.n_added, report.n_versions), (1, 300));
    let again = publish(&shop, &product).await;
    assert_eq!((again.n_unchanged, again.n_versions), (1, 0));
    shop.end().await;
}
