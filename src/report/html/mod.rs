//! The report as one page for a browser or a printer: everything in one file, no script, no request.
//!
//! What strangers wrote goes through [`visible`](crate::report::visible) and maud's escaping, and is never a link: only
//! the catalogue's own pages are. The texts of each entry are those of the terminal (`told`).

mod cards;
mod evidence;
mod hit;
mod limits;
mod lists;
mod page;
mod timeline;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use maud::{Markup, html};

use crate::event::{Action, Timestamp};
use crate::ledger::{Bounce, Recorded, State};
use crate::report::Report;
use crate::report::rows::{rank, rows};

pub(in crate::report) use words::HtmlWords;

/// Bounces that are shown whole for each address.
const SAMPLES: usize = 3;

/// The bounces that the page shows whole, by their numbers in the ledger: for each blocked address, and for those that
/// are not named, the newest.
#[must_use]
pub fn evidence(report: &Report<'_>) -> Vec<i64> {
    let mut by_ip: BTreeMap<Option<IpAddr>, Vec<&Bounce>> = BTreeMap::new();
    for row in rows(&report.groups) {
        for group in &row.groups {
            by_ip.entry(row.ip).or_default().extend(&group.bounces);
        }
    }
    let newest = by_ip.into_values().flat_map(|mut bounces| {
        let speaks = |bounce: &Bounce| bounce.reply.is_some() || bounce.smtp_code.is_some();
        bounces.sort_by_cached_key(|bounce| {
            Reverse((
                speaks(bounce),
                bounce.action == Action::Failed,
                bounce.speaking_order(),
            ))
        });
        bounces.truncate(SAMPLES);
        bounces
    });
    newest.map(|bounce| bounce.id).collect()
}

/// The page. `evidence` is what the ledger has of the bounces that [`evidence`] names.
#[must_use]
pub fn html(report: &Report<'_>, evidence: &[Recorded]) -> String {
    page::page(report, &rows(&report.groups), evidence).into_string()
}

/// A state as a word, with its colour.
fn badge(report: &Report<'_>, state: State) -> Markup {
    let tone = match state {
        State::Relisted | State::New | State::Ongoing => "bad",
        State::ReceiverFault | State::Unknown => "warn",
        State::Cleared => "good",
    };
    html! { span class={ "badge " (tone) } { (report.words.html.state.of(state)) } }
}

/// These states, each once, the one that matters most first.
fn badges(report: &Report<'_>, states: impl Iterator<Item = State>) -> Markup {
    let mut states: Vec<State> = states.collect();
    states.sort_by_key(|state| rank(*state));
    states.dedup();
    html! {
        span class="badges" {
            @for state in states { (badge(report, state)) " " }
        }
    }
}

fn ip_name(report: &Report<'_>, ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| report.words.html.card.unnamed.clone(), |ip| ip.to_string())
}

fn minute(report: &Report<'_>, time: Timestamp) -> String {
    report.clock.show(time).format("%Y-%m-%d %H:%M").to_string()
}

fn day(report: &Report<'_>, time: Timestamp) -> String {
    report.clock.show(time).format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::event::{Event, FolderRef, Source, Uid, UidValidity};
    use crate::ledger::Recorded;
    use crate::report::html::{evidence, html};
    use crate::report::samples::{self, Case, story};
    use crate::report::settings::Lang;

    /// What the ledger would give for these numbers; each bounce lies in a folder.
    fn recorded(case: &Case, ids: &[i64], of: &Event) -> Vec<Recorded> {
        let place = |id: i64| {
            let folder = FolderRef {
                implicit_tls: true,
                user: "postmaster".into(),
                host: "mail.hosting.example.jp".into(),
                port: 993,
                folder: "INBOX".into(),
            };
            let uid = u32::try_from(id).unwrap().try_into().unwrap();
            Source::Imap(folder, UidValidity(1_690_000_001.try_into().unwrap()), Uid(uid))
        };
        let bounces = &case.history.bounces;
        ids.iter()
            .map(|id| {
                let bounce = bounces.iter().find(|bounce| bounce.id == *id).unwrap();
                let mut event = of.clone();
                event.times = bounce.times;
                event.verdict = (*bounce.verdict).clone();
                event.reply = bounce.reply.as_deref().map(str::to_owned).or(event.reply);
                event.message_id = Some(format!("2026112201.4JNpQ{id}@sv77.hosting.example.jp"));
                event.recipient = format!("user@{}", bounce.receiving_domain);
                Recorded {
                    event,
                    sources: vec![place(*id)],
                    recorded_at: bounce.recorded_at,
                }
            })
            .collect()
    }

    fn page(case: &Case) -> String {
        let report = case.report();
        let ids = evidence(&report);
        html(&report, &recorded(case, &ids, &story("postfix-gmo-rbl-late.eml")))
    }

    #[test]
    #[ignore = "writes pages to look at"]
    fn pages_to_look_at() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
        std::fs::create_dir_all(&folder).unwrap();
        for lang in [Lang::En, Lang::Ja] {
            let mut case = samples::november();
            case.settings.lang = Some(lang);
            let page = page(&case);
            std::fs::write(folder.join(format!("november-{}.html", lang.tag())), page).unwrap();
        }
    }
}
