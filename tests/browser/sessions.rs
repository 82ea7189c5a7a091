//! Two browsers of one buyer, one of which ends the other's session.

use chrono::TimeDelta;
use tests::{
    chromium::{Chromium, Setup},
    client::PASSWORD,
    world::World,
};

use super::{
    hand::{Hand, Thing},
    shopper::look,
};

#[tokio::test]
async fn a_browser_whose_session_was_ended_elsewhere_is_signed_out_at_its_next_click() {
    let phone = Setup {
        phone_width: Some(390),
        ..Setup::default()
    };
    let (Some(desk), Some(phone)) = (Chromium::start().await, Chromium::with(phone).await) else {
        return;
    };
    let world = World::start().await;
    world.user("ada").await;
    let url = world.url();
    desk.sign_in(&url, "ada").await;
    world.advance(TimeDelta::minutes(1));
    phone.sign_in(&url, "ada").await;
    phone.open(&format!("{url}/account")).await;
    // The proof that signing in was has grown old; and the secret too.
    world.advance(TimeDelta::minutes(16));
    let hand = Hand::Mouse;

    desk.open(&format!("{url}/account")).await;
    hand.take(&desk, Thing::Link("Your sessions")).await;
    desk.until_at("/account/sessions").await;
    look(&desk).await;
    let text = desk.text().await;
    assert!(
        text.contains("This session") && text.contains("Chrome on Linux"),
        "{text}"
    );
    assert!(text.contains("Before it ends one"), "{text}");
    hand.take(&desk, Thing::Button("End all other sessions"))
        .await;
    desk.until_at("/confirm").await;
    assert_eq!(desk.path().await, "/confirm?next=%2Faccount%2Fsessions");
    look(&desk).await;
    hand.fill(&desk, "password", PASSWORD).await;
    hand.take(&desk, Thing::Button("Go on")).await;
    desk.until_at("/account/sessions").await;
    hand.take(&desk, Thing::Button("End all other sessions"))
        .await;
    desk.until_text("There is no other session.").await;
    assert_eq!(desk.path().await, "/account/sessions");

    hand.take(&phone, Thing::Link("Your sessions")).await;

    phone.until_text("Please sign in to go on.").await;
    assert_eq!(
        phone.path().await,
        "/account/sessions",
        "and back there afterwards"
    );
    let text = phone.text().await;
    assert!(!text.contains("old copy"), "nothing was stolen: {text}");
    desk.open(&format!("{url}/account")).await;
    assert!(desk.text().await.contains("Signed in as ada"));
    desk.close().await;
    phone.close().await;
    world.end().await;
}

#[tokio::test]
async fn twenty_minutes_of_clicks_with_a_second_click_each_sign_nobody_out() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let world = World::start().await;
    world.user("ada").await;
    let url = world.url();
    browser.sign_in(&url, "ada").await;
    for round in 0..5 {
        world.advance(TimeDelta::minutes(16));
        // The first page is left before its answer can have been read; the second one is seen.
        let hasty = "location.href = '/orders'; location.href = '/library';";
        browser.open(&format!("{url}/")).await;
        world.advance(TimeDelta::minutes(16));
        browser.page.execute(hasty, Vec::new()).await.unwrap();
        browser.until_at("/library").await;
        let text = browser.text().await;
        assert!(text.contains("Signed in as ada"), "{round}: {text}");
    }
    browser.close().await;
    world.end().await;
}
