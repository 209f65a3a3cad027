//! The newest bounces of each address, whole, with what finds them again.

use maud::{Markup, html};

use crate::event::{Source, Timestamp, Uid, UidValidity};
use crate::ledger::Recorded;
use crate::report::html::cards::Card;
use crate::report::html::{ip_name, minute};
use crate::report::words::fill;
use crate::report::{Report, visible};

pub(super) fn section(report: &Report<'_>, cards: &[Card<'_, '_, '_>], recorded: &[Recorded]) -> Markup {
    let words = &report.words.html.evidence;
    let of = |card: &Card<'_, '_, '_>| -> Vec<&Recorded> {
        recorded
            .iter()
            .filter(|bounce| bounce.event.verdict.blocked_ip == card.ip)
            .collect()
    };
    html! {
        p { @if recorded.is_empty() { (words.none) } @else { (words.intro) } }
        @for card in cards {
            @let bounces = of(card);
            @if !bounces.is_empty() {
                h3 class="ip" { (ip_name(report, card.ip)) }
                @for bounce in bounces { (sample(report, bounce)) }
            }
        }
    }
}

fn sample(report: &Report<'_>, bounce: &Recorded) -> Markup {
    let words = &report.words.html.evidence;
    let event = &bounce.event;
    let time = |time: Option<Timestamp>| time.map(|time| minute(report, time));
    let title = match time(event.times.bounced_at) {
        Some(time) => fill(&words.bounce, &[("time", &time)]),
        None => words.bounce_undated.clone(),
    };
    let facts = [
        (&words.recipient, Some(event.recipient.clone())),
        (&words.sent, time(event.times.sent_at)),
        (&words.bounced, time(event.times.bounced_at)),
        (&words.original_id, event.original.message_id.clone()),
        (&words.message_id, event.message_id.clone()),
    ];
    let places = bounce
        .sources
        .iter()
        .map(|source| (&words.place, Some(place(report, source))));
    let facts = facts
        .into_iter()
        .chain(places)
        .filter_map(|(name, value)| Some((name, value?)));
    html! {
        div class="sample" {
            h4 { (title) }
            @match &event.reply {
                Some(reply) => pre aria-label=(words.reply) { (visible(reply)) },
                None => p { (words.no_reply) },
            }
            dl class="pairs" {
                @for (name, value) in facts { div { dt { (name) } dd { (visible(&value)) } } }
            }
        }
    }
}

fn place(report: &Report<'_>, source: &Source) -> String {
    match source {
        Source::Imap(folder, UidValidity(validity), Uid(uid)) => fill(
            &report.words.html.evidence.imap,
            &[
                ("folder", &folder.folder),
                ("uid", uid),
                ("validity", validity),
                ("user", &folder.user),
                ("host", &folder.host),
            ],
        ),
        Source::File(_) | Source::Mbox(..) => source.to_string(),
    }
}
