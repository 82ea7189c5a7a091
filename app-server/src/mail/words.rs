//! What each letter says: what happened, when, from where, and what to do if it was not you.

use chrono::{DateTime, Utc};
use shared::base_url::BaseUrl;

use crate::domain::{deletion::due_at, mail::Letter};

/// What a letter is written from.
pub struct Facts<'a> {
    /// What it is about.
    pub letter: Letter,
    /// What the shop calls the reader; none where a stranger may be reading.
    pub name: Option<&'a str>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Where it was done from.
    pub place: Option<Place>,
    /// The whole address of its link.
    pub link: Option<String>,
    /// The shop.
    pub app_url: &'a BaseUrl,
}

/// Where something was done from.
pub struct Place {
    /// "Firefox on Linux".
    pub device: String,
    /// The address.
    pub ip: String,
    /// The country, where it is known.
    pub country: Option<String>,
}

/// What a letter says.
pub struct Words {
    /// The subject.
    pub subject: &'static str,
    /// Whom it greets.
    pub name: Option<String>,
    /// Paragraphs before the link.
    pub before: Vec<String>,
    /// The link.
    pub action: Option<Action>,
    /// Paragraphs after the link.
    pub after: Vec<String>,
}

/// A link and what following it is for.
pub struct Action {
    /// In words.
    pub label: &'static str,
    /// Where to.
    pub url: String,
}

/// A moment in words.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

impl Words {
    /// The words of a letter.
    pub fn of(facts: Facts<'_>) -> Self {
        let story = story(&facts);
        let mut before = vec![story.happened];
        if story.tells_where {
            before.push(when_and_where(&facts));
        }
        before.extend(story.more);
        let action = match (facts.link, story.label) {
            (Some(url), Some(label)) => Some(Action { label, url }),
            _ => None,
        };
        Self {
            subject: story.subject,
            name: facts.name.map(str::to_owned),
            before,
            action,
            after: story.after,
        }
    }
}

fn when_and_where(facts: &Facts<'_>) -> String {
    let when = moment(facts.at);
    match &facts.place {
        None => format!("When: {when}."),
        Some(Place {
            device,
            ip,
            country,
        }) => {
            let country = country
                .as_ref()
                .map_or_else(String::new, |country| format!(" ({country})"));
            format!("When: {when}. From: {device}, {ip}{country}.")
        }
    }
}

struct Story {
    subject: &'static str,
    happened: String,
    tells_where: bool,
    more: Option<String>,
    label: Option<&'static str>,
    after: Vec<String>,
}

impl Story {
    /// Something that was done, by the reader as we hope.
    fn event(subject: &'static str, happened: impl Into<String>) -> Self {
        Self {
            subject,
            happened: happened.into(),
            tells_where: true,
            more: None,
            label: None,
            after: Vec::new(),
        }
    }

    /// Something the reader asked for, with a link that does it.
    fn errand(subject: &'static str, happened: impl Into<String>, label: &'static str) -> Self {
        Self {
            tells_where: false,
            label: Some(label),
            ..Self::event(subject, happened)
        }
    }

    fn more(mut self, more: impl Into<String>) -> Self {
        self.more = Some(more.into());
        self
    }

