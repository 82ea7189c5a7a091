//! The letters the shop writes.

macro_rules! letters {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a letter is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Letter {
            $($(#[$doc])* $name,)*
        }

        impl Letter {
            /// Every kind of letter.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in the outbox and in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The letter of this name.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

letters! {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_name_of_its_own() {
        for letter in Letter::ALL {
            assert_eq!(Letter::parse(letter.as_str()), Some(*letter));
        }
    }
}
