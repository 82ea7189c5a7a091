//! What happened to an account, in words its owner understands.

use super::audit::Event;

impl Event {
    /// One sentence without subject: it stands in a list beside time and place.
    ///
    /// No `_` arm: a new event must find its words here.
    pub fn words(self) -> &'static str {
        match self {
            Self::LoginSuccess => "Signed in",
            Self::LoginSuccessAfterFail => "Signed in, after several failed attempts",
            Self::LoginFail => "A sign-in failed",
            Self::LoginFailMax => "Sign-ins were held up: too many failed",
            Self::LoginLock => "Sign-ins were stopped until the password is reset",
            Self::Confirmed => "Confirmed the password",
            Self::ConfirmFail => "A wrong password was given to confirm something",
            Self::PasswordChange => "The password was changed",
            Self::PasswordChangeFail => "A change of password failed: the current one was wrong",
            Self::PasswordResetAsked => "A link to reset the password was asked for",
            Self::Unusual => "A sign-in from somewhere unusual",
            Self::Disowned => "Somebody said about a sign-in: this was not me",
            Self::FactorAdded => "A second factor was added",
            Self::FactorRemoved => "The second factor was removed",
            Self::FactorFail => "A code of the second factor was wrong",
            Self::RecoveryCodeUsed => "A recovery code was used",
            Self::RecoveryCodesRenewed => "New recovery codes were made",
            Self::SessionCreated => "A session began",
            Self::SessionRenewed => "A session got a new key",
            Self::SessionEnded => "A session ended",
            Self::SessionStolen => "A copied cookie was used, and its session ended",
            Self::AccessDenied => "Something was asked for that this account may not have",
            Self::RoleChange => "The account's role was changed",
            Self::AdminAction => "The shop's staff did something to the account",
            Self::UserCreated => "The account was opened",
            Self::UserUpdated => "Name or e-mail address was changed",
            Self::AddressChangeAsked => "Another e-mail address was asked for",
            Self::AddressVerified => "The e-mail address was verified",
            Self::UserDisabled => "The account was disabled",
            Self::UserEnabled => "The account was enabled again",
            Self::DeletionAsked => "Deletion of the account was asked for",
            Self::DeletionWithdrawn => "Deletion of the account was taken back",
            Self::UserDeleted => "The account was deleted",
            Self::DataExported => "The account's data were exported",
            Self::RateLimited => "Something was asked for too often",
        }
    }
}