    fn link(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    fn after(mut self, after: impl Into<String>) -> Self {
        self.after.push(after.into());
        self
    }
}

fn story(facts: &Facts<'_>) -> Story {
    let forgot = facts.app_url.join("/forgot");
    let account = facts.app_url.join("/account");
    let shop = facts.app_url.authority();
    let not_you = format!(
        "Was this you? Then all is well. If not, set a new password now at {forgot}: it signs everybody else out."
    );
    match facts.letter {
        Letter::VerifyAddress => Story::errand(
            "Please confirm your e-mail address",
            format!("Welcome to Claimcheck at {shop}. Please confirm that this address is yours, so that we can help you back in should you ever forget your password."),
            "Confirm this address",
        )
        .after("The link works once, for 24 hours.")
        .after("If you have not opened an account with us, somebody mistyped their address. Please ignore this letter: nothing more will come of it."),
        Letter::ResetPassword => Story::errand(
            "Set a new password",
            format!("Here is the link to set a new password for your account at {shop}."),
            "Set a new password",
        )
        .after("The link works once, for 30 minutes. With the new password, everybody who is signed in to the account is signed out.")
        .after("If you did not ask for this, you may ignore it: your password stays as it is. Never pass this link on, not even to us."),
        Letter::ConfirmNewAddress => Story::errand(
            "Please confirm your new e-mail address",
            format!("This address shall belong to an account at {shop} from now on. Please confirm that it is yours."),
            "Use this address",
        )
        .after("The link works once, for 24 hours.")
        .after("If this is not your account, please ignore this letter, and do not follow the link."),
        Letter::AddressChanged => Story::event(
            "Your account has a new e-mail address",
            format!("Your account at {shop} now has another e-mail address. This one no longer belongs to it."),
        )
        .more("Was this you? Then all is well, and this is our last letter to this address. If it was not you, take it back: this address is put in its place again, everybody is signed out, and we send you a link to set a new password.")
        .link("This was not me")
        .after("The link works once, for 7 days."),
        Letter::AddressRestored => Story::event(
            "This address no longer belongs to an account",
            format!("The owner of an account at {shop} took back a change: this address no longer belongs to it."),
        )
        .more("Nobody needs to do anything. If the account is yours, please sign in with the address it had before."),
        Letter::PasswordChanged => Story::event(
            "Your password was changed",
            format!("The password of your account at {shop} was changed. Everybody else who was signed in to it was signed out."),
        )
        .more(not_you),
        Letter::FactorAdded => Story::event(
            "Signing in now takes a second factor",
            format!("A second factor was added to your account at {shop}: from now on signing in takes a code as well."),
        )
        .more(not_you)
        .after("Please keep your recovery codes where you find them when your phone is gone."),
        Letter::FactorRemoved => Story::event(
            "Your second factor was removed",
            format!("The second factor of your account at {shop} was removed: signing in takes only the password now."),
        )
        .more(not_you),
        Letter::RecoveryCodes => Story::event(
            "Your recovery codes",
            format!("A recovery code of your account at {shop} was used, or new codes took the place of the old ones."),
        )
        .more(not_you)
        .after(format!("How many codes are left, and new ones, at {account}.")),
        Letter::UnusualSignIn => Story::event(
            "An unusual sign-in to your account",
            format!("Somebody signed in to your account at {shop} in a way we do not know of you: from somewhere new, from several places at once, or after many wrong passwords."),
        )
        .more("Was this you? Then all is well. If it was not you, tell us: everybody is signed out, and we send you a link to set a new password.")
        .link("This was not me")
        .after("The link works once, for 7 days."),
        Letter::SessionStolen => Story::event(
            "We signed a device out for your safety",
            format!("Somebody used a copy of a cookie that signs you in at {shop}. We ended that session, on your device too. Please sign in again."),
        )
        .more(format!("Cookies are copied by harmful programs, or by someone at your computer. Please look it over, and set a new password at {forgot} if you are not sure.")),
        Letter::SignInsFail => Story::event(
            "Somebody keeps trying to sign in as you",
            format!("Sign-ins to your account at {shop} have failed many times in a row, so it takes no more from unknown devices. The devices you used before still get in, and nobody else has."),
        )
        .more(format!("Locked out yourself? A new password opens the account again: {forgot}.")),
        Letter::DeletionAsked => Story::event(
            "Your account will be deleted",
            format!("You asked us to delete your account at {shop}. That happens on {}.", moment(due_at(facts.at))),
        )
        .more(format!("Changed your mind, or was it not you? Until then, sign in and keep the account: {account}."))
        .after("Downloads end with the account, so please fetch first what you want to keep."),
        Letter::Deleted => Story::event(
            "Your account is deleted",
            format!("Your account at {shop} is deleted, as you asked. What the law makes a shop keep about orders stays for as long as it must; nothing else does."),
        )
        .more("Thank you for having been with us."),
        Letter::Disabled => Story::event(
            "Your account is closed for now",
            format!("The operator of the shop at {shop} has disabled your account: nobody can sign in to it."),
        )
        .more("If you think that is a mistake, please write to the operator of the shop."),
    }
}
