//! Which bounces came late, why, and of which mail.
//!
//! Postfix takes any refusal of its greeting for temporary and gives up after 5 days (smtp_proto.c, `maximal_queue_lifetime`);
//! qmail does so for a greeting that is not 220 and a HELO that is not 250, and gives up after 7 (qmail-remote.c,
//! `queuelifetime`). A 5xx after MAIL, RCPT or DATA comes back within seconds from both.

use std::fmt;

use chrono::TimeDelta;

use crate::event::{Action, Format, SmtpCommand};
use crate::ledger::Bounce;

/// A bounce is late when it comes more than a day after sending.
const LATE: TimeDelta = TimeDelta::hours(24);

/// What kept a late bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LateCause {
    /// The host was refused before it could name a sender; its queue kept the mail to the end of its life.
    QueueExpiredAtConnect,
    /// The refusal said "come again", until the queue gave up.
    QueueExpiredAfter4xx,
    /// The refusal was final and seen at once; the report of it waited somewhere.
    ReportDelayed,
    /// The bounce does not tell.
    Unknown,
}

impl LateCause {
    /// The cause, as far as format, command and code tell it.
    pub(super) fn of(bounce: &Bounce) -> Self {
        let code = bounce.smtp_code.map(|code| code.class());
        let status = bounce.status.map(|status| u16::from(status.class()));
        match bounce.smtp_command {
            Some(
                SmtpCommand::Conn
                | SmtpCommand::Helo
                | SmtpCommand::Ehlo
                | SmtpCommand::Lhlo
                | SmtpCommand::Starttls
                | SmtpCommand::Auth,
            ) => Self::QueueExpiredAtConnect,
            Some(
                SmtpCommand::Mail
                | SmtpCommand::Rcpt
                | SmtpCommand::Data
                | SmtpCommand::Bdat
                | SmtpCommand::Rset
                | SmtpCommand::Quit,
            ) => match code.or(status) {
                Some(4) => Self::QueueExpiredAfter4xx,
                Some(5) => Self::ReportDelayed,
                Some(_) | None => Self::Unknown,
            },
            // Postfix turns the leading 5 of the status into 4 exactly where it takes a refusal for temporary.
            None if bounce.format == Format::Postfix && code == Some(5) && status == Some(4) => {
                Self::QueueExpiredAtConnect
            }
            None if code.or(status) == Some(4) => Self::QueueExpiredAfter4xx,
            None => Self::Unknown,
        }
    }

    /// Whether mail that is sent now and refused would come back as late.
    pub(super) fn is_queue_life(self) -> bool {
        match self {
            Self::QueueExpiredAtConnect | Self::QueueExpiredAfter4xx => true,
            Self::ReportDelayed | Self::Unknown => false,
        }
    }
}

impl fmt::Display for LateCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueExpiredAtConnect => "queue-expired-at-connect",
            Self::QueueExpiredAfter4xx => "queue-expired-after-4xx",
            Self::ReportDelayed => "report-delayed",
            Self::Unknown => "unknown",
        })
    }
}

/// So many delays tell how long a queue keeps mail; fewer may be accidents.
const ENOUGH: usize = 5;

/// How long the queues of these bounces keep mail that is refused so that it expires; `None` where none expired. It is
/// learnt from their delays where there are enough: what nine of ten do not exceed, since a bounce may be long under way
/// for other reasons. Else it is what the program that wrote them does unless told otherwise (see above), else the
/// longest delay.
pub(super) fn queue_life(bounces: &[&Bounce]) -> Option<TimeDelta> {
    let expired = bounces
        .iter()
        .filter(|bounce| is_late(bounce) && LateCause::of(bounce).is_queue_life());
    let mut delays: Vec<TimeDelta> = expired
        .clone()
        .filter_map(|bounce| bounce.times.delay())
        .collect();
    delays.sort_unstable();
    let longest = *delays.last()?;
    if delays.len() >= ENOUGH {
        return delays.get((delays.len() - 1) * 9 / 10).copied();
    }
    let usual = |bounce: &&&Bounce| match bounce.format {
        Format::Postfix => Some(TimeDelta::days(5)),
        Format::Qmail => Some(TimeDelta::days(7)),
        _ => None,
    };
    expired
        .filter_map(|bounce| usual(&bounce))
        .max()
        .or(Some(longest))
}

