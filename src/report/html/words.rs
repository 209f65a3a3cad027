//! The texts of the page: `[html]` of `text/LANG.toml`.

use serde::Deserialize;

use crate::report::checks::AnswerWords;
use crate::report::words::{ByState, Counted};

/// `[html]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct HtmlWords {
    pub(super) page: PageWords,
    pub(super) state: ByState<String>,
    pub(super) card: CardWords,
    pub(super) timeline: TimelineWords,
    pub(super) hit: HitWords,
    pub(super) lists: ListsWords,
    pub(super) answer: AnswerWords,
    pub(super) evidence: EvidenceWords,
    pub(super) limits: LimitsWords,
}

/// `[html.page]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageWords {
    pub(super) title: String,
    pub(super) made: String,
    pub(super) window: String,
    pub(super) looked_at: String,
    pub(super) contents: String,
    pub(super) by_state: String,
    pub(super) more_ips: Counted,
    pub(super) footer: String,
}

/// `[html.card]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardWords {
    pub(super) title: String,
    pub(super) unnamed: String,
    pub(super) ptr: String,
    pub(super) owner: String,
    pub(super) entry: String,
    pub(super) list: String,
    pub(super) mails: String,
    pub(super) recipients: String,
    pub(super) late: String,
    pub(super) to_do: String,
    pub(super) nothing_to_do: String,
    pub(super) list_page: String,
    pub(super) happens: String,
    pub(super) waiting: String,
    pub(super) receivers: String,
    pub(super) reply: String,
}

/// `[html.timeline]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimelineWords {
    pub(super) title: String,
    pub(super) how_to_read: String,
    pub(super) drawing: String,
    pub(super) lane: String,
    pub(super) mails: Counted,
    pub(super) earlier: Counted,
    pub(super) listed: String,
    pub(super) refused: String,
    pub(super) legend: LegendWords,
    pub(super) dot: Counted,
    pub(super) more_rows: Counted,
    pub(super) not_drawn: Counted,
}

/// `[html.timeline.legend]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegendWords {
    pub(super) listed: String,
    pub(super) refused: String,
    pub(super) slope: String,
    pub(super) clean: String,
    pub(super) unread: String,
    pub(super) sent: String,
    pub(super) late: String,
    pub(super) note: String,
    pub(super) now: String,
}

/// `[html.hit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HitWords {
    pub(super) title: String,
    pub(super) by_domain: String,
    pub(super) by_sender: String,
    pub(super) no_provider: String,
    pub(super) domain: String,
    pub(super) state: String,
    pub(super) mails: String,
    pub(super) recipients: String,
    pub(super) late: String,
    pub(super) first_sent: String,
    pub(super) last_sent: String,
    pub(super) senders: String,
    pub(super) sender: String,
    pub(super) receivers: String,
    pub(super) no_sender: String,
}

/// `[html.lists]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListsWords {
    pub(super) title: String,
    pub(super) asked: String,
    pub(super) zone: String,
    pub(super) list: String,
    pub(super) result: String,
    pub(super) meaning: String,
    pub(super) when: String,
    pub(super) between: String,
    pub(super) nothing_asked: String,
    pub(super) private: String,
    pub(super) private_why: String,
}

/// `[html.evidence]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceWords {
    pub(super) title: String,
    pub(super) intro: String,
    pub(super) none: String,
    pub(super) bounce: String,
    pub(super) bounce_undated: String,
    pub(super) reply: String,
    pub(super) no_reply: String,
    pub(super) recipient: String,
    pub(super) sent: String,
    pub(super) bounced: String,
    pub(super) original_id: String,
    pub(super) message_id: String,
    pub(super) place: String,
    pub(super) imap: String,
}

/// `[html.limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsWords {
    pub(super) title: String,
    pub(super) silence: String,
    pub(super) between_checks: String,
    pub(super) not_counted: String,
}
