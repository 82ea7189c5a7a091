//! Looking around: lists, searches, pages, pictures.

use tests::{client::Client, shop::Shop};

use crate::shelf::{Product, each, find, publish, publish_priced};

async fn found(client: &Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/api/v1/products?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let mut slugs = each(&answer.json(), "/slug");
    slugs.sort();
    slugs
}

#[tokio::test]
async fn a_word_with_one_letter_wrong_or_missing_still_finds_it() {
    let shop = Shop::start().await;
    let title = "The Martian Gärtner";
    let product = Product {
        slug: "mars",
        title,
        tags: "\"science-fiction\"",
        description: "Patience among **rhododendrons**.",
        ..Product::default()
    };
    publish(&shop, &product).await;
    publish_priced(&shop, "other", 100).await;
    let visitor = shop.visitor();

    for query in [
        "martian",
        "MARTIAN",
        "gartner",
        "g%C3%A4rtner",
        "mart",
        "fiction",
        "science-fiction",
        "rhododendrons",
        "martian+gardner",
        "%22martian+gartner%22",
        "mars+or+martian",
    ] {
        assert_eq!(
            found(&visitor, &format!("q={query}")).await,
            ["mars"],
            "{query}"
        );
    }
    for word in ["martian", "gartner", "science", "fiction", "rhododendrons"] {
        for place in 0..word.len() {
            let missing = format!("{}{}", &word[..place], &word[place + 1..]);
            let wrong = format!("{}x{}", &word[..place], &word[place + 1..]);
            for typed in [missing, wrong] {
                assert_eq!(
                    found(&visitor, &format!("q={typed}")).await,
                    ["mars"],
                    "{typed}"
                );
            }
        }
    }
    for query in [
        "venus",
        "martian+-gartner",
        "%22gartner+martian%22",
        "%22martiam%22",
        "!!!",
        "%25%25%25%25%25%25",
    ] {
        assert!(
            found(&visitor, &format!("q={query}")).await.is_empty(),
            "{query}"
        );
    }
    shop.end().await;
}

#[tokio::test]
async fn every_order_is_walked_page_by_page_without_gaps_or_repeats() {
    let shop = Shop::start().await;
    for number in 0..7 {
        // Two at a time are alike in everything that they are sorted by.
        let slug = format!("guide-{number}");
        let title = format!("Guide {}", number / 2);
        let product = Product {
            slug: &slug,
            title: &title,
            price: (number / 2 * 100, "EUR"),
            tags: "\"test\"",
            ..Product::default()
        };
        publish(&shop, &product).await;
    }
    let visitor = shop.visitor();

    for list in [
        "",
        "sort=new",
        "sort=title",
        "sort=price",
        "q=guide",
        "q=guide&sort=title",
        "tag=test",
    ] {
        let whole = each(
            &visitor
                .get(&format!("/api/v1/products?{list}"))
                .await
                .json(),
            "/slug",
        );
        assert_eq!(whole.len(), 7, "{list}");
        let (mut walked, mut after) = (Vec::new(), String::new());
        for _ in 0..7 {
            let path = format!("/api/v1/products?{list}&limit=2{after}");
            let page = visitor.get(&path).await.json();
            walked.extend(each(&page, "/slug"));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            after = format!("&after={next}");
        }
        assert_eq!(walked, whole, "{list}");
    }
    let prices = visitor.get("/api/v1/products?sort=price").await.json();
    assert_eq!(prices["items"][0]["price"]["amount"], 0);
    assert_eq!(prices["items"][6]["price"]["amount"], 300);
    shop.end().await;
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_said_to() {
    let shop = Shop::start().await;
    let visitor = shop.visitor();
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "sort=best",
        "after=abc",
        "sort=title&after=eyJ9",
    ] {
        let answer = visitor.get(&format!("/api/v1/products?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "invalid"),
            "{query}"
        );
        assert_eq!(
            answer.json()["errors"].as_array().unwrap().len(),
            1,
            "{query}"
        );
    }
    for query in [
        "q=",
        "q=%00",
        "tag=",
        "tag=Not+a+Tag",
        "after=",
        "limit=100",
    ] {
        assert!(found(&visitor, query).await.is_empty(), "{query}");
    }
    assert_eq!(visitor.get("/?sort=best").await.status, 422);
    assert_eq!(visitor.get("/?tag=Not+a+Tag").await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_product_tells_all_there_is_to_know_and_nothing_dangerous() {
    let shop = Shop::start().await;
    let product = Product {
        description: "# Inside\n\n<script>alert(1)</script>\n\n[more](https://example.org/)",
        files: &[("b.txt", b"moss"), ("a.txt", b"fern")],
        tags: "\"nature\"",
        ..Product::default()
    };
    publish(&shop, &product).await;
    let visitor = shop.visitor();

    let guide = find(&visitor, "field-guide").await;
    assert_eq!(
        guide["price"],
        serde_json::json!({"amount": 1200, "currency": "EUR"})
    );
    assert_eq!(guide["tags"][0], "nature");
    assert_eq!(guide["owned"], false);
    assert_eq!(guide["cover_url"], serde_json::Value::Null);
    let html = guide["description_html"].as_str().unwrap();
    assert!(
        html.contains("<h2>Inside</h2>") && !html.contains("script"),
        "{html}"
    );
    assert!(html.contains("rel=\"nofollow noopener ugc\""), "{html}");
    let file = &guide["files"][0];
    assert_eq!(
        (&file["name"], &file["size"], &file["version"]),
        (&"a.txt".into(), &4.into(), &1.into())
    );
    assert_eq!(
        file["sha256"],
        "f0a5da17e0ffa3a21c2b07c964d465799eb0deb62905ccb1b271ce7716614746"
    );

    let page = visitor.get("/products/field-guide").await.text();
    assert!(
        page.contains("€12.00") && page.contains(file["sha256"].as_str().unwrap()),
        "{page}"
    );
    assert_eq!(visitor.get("/products/no-such").await.status, 404);
    assert_eq!(
        visitor.get("/api/v1/products/No%20Such").await.code(),
        "not_found"
    );

    shop.sabotage("update products set published_at = null")
        .await;
    assert_eq!(visitor.get("/products/field-guide").await.status, 404);
    assert!(found(&visitor, "q=field").await.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_picture_is_kept_by_caches_and_nothing_that_is_sold_passes_for_one() {
    let shop = Shop::start().await;
    let picture = b"\x89PNG\r\n\x1a\nnot much of a picture";
    let product = Product {
        cover: Some(picture),
        ..Product::default()
    };
    publish(&shop, &product).await;
    let visitor = shop.visitor();
    let guide = find(&visitor, "field-guide").await;

    let cover = visitor.get(guide["cover_url"].as_str().unwrap()).await;
    assert_eq!(
        (cover.status.as_u16(), cover.body.as_slice()),
        (200, picture.as_slice())
    );
    assert_eq!(cover.header("content-type"), "image/png");
    assert_eq!(
        cover.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(cover.header("x-content-type-options"), "nosniff");
    assert!(cover.set_cookies().is_empty());
    let again = visitor
        .request(reqwest::Method::GET, guide["cover_url"].as_str().unwrap())
        .header("if-none-match", cover.header("etag"));
    let again = visitor.send(again).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));

    let sold = guide["files"][0]["sha256"].as_str().unwrap();
    assert_eq!(visitor.get(&format!("/covers/{sold}")).await.status, 404);
    assert_eq!(visitor.get("/covers/..%2Fkeys").await.status, 404);
    shop.end().await;
}