/// Whether this is a failure that came late. A delay notice is none: its mail may still arrive.
pub(super) fn is_late(bounce: &Bounce) -> bool {
    bounce.action == Action::Failed && bounce.times.delay().is_some_and(|delay| delay > LATE)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::event::{Event, Format, SmtpCommand};
    use crate::ledger::Bounce;
    use crate::report::late::{LateCause, is_late, queue_life};
    use crate::report::samples;

    fn cause(event: &Event) -> LateCause {
        LateCause::of(&samples::bounce(event))
    }

    #[test]
    fn a_refused_greeting_expires_in_the_queue() {
        for file in ["postfix-gmo-rbl-late.eml", "qmail-greeting-late.eml"] {
            let event = samples::bounce(&samples::story(file));
            assert!(is_late(&event), "{file}");
            assert_eq!(LateCause::of(&event), LateCause::QueueExpiredAtConnect, "{file}");
        }
    }

    #[test]
    fn postfix_shows_a_refused_greeting_by_its_status_alone() {
        let mut event = samples::story("postfix-gmo-rbl-late.eml"); // 554 in the reply, Status: 4.7.1
        event.smtp_command = None;
        assert_eq!(cause(&event), LateCause::QueueExpiredAtConnect);
        event.format = Format::Rfc3464;
        assert_eq!(cause(&event), LateCause::Unknown);
    }

    #[test]
    fn a_4xx_expires_and_a_5xx_waits_on_its_way_back() {
        let mut event = samples::story("postfix-s3150.eml");
        assert_eq!(cause(&event), LateCause::ReportDelayed);
        event.smtp_code = Some(450.try_into().unwrap());
        event.smtp_command = Some(SmtpCommand::Rcpt);
        assert_eq!(cause(&event), LateCause::QueueExpiredAfter4xx);
    }

    #[test]
    fn a_queues_life_is_learnt_from_enough_delays_and_known_of_the_usual_programs() {
        let story = samples::story("postfix-gmo-rbl-late.eml");
        let delayed = |hours: i64| {
            let mut event = story.clone();
            event.times.bounced_at = event.times.sent_at.map(|sent| sent + TimeDelta::hours(hours));
            samples::bounce(&event)
        };
        let life = |hours: &[i64]| {
            let bounces: Vec<Bounce> = hours.iter().map(|hours| delayed(*hours)).collect();
            queue_life(&bounces.iter().collect::<Vec<_>>()).map(|life| life.num_hours())
        };
        assert_eq!(life(&[]), None);
        assert_eq!(life(&[2]), None, "not late");
        assert_eq!(life(&[48, 49]), Some(120), "Postfix's five days");
        assert_eq!(life(&[48, 49, 48, 49, 480]), Some(49), "one was lost for weeks");
        let mut other = delayed(48);
        other.format = Format::Sendmail;
        assert_eq!(queue_life(&[&other]), Some(TimeDelta::hours(48)));
        let qmail = samples::bounce(&samples::story("qmail-greeting-late.eml"));
        assert_eq!(queue_life(&[&qmail]), Some(TimeDelta::days(7)));
    }

    #[test]
    fn exactly_a_day_is_not_late() {
        let event = samples::story("postfix-s3150.eml");
        let sent = "2022-11-14T11:00:00+09:00";
        let at_a_day = samples::again(&event, "a@portal.example.jp", sent, "2022-11-15T11:00:00+09:00");
        let a_second_more = samples::again(&event, "a@portal.example.jp", sent, "2022-11-15T11:00:01+09:00");
        let is_late = |event: &Event| super::is_late(&samples::bounce(event));
        assert!(!is_late(&at_a_day) && is_late(&a_second_more));
    }
}
