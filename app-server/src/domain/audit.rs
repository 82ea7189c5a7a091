//! What the audit log tells, in the words of the OWASP Logging Vocabulary Cheat Sheet.

use chrono::TimeDelta;

use super::named::named;

/// How long a row is kept; the table's trigger knows the same figure.
pub const KEPT: TimeDelta = TimeDelta::days(400);

named! {
    /// Something that happened to an account, or was done to it.
    Event {
        /// Signed in.
        LoginSuccess = "authn_login_success",
        /// Signed in after several failures.
        LoginSuccessAfterFail = "authn_login_successafterfail",
        /// A sign-in failed.
        LoginFail = "authn_login_fail",
        /// Sign-ins are held up: too many failures.
        LoginFailMax = "authn_login_fail_max",
        /// Sign-ins are held up until the owner resets the password.
        LoginLock = "authn_login_lock",
        /// The password was proved again.
        Confirmed = "authn_reauthenticated",
        /// The password was to be proved again, and was not.
        ConfirmFail = "authn_reauthenticate_fail",
        /// The password was changed, or reset.
        PasswordChange = "authn_password_change",
        /// A change of password failed.
        PasswordChangeFail = "authn_password_change_fail",
        /// A link to reset the password was asked for.
        PasswordResetAsked = "authn_password_reset_requested",
        /// A sign-in from somewhere, or at some time, its owner is not known for.
        Unusual = "authn_impossible_travel",
        /// The owner said about a sign-in: this was not me.
        Disowned = "authn_login_disowned",
        /// A second factor was added.
        FactorAdded = "authn_factor_added",
        /// The second factor was removed.
        FactorRemoved = "authn_factor_removed",
        /// A code of the second factor was wrong.
        FactorFail = "authn_factor_fail",
        /// A recovery code stood in for the second factor.
        RecoveryCodeUsed = "authn_recovery_code_used",
        /// New recovery codes replaced the old ones.
        RecoveryCodesRenewed = "authn_recovery_codes_renewed",
        /// A session began.
        SessionCreated = "session_created",
        /// A session's secret was replaced.
        SessionRenewed = "session_renewed",
        /// A session was ended: by its user, by another session of theirs, by an operator.
        SessionEnded = "session_ended",
        /// A secret was shown that its session had left behind: ended as stolen.
        SessionStolen = "session_use_after_expire",
        /// Somebody asked for what they may not.
        AccessDenied = "authz_fail",
        /// The role of an account was changed.
        RoleChange = "authz_change",
        /// An admin did something to an account or an order.
        AdminAction = "authz_admin",
        /// An account was opened.
        UserCreated = "user_created",
        /// Name or address of an account was changed.
        UserUpdated = "user_updated",
        /// Another address was asked for; a link proves it first.
        AddressChangeAsked = "user_address_change_requested",
        /// An address was verified.
        AddressVerified = "user_address_verified",
        /// An account was disabled.
        UserDisabled = "user_disabled",
        /// A disabled account was enabled.
        UserEnabled = "user_enabled",
        /// Deletion was asked for; it can be taken back.
        DeletionAsked = "user_deletion_requested",
        /// Deletion was taken back.
        DeletionWithdrawn = "user_deletion_withdrawn",
        /// An account was deleted.
        UserDeleted = "user_deleted",
        /// The data of an account were exported.
        DataExported = "data_exported",
        /// Something was asked for too often.
        RateLimited = "excess_rate_limit_exceeded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_name_of_its_own() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.as_str()), Some(*event));
        }
    }
}
