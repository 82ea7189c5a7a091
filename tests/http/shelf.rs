//! Products to sell in a test.

use app_server::actions::import_catalogue::{self, Report};
use serde_json::Value;
use tests::{client::Client, shop::Shop};

/// What stands in a product's folder.
pub struct Product<'a> {
    pub slug: &'a str,
    pub title: &'a str,
    pub price: (i64, &'a str),
    pub tags: &'a str,
    pub description: &'a str,
    pub cover: Option<&'a [u8]>,
    pub files: &'a [(&'a str, &'a [u8])],
}

impl Default for Product<'_> {
    fn default() -> Self {
        Self {
            slug: "field-guide",
            title: "Field Guide",
            price: (1_200, "EUR"),
            tags: "",
            description: "What grows *where*.",
            cover: None,
            files: &[("guide.txt", b"moss")],
        }
    }
}

/// Imports a product, as an operator would.
pub async fn publish(shop: &Shop, product: &Product<'_>) -> Report {
    let catalogue = shop.folder.path().join("catalogue");
    let folder = catalogue.join(product.slug);
    std::fs::create_dir_all(folder.join("files")).unwrap();
    let mut sheet = format!(
        "slug = {:?}\ntitle = {:?}\nsummary = \"About it.\"\nprice = {}\ncurrency = {:?}\ntags = [{}]\n",
        product.slug, product.title, product.price.0, product.price.1, product.tags
    );
    if let Some(cover) = product.cover {
        sheet.push_str("cover = \"cover.png\"\n");
        std::fs::write(folder.join("cover.png"), cover).unwrap();
    }
    std::fs::write(folder.join("product.toml"), sheet).unwrap();
    std::fs::write(folder.join("description.md"), product.description).unwrap();
    for (name, content) in product.files {
        std::fs::write(folder.join("files").join(name), content).unwrap();
    }
    let state = shop.server().state();
    import_catalogue::run(&state.database, &state.files, &state.clock, &catalogue)
        .await
        .unwrap()
}

/// Imports a product of this name and price in euros' cents.
pub async fn publish_priced(shop: &Shop, slug: &str, cents: i64) {
    let product = Product {
        slug,
        title: slug,
        price: (cents, "EUR"),
        ..Product::default()
    };
    publish(shop, &product).await;
}

/// A product as the API shows it.
pub async fn find(client: &Client, slug: &str) -> Value {
    client.get(&format!("/api/v1/products/{slug}")).await.json()
}

/// A product's identifier.
pub async fn id(client: &Client, slug: &str) -> String {
    find(client, slug).await["id"].as_str().unwrap().to_owned()
}

/// The texts at `pointer` of a list's items.
pub fn each(list: &Value, pointer: &str) -> Vec<String> {
    let text = |item: &Value| item.pointer(pointer)?.as_str().map(str::to_owned);
    let items = list["items"].as_array().unwrap();
    items.iter().filter_map(text).collect()
}
