//! A second factor, from setting it up to having lost it, on a phone without scripts.

use tests::{
    authenticator::{Authenticator, wait},
    chromium::{Chromium, Setup},
    client::{PASSWORD, email},
    shop::Shop,
};

use super::shopper::look;

/// Signs out, and types address and password; the code is asked for.
async fn begin_again(browser: &Chromium, shop: &Shop) {
    browser
        .click("//header//button[normalize-space()='Sign out']")
        .await;
    browser.until_at("/").await;
    browser.open(&format!("{}/library", shop.url())).await;
    browser.type_into("email", &email("ada")).await;
    browser.type_into("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.until_at("/login/code").await;
    let _ = browser.console().await; // of the pages before
    look(browser).await;
}

/// Waits until the page says so.
async fn until_read(browser: &Chromium, text: &str) {
    let says = "return document.body.innerText.includes(arguments[0])";
    browser
        .until(text, async || {
            let said = browser.page.execute(says, vec![text.into()]);
            Ok(said.await? == true)
        })
        .await;
}

async fn type_recovery_code(browser: &Chromium, code: &str) {
    browser.click("//summary").await;
    browser
        .find("#recovery-code")
        .await
        .send_keys(code)
        .await
        .expect("a field to type into");
    browser.press("Use the recovery code").await;
}

#[tokio::test]
async fn a_second_factor_is_set_up_used_and_lost_without_scripts() {
    let setup = Setup {
        scripts: false,
        phone_width: Some(390),
    };
    let Some(browser) = Chromium::with(setup).await else {
        return;
    };
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    browser.sign_in(&shop.url(), "ada").await;

    browser.open(&format!("{}/account", shop.url())).await;
    browser.follow("Second factor").await;
    browser.until_at("/account/second-factor").await;
    look(&browser).await;
    browser.press("Set up a second factor").await;
    browser.until_at("/account/second-factor/new").await;
    look(&browser).await;
    let drawn = browser
        .ask("return document.querySelector('svg.qr').getBoundingClientRect().width")
        .await;
    assert_eq!(drawn, 240, "the QR code is seen");
    let secret = browser.find("#secret").await.text().await.unwrap();
    let app = Authenticator::typed(&secret);
    let scanned = Authenticator::scan(&browser.page.source().await.unwrap());
    assert_eq!(app.secret(), scanned.secret());
    ada.note(&app.secret());
    ada.note(&app.hex());

    browser.type_into("code", "000000").await;
    browser.press("Turn the second factor on").await;
    until_read(&browser, "This code is not right").await;
    browser.type_into("code", &app.code(shop.clock.now())).await;
    browser.press("Turn the second factor on").await;
    until_read(&browser, "Your recovery codes").await;
    let codes = browser.find("#recovery-codes").await.text().await.unwrap();
    let codes: Vec<&str> = codes.lines().collect();
    assert_eq!(codes.len(), 10, "{codes:?}");
    codes.iter().for_each(|code| ada.note(code));
    let _ = browser.console().await; // that a code was refused
    look(&browser).await;
    browser.follow("I have kept them").await;
    browser.until_at("/account").await;

    // With the app, back to where the visitor was going.
    wait(&shop);
    begin_again(&browser, &shop).await;
    let code = app.code(shop.clock.now());
    browser
        .type_into("code", &format!("{} {}", &code[..3], &code[3..]))
        .await;
    browser.press("Sign in").await;
    browser.until_at("/library").await;

    // Without it, once.
    begin_again(&browser, &shop).await;
    type_recovery_code(&browser, codes[0]).await;
    browser.until_at("/account/second-factor").await;
    look(&browser).await;
    until_read(&browser, "9 recovery codes left").await;
    browser.follow("Go on to where you were going").await;
    browser.until_at("/library").await;
    begin_again(&browser, &shop).await;
    type_recovery_code(&browser, codes[0]).await;
    until_read(&browser, "was used before").await;
    let _ = browser.console().await;
    type_recovery_code(&browser, &codes[1].to_uppercase()).await;
    browser.until_at("/account/second-factor").await;
    browser.close().await;
    shop.end().await;
}
