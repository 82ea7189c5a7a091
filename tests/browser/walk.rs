//! The whole way a person goes: catalogue, product, cart, account, order, library, file.

use tests::chromium::Setup;

use super::{hand::Hand, shopper::Shopper};

async fn walk(hand: Hand, setup: Setup) {
    let Some(shopper) = Shopper::with(hand, setup).await else {
        return;
    };
    shopper.fill_the_cart().await;
    shopper.register_at_the_checkout("ada").await;
    shopper.pay().await;
    shopper.download().await;
    shopper.end().await;
}

#[tokio::test]
async fn a_buyer_gets_the_file_by_clicking() {
    walk(Hand::Mouse, Setup::default()).await;
}

#[tokio::test]
async fn a_buyer_gets_the_file_by_keyboard() {
    walk(Hand::Keyboard, Setup::default()).await;
}

#[tokio::test]
async fn a_buyer_gets_the_file_on_a_phone() {
    let setup = Setup {
        phone_width: Some(390),
        ..Setup::default()
    };
    walk(Hand::Mouse, setup).await;
}

#[tokio::test]
async fn a_buyer_gets_the_file_without_scripts() {
    let setup = Setup {
        scripts: false,
        ..Setup::default()
    };
    walk(Hand::Mouse, setup).await;
}
