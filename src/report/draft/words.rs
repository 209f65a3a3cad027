//! The texts of `[draft]`.

use serde::Deserialize;

use crate::report::words::Counted;

/// `[draft]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct DraftWords {
    pub(super) subject: String,
    pub(super) blank: String,
    pub(super) mark: String,
    pub(super) japan_time: String,
    pub(super) signature: String,
    pub(super) advice: Advice,
    pub(super) why: Why,
    pub(super) fact: FactWords,
    pub(super) request: Requests,
    pub(super) hosting: Hosting,
    pub(super) list: List,
    pub(super) field: Fields,
    pub(super) receiver: Receiver,
    pub(super) fault: Faults,
    pub(super) customers: Customers,
}

/// `[draft.advice]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advice {
    pub(super) title: String,
    pub(super) to: String,
    pub(super) to_customers: String,
    pub(super) refusal: String,
    pub(super) may_ask: String,
    pub(super) wants: String,
    pub(super) how_long: String,
    pub(super) never: String,
    pub(super) checked: String,
    pub(super) undated: String,
    pub(super) cleared: String,
    pub(super) cleared_presumed: String,
    pub(super) not_alone: String,
    pub(super) ask_host_first: String,
    pub(super) other_way: String,
    pub(super) rate: String,
    pub(super) ptr: String,
    pub(super) note: String,
    pub(super) notice: String,
    pub(super) unnamed: Counted,
    pub(super) postmaster: String,
    pub(super) company: String,
    pub(super) company_at: String,
    pub(super) owner_unknown: String,
    pub(super) sender: String,
    pub(super) ip_owner: String,
    pub(super) receiver: String,
    pub(super) nobody: String,
    pub(super) unknown: String,
}

/// `[draft.why]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    pub(super) line: String,
    pub(super) hosting: String,
    pub(super) list: String,
    pub(super) receiver: String,
    pub(super) customers: String,
    pub(super) asked: String,
    pub(super) fault: String,
    pub(super) ask_via: String,
    pub(super) hosted: String,
    pub(super) shared: String,
    pub(super) not_ours: String,
    pub(super) receiver_alone: String,
    pub(super) own: String,
    pub(super) sender: String,
    pub(super) no_ptr: String,
    pub(super) rate: String,
    pub(super) unknown: String,
}

/// `[draft.fact]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactWords {
    pub(super) ip: String,
    pub(super) ip_value: String,
    pub(super) ptr: String,
    pub(super) ptr_unconfirmed: String,
    pub(super) ptr_none: String,
    pub(super) shared: String,
    pub(super) helo: String,
    pub(super) sent: String,
    pub(super) bounced: String,
    pub(super) period: String,
    pub(super) moment: String,
    pub(super) goes_on: String,
    pub(super) over: String,
    pub(super) count: String,
    pub(super) count_value: String,
    pub(super) mails: Counted,
    pub(super) recipients: Counted,
    pub(super) waiting: Counted,
    pub(super) receivers: String,
    pub(super) receiver: String,
    pub(super) domain: Counted,
    pub(super) more_domains: Counted,
    pub(super) host: String,
    pub(super) code: String,
    pub(super) reply: String,
    pub(super) late: String,
    pub(super) late_value: String,
    pub(super) checks: String,
    pub(super) asked: String,
    pub(super) not_asked: String,
    pub(super) private: String,
    pub(super) listed: String,
    pub(super) not_listed: String,
    pub(super) refused: String,
    pub(super) timeout: String,
    pub(super) error: String,
    pub(super) dead: String,
    pub(super) answer_at: String,
    pub(super) course: String,
    pub(super) course_value: String,
    pub(super) listings: Counted,
    pub(super) removals: Counted,
    pub(super) since: String,
    pub(super) took: String,
    pub(super) took_value: String,
    pub(super) hours: Counted,
    pub(super) days: Counted,
    pub(super) others: String,
    pub(super) other: String,
    pub(super) other_fault: String,
    pub(super) no_others: String,
    pub(super) own: String,
    pub(super) own_blank: String,
    pub(super) attached: String,
    pub(super) attached_value: Counted,
}

/// `[draft.request]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    pub(super) title: String,
    pub(super) investigate: String,
    pub(super) delist: String,
    pub(super) delist_at: String,
    pub(super) expires: String,
    pub(super) ask_receiver: String,
    pub(super) ptr: String,
    pub(super) rate: String,
    pub(super) prevent: String,
    pub(super) tell: String,
    pub(super) reason: String,
    pub(super) allow: String,
    pub(super) limits: String,
}

/// `[draft.hosting]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hosting {
    pub(super) subject: String,
    pub(super) subject_over: String,
    pub(super) subject_ptr: String,
    pub(super) greeting: String,
    pub(super) greeting_unnamed: String,
    pub(super) who: String,
    pub(super) intro: String,
    pub(super) intro_over: String,
    pub(super) intro_ptr: String,
    pub(super) owner_asks: String,
    pub(super) not_filed: String,
    pub(super) closing: String,
}

/// `[draft.list]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub(super) subject: String,
    pub(super) greeting: String,
    pub(super) who: String,
    pub(super) message: String,
    pub(super) intro: String,
    pub(super) host_said: String,
    pub(super) host_answer: String,
    pub(super) found: String,
    pub(super) done: String,
    pub(super) whole_bounce: String,
    pub(super) closing: String,
}

/// `[draft.field]`: labels of a form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) label: String,
    pub(super) company: String,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) phone_with_country: String,
    pub(super) mail: String,
    pub(super) service: String,
    pub(super) service_blank: String,
    pub(super) customer_number: String,
    pub(super) ip: String,
    pub(super) sending_domain: String,
    pub(super) receiving_domain: String,
    pub(super) shared: String,
    pub(super) is_shared: String,
    pub(super) is_own: String,
    pub(super) reply: String,
}

/// `[draft.receiver]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Receiver {
    pub(super) subject: String,
    pub(super) greeting: String,
    pub(super) who: String,
    pub(super) intro: String,
    pub(super) intro_over: String,
    pub(super) closing: String,
}

/// `[draft.fault]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Faults {
    pub(super) subject: String,
    pub(super) subject_dead: String,
    pub(super) greeting: String,
    pub(super) who: String,
    pub(super) intro: String,
    pub(super) resolver: String,
    pub(super) resolver_at: String,
    pub(super) queries: String,
    pub(super) dead: String,
    pub(super) untold: String,
    pub(super) not_listed: String,
    pub(super) mend_resolver: String,
    pub(super) mend_queries: String,
    pub(super) mend_dead: String,
    pub(super) mend_untold: String,
    pub(super) count: String,
    pub(super) closing: String,
}

/// `[draft.customers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customers {
    pub(super) subject: String,
    pub(super) subject_over: String,
    pub(super) greeting: String,
    pub(super) who: String,
    pub(super) intro: String,
    pub(super) intro_fault: String,
    pub(super) domains: String,
    pub(super) over: String,
    pub(super) over_presumed: String,
    pub(super) open: String,
    pub(super) unknown: String,
    pub(super) resend: String,
    pub(super) resend_presumed: String,
    pub(super) late: String,
    pub(super) hold: String,
    pub(super) doing: String,
    pub(super) doing_blank: String,
    pub(super) contact: String,
    pub(super) contact_blank: String,
    pub(super) closing: String,
}
