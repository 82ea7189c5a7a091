//! Signing out, and what the browser's own memory shows afterwards.

use tests::{chromium::Chromium, world::World};

use super::hand::{Hand, Thing};

#[tokio::test]
async fn after_signing_out_the_way_back_shows_nothing_private() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let world = World::start().await;
    world.publish("diary", 500, &[("diary.txt", b"dear")]).await;
    let ada = world.user("ada").await;
    world.buy(&ada, "diary").await;
    let url = world.url();
    browser.sign_in(&url, "ada").await;
    let private = ["/library", "/orders", "/account"];
    for path in private {
        browser.open(&format!("{url}{path}")).await;
        assert!(browser.text().await.contains("Signed in as ada"));
    }

    Hand::Mouse
        .take(&browser, Thing::TopButton("Sign out"))
        .await;
    browser.until_at("/").await;

    for path in private.iter().rev() {
        browser.page.back().await.unwrap();
        assert_eq!(browser.path().await, *path);
        let text = browser.text().await;
        assert!(text.contains("Sign in"), "{path}: {text}");
        for word in ["ada", "diary"] {
            assert!(!text.contains(word), "{path}: {text}");
        }
    }
    browser.close().await;
    world.end().await;
}
