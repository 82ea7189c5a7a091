//! A person in the shop, from the catalogue to the file.

use tests::{
    chromium::{Chromium, Setup},
    client::{PASSWORD, email},
    world::World,
};

use super::hand::{Hand, Thing};

/// Somebody at a browser, in a shop with the sample catalogue.
pub struct Shopper {
    /// The shop.
    pub world: World,
    /// The browser.
    pub browser: Chromium,
    hand: Hand,
}

/// What the shopper buys: it has one file.
pub const TITLE: &str = "A Pocket Guide to Clouds";

impl Shopper {
    /// `None` when this machine has no browser.
    pub async fn with(hand: Hand, setup: Setup) -> Option<Self> {
        let browser = Chromium::with(setup).await?;
        let world = super::shop().await;
        let shopper = Self {
            world,
            browser,
            hand,
        };
        shopper.browser.open(&shopper.world.url()).await;
        Some(shopper)
    }

    /// With a mouse and an ordinary browser.
    pub async fn start() -> Option<Self> {
        Self::with(Hand::Mouse, Setup::default()).await
    }

    /// Follows the link that begins with these words, to the page with this heading.
    pub async fn follow(&self, text: &str, heading: &str) {
        self.hand.take(&self.browser, Thing::Link(text)).await;
        self.arrive(heading).await;
    }

    /// Presses the button that begins with these words, to the page with this heading.
    pub async fn press(&self, text: &str, heading: &str) {
        self.hand.take(&self.browser, Thing::Button(text)).await;
        self.arrive(heading).await;
    }

    /// Waits for the page with this heading, and looks at it.
    pub async fn arrive(&self, heading: &str) {
        let is_there = "return document.readyState === 'complete' \
                        && document.querySelector('h1')?.innerText === arguments[0];";
        self.browser
            .until(heading, async || {
                let there = self.browser.page.execute(is_there, vec![heading.into()]);
                Ok(there.await? == true)
            })
            .await;
        look(&self.browser).await;
    }

    /// From the front page to the page of what is to be bought, and into the cart.
    pub async fn fill_the_cart(&self) {
        self.arrive("Books, music and more, yours to keep").await;
        self.follow(TITLE, TITLE).await;
        self.press("Add to cart", "Your cart").await;
    }

    /// From the cart, signed out, to the checkout by way of a new account.
    pub async fn register_at_the_checkout(&self, name: &str) {
        self.follow("Check out", "Sign in").await;
        self.follow("Register", "Register").await;
        for (field, value) in [
            ("name", name),
            ("email", &email(name)),
            ("password", PASSWORD),
        ] {
            self.hand.fill(&self.browser, field, value).await;
        }
        self.press("Register", "Checkout").await;
        assert!(
            self.browser.text().await.contains(TITLE),
            "the cart came along"
        );
        let mut secrets = self.world.secrets.lock().expect("no panic while noting");
        secrets.push(PASSWORD.to_owned());
    }

    /// From the checkout to the library, having paid.
    pub async fn pay(&self) {
        self.press("Place order", "Your order").await;
        self.press("Pay now (test)", "Your receipt").await;
        self.follow("Go to your library", "Your library").await;
    }

    /// From the library to the file: downloaded, it has the digest that the page shows.
    pub async fn download(&self) {
        let name = self.browser.find("main h3").await.text().await.unwrap();
        let sum = self.browser.find("main .sum").await.text().await.unwrap();
        let sum = sum.strip_prefix("SHA-256 ").expect("a digest").to_owned();

        self.hand
            .take(&self.browser, Thing::Link(&format!("Download {name}")))
            .await;

        let finished = async || Ok(self.browser.downloads.finished(&name).is_some());
        self.browser.until(&name, finished).await;
        assert_eq!(self.browser.downloads.finished(&name), Some(sum));
        look(&self.browser).await;
    }

    /// Ends it, with the search for secrets.
    pub async fn end(self) {
        self.browser.close().await;
        self.world.end().await;
    }
}

/// What must be so on every page: it fits the screen, and the browser has no complaint.
pub async fn look(browser: &Chromium) {
    let url = browser.page.current_url().await.expect("an address");
    let path = url.path();
    let overflow = browser.ask(OVERFLOW).await;
    assert!(
        overflow.is_null(),
        "{path} is wider than the screen: {overflow}"
    );
    let mut complaints = browser.console().await;
    // Not complaints about what is on the page, but the page's own status.
    let own = |line: &String| {
        let of_this_page = line.starts_with(&format!("{url} - "));
        of_this_page && (line.contains("status of 401") || line.contains("status of 404"))
    };
    complaints.retain(|line| !own(line));
    assert!(complaints.is_empty(), "{path}: {complaints:?}");
}

/// What makes the page wider than its screen: the first element that sticks out.
const OVERFLOW: &str = "
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return null;
    const wide = [...document.querySelectorAll('body *')]
        .find(it => it.getBoundingClientRect().right > root.clientWidth + 1);
    return `${root.scrollWidth} of ${root.clientWidth}: ${wide?.outerHTML.slice(0, 200)}`;";
