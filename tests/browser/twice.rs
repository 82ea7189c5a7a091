//! A second click where one was enough.

use fantoccini::{
    Locator,
    actions::{InputSource, MouseActions, PointerAction},
    wd::WindowHandle,
};
use tests::chromium::Chromium;

use super::shopper::{Shopper, TITLE};

/// Two clicks as fast as they can be: the second falls while the first is on its way.
async fn click_twice(browser: &Chromium, button: &str) {
    let xpath = format!("//main//button[starts-with(normalize-space(), '{button}')]");
    let button = browser
        .page
        .find(Locator::XPath(&xpath))
        .await
        .expect("a button");
    let mut actions = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
        element: button,
        duration: None,
        x: 0.0,
        y: 0.0,
    });
    for _ in 0..2 {
        let left = fantoccini::actions::MOUSE_BUTTON_LEFT;
        actions = actions
            .then(PointerAction::Down { button: left })
            .then(PointerAction::Up { button: left });
    }
    browser.page.perform_actions(actions).await.expect("clicks");
}

#[tokio::test]
async fn clicking_twice_and_in_two_tabs_buys_once() {
    let Some(shopper) = Shopper::start().await else {
        return;
    };
    let browser = &shopper.browser;
    shopper.fill_the_cart().await;
    shopper.register_at_the_checkout("ada").await;

    let first_tab = browser.page.window().await.unwrap();
    let second_tab = browser.page.new_window(true).await.unwrap().handle;
    let go_to_tab = async |tab: &WindowHandle| {
        let switched = browser.page.switch_to_window(tab.clone()).await;
        switched.expect("an open tab");
    };
    go_to_tab(&second_tab).await;
    browser
        .open(&format!("{}/checkout", shopper.world.url()))
        .await;

    go_to_tab(&first_tab).await;
    click_twice(browser, "Place order").await;
    shopper.arrive("Your order").await;
    go_to_tab(&second_tab).await;
    shopper.press("Place order", "Your orders").await;

    shopper.follow(TITLE, "Your order").await;
    go_to_tab(&first_tab).await;
    click_twice(browser, "Pay now").await;
    shopper.arrive("Your receipt").await;
    go_to_tab(&second_tab).await;
    shopper.press("Pay now", "Your receipt").await;

    let db = shopper.world.database.client().await;
    for table in ["orders", "purchases"] {
        let count = format!("select count(*) from {table}");
        let count: i64 = db.query_one(&count, &[]).await.unwrap().get(0);
        assert_eq!(count, 1, "{table}");
    }
    let status = "select status::text from orders";
    let status: String = db.query_one(status, &[]).await.unwrap().get(0);
    assert_eq!(status, "paid");
    shopper.end().await;
}
