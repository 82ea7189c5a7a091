//! The outbox: letters leave soon after what they tell about, once, and say nothing they should not.

use app_server::domain::mail;
use tests::{client::email, shop::Shop};

#[tokio::test]
async fn a_new_account_is_asked_to_confirm_its_address() {
    let shop = Shop::start().await;
    shop.user("ada").await;

    let letters = shop.letters().await;

    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(letter.kind, mail::Letter::VerifyAddress);
    assert_eq!(letter.recipient, email("ada"));
    let link = format!("{}{}", shop.url(), letter.link());
    assert!(letter.text.contains(&link), "{}", letter.text);
    assert!(
        letter.html.contains(&format!("<a href=\"{link}\">")),
        "{}",
        letter.html
    );
    // Who has not proved an address may not write to it in our name, not even a name.
    assert!(letter.text.starts_with("Hello,\n"), "{}", letter.text);
    println!("{}\n{}", letter.text, letter.html);
    assert_eq!(shop.letters().await.len(), 1, "and once");
    shop.end().await;
}
