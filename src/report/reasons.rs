//! Why a mail failed, in words.

use serde::Deserialize;

use crate::event::Reason;

/// `[reasons]`: a text for each reason, under its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReasonWords {
    auth_failure: String,
    bad_reputation: String,
    blocked: String,
    content_error: String,
    email_too_large: String,
    exceed_limit: String,
    expired: String,
    failed_starttls: String,
    feedback: String,
    filtered: String,
    has_moved: String,
    host_unknown: String,
    mailbox_full: String,
    mailer_error: String,
    network_error: String,
    no_relaying: String,
    not_accept: String,
    not_compliant_rfc: String,
    on_hold: String,
    policy_violation: String,
    rate_limited: String,
    rejected: String,
    require_ptr: String,
    security_error: String,
    spam_detected: String,
    suppressed: String,
    suspend: String,
    syntax_error: String,
    system_error: String,
    system_full: String,
    undefined: String,
    user_unknown: String,
    vacation: String,
    virus_detected: String,
    greylisted: String,
    receiver_fault: String,
}

impl ReasonWords {
    pub(super) fn of(&self, reason: Reason) -> &str {
        match reason {
            Reason::AuthFailure => &self.auth_failure,
            Reason::BadReputation => &self.bad_reputation,
            Reason::Blocked => &self.blocked,
            Reason::ContentError => &self.content_error,
            Reason::EmailTooLarge => &self.email_too_large,
            Reason::ExceedLimit => &self.exceed_limit,
            Reason::Expired => &self.expired,
            Reason::FailedStarttls => &self.failed_starttls,
            Reason::Feedback => &self.feedback,
            Reason::Filtered => &self.filtered,
            Reason::HasMoved => &self.has_moved,
            Reason::HostUnknown => &self.host_unknown,
            Reason::MailboxFull => &self.mailbox_full,
            Reason::MailerError => &self.mailer_error,
            Reason::NetworkError => &self.network_error,
            Reason::NoRelaying => &self.no_relaying,
            Reason::NotAccept => &self.not_accept,
            Reason::NotCompliantRfc => &self.not_compliant_rfc,
            Reason::OnHold => &self.on_hold,
            Reason::PolicyViolation => &self.policy_violation,
            Reason::RateLimited => &self.rate_limited,
            Reason::Rejected => &self.rejected,
            Reason::RequirePtr => &self.require_ptr,
            Reason::SecurityError => &self.security_error,
            Reason::SpamDetected => &self.spam_detected,
            Reason::Suppressed => &self.suppressed,
            Reason::Suspend => &self.suspend,
            Reason::SyntaxError => &self.syntax_error,
            Reason::SystemError => &self.system_error,
            Reason::SystemFull => &self.system_full,
            Reason::Undefined => &self.undefined,
            Reason::UserUnknown => &self.user_unknown,
            Reason::Vacation => &self.vacation,
            Reason::VirusDetected => &self.virus_detected,
            Reason::Greylisted => &self.greylisted,
            Reason::ReceiverFault => &self.receiver_fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use crate::event::Reason;
    use crate::report::lang::Lang;
    use crate::report::words::Words;

    #[test]
    fn a_reason_is_its_own_word_in_english_and_has_one_in_japanese() {
        let of = |lang| Words::of(lang).unwrap().reasons;
        let (english, japanese) = (of(Lang::En), of(Lang::Ja));
        for reason in Reason::iter() {
            assert_eq!(english.of(reason), reason.to_string());
            assert!(!japanese.of(reason).is_ascii(), "{reason}");
        }
    }
}
