//! Every page on the narrow screen of a phone, before and after signing in.

use tests::chromium::{Chromium, Setup};

use super::shopper::look;

/// A name without a place to break it.
const LONG: &str =
    "Symphony_No_9_in_D_minor_Op_125_Choral_recorded_live_in_one_evening_without_an_interval";

#[tokio::test]
async fn every_page_fits_a_phone_and_nothing_is_complained_of() {
    let setup = Setup {
        phone_width: Some(390),
        ..Setup::default()
    };
    let Some(browser) = Chromium::with(setup).await else {
        return;
    };
    let world = super::shop().await;
    let name = format!("{LONG}.txt");
    world
        .publish("symphony", 123_456_700, &[(&name, b"freude")])
        .await;
    let ada = world.user("ada").await;
    let mut paths: Vec<String> = [
        "/",
        "/?q=cloud",
        "/?q=nothingatallmatchesthis",
        "/?tag=pdf&sort=price",
        "/products/a-pocket-guide-to-clouds",
        "/products/symphony",
        "/products/no-such-thing",
        "/cart",
        "/login",
        "/register",
        "/checkout",
        "/library",
        "/orders",
        "/account",
        "/account/password",
        "/account/second-factor",
    ]
    .map(str::to_owned)
    .into();

    for path in &paths {
        visit(&browser, &world.url(), path).await;
    }
    browser.sign_in(&world.url(), "ada").await;
    paths.retain(|path| path != "/login" && path != "/register");
    for path in &paths {
        visit(&browser, &world.url(), path).await;
    }
    // With something in the cart, a receipt, and a link that was used.
    let file = world.buy(&ada, "symphony").await;
    let orders = ada.get("/api/v1/orders").await.json();
    let order = orders["items"][0]["id"].as_str().expect("an order");
    paths.extend([format!("/orders/{order}"), format!("/library?file={file}")]);
    browser
        .open(&format!("{}/products/night-trains", world.url()))
        .await;
    browser.press("Add to cart").await;
    for path in &paths {
        visit(&browser, &world.url(), path).await;
    }
    browser.close().await;
    world.end().await;
}

async fn visit(browser: &Chromium, url: &str, path: &str) {
    browser.open(&format!("{url}{path}")).await;
    assert_eq!(browser.path().await, *path);
    assert_eq!(
        browser
            .ask("return document.documentElement.clientWidth")
            .await,
        390
    );
    let headings = "return document.querySelectorAll('h1').length";
    assert_eq!(browser.ask(headings).await, 1, "{path}");
    look(browser).await;
}
