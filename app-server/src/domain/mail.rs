//! The letters the shop writes, and what the links in them may do.

use chrono::TimeDelta;

use super::named::named;

named! {
    /// What a letter is about.
    Letter {
        /// To a new account: is this your address? With a link.
        VerifyAddress = "verify_address",
        /// To whoever forgot the password: a link to set a new one.
        ResetPassword = "reset_password",
        /// To the new address: a link that makes it the account's.
        ConfirmNewAddress = "confirm_new_address",
        /// To the old address: the account has a new one.
        AddressChanged = "address_changed",
        /// The password was changed or reset.
        PasswordChanged = "password_changed",
        /// A second factor was added.
        FactorAdded = "factor_added",
        /// The second factor was removed.
        FactorRemoved = "factor_removed",
        /// A recovery code was used, or new ones were made.
        RecoveryCodes = "recovery_codes",
        /// A sign-in from somewhere new, or after many failures; with a link "this was not me".
        UnusualSignIn = "unusual_sign_in",
        /// A copied cookie was used: the session was ended.
        SessionStolen = "session_stolen",
        /// Sign-ins fail again and again: the account can be opened by a reset, or by a known device.
        SignInsFail = "sign_ins_fail",
        /// Deletion was asked for, and until when it can be taken back.
        DeletionAsked = "deletion_asked",
        /// The account was deleted.
        Deleted = "deleted",
        /// The account was disabled.
        Disabled = "disabled",
        /// To an address that was the account's for a while: the one before is back.
        AddressRestored = "address_restored",
    }
}

impl Letter {
    /// What the link in it may do, when it has one.
    pub fn link(self) -> Option<LinkKind> {
        match self {
            Self::VerifyAddress => Some(LinkKind::Verify),
            Self::ConfirmNewAddress => Some(LinkKind::NewAddress),
            Self::ResetPassword => Some(LinkKind::Reset),
            Self::UnusualSignIn | Self::AddressChanged => Some(LinkKind::NotMe),
            Self::PasswordChanged
            | Self::FactorAdded
            | Self::FactorRemoved
            | Self::RecoveryCodes
            | Self::SessionStolen
            | Self::SignInsFail
            | Self::DeletionAsked
            | Self::Deleted
            | Self::Disabled
            | Self::AddressRestored => None,
        }
    }
}

/// What a link in a letter may do, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Prove that the account's address is its owner's.
    Verify,
    /// Make the address that the letter went to the account's.
    NewAddress,
    /// Set a new password.
    Reset,
    /// Say "this was not me".
    NotMe,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Verify, Self::NewAddress, Self::Reset, Self::NotMe];

    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::NewAddress => "new_address",
            Self::Reset => "reset",
            Self::NotMe => "not_me",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Where it leads: this, and the secret.
    pub fn path(self) -> &'static str {
        match self {
            Self::Verify | Self::NewAddress => "/verify/",
            Self::Reset => "/reset/",
            Self::NotMe => "/not-me/",
        }
    }

    /// How long it is good, from the moment it is sent.
    ///
    /// Half an hour to reset (OWASP Forgot Password Cheat Sheet); a day for what arrives at an
    /// address that may be read in the evening (NIST SP 800-63B-4 §4.2.1.2); a week to object.
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::Reset => TimeDelta::minutes(30),
            Self::Verify | Self::NewAddress => TimeDelta::hours(24),
            Self::NotMe => TimeDelta::days(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_name_of_its_own() {
        for letter in Letter::ALL {
            assert_eq!(Letter::parse(letter.as_str()), Some(*letter));
        }
        for kind in LinkKind::ALL {
            assert_eq!(LinkKind::parse(kind.as_str()), Some(*kind));
        }
    }
}
