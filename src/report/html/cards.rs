//! A card for each blocked address: what to do first, then what happens, whom it hit, and the reply to copy.

use std::collections::HashMap;
use std::net::IpAddr;

use maud::{Markup, html};

use crate::ledger::State;
use crate::report::html::{badges, ip_name, state_badge};
use crate::report::rows::{Row, rank};
use crate::report::told::{Remedy, Told, Topic, list_page, told};
use crate::report::words::fill;
use crate::report::{Report, about_ip, entry, visible};

/// The entries of one address.
pub(super) struct Card<'r, 'g, 'a> {
    /// Its place on the page, from 1.
    pub(super) number: usize,
    /// `None` for all blocks that name no address.
    pub(super) ip: Option<IpAddr>,
    /// Each with what is told of the address itself.
    entries: Vec<(&'r Row<'g, 'a>, Vec<String>)>,
}

impl Card<'_, '_, '_> {
    /// The state that matters most.
    pub(super) fn state(&self) -> Option<State> {
        let states = self.entries.iter().map(|(row, _)| row.state);
        states.min_by_key(|state| rank(*state))
    }
}

/// The cards, in the order in which the entries name their addresses.
pub(super) fn cards<'r, 'g, 'a>(report: &Report<'_>, rows: &'r [Row<'g, 'a>]) -> Vec<Card<'r, 'g, 'a>> {
    let mut cards: Vec<Card<'_, '_, '_>> = Vec::new();
    let mut places = HashMap::new();
    for entry in rows.iter().zip(about_ip::lines(report, rows)) {
        let ip = entry.0.ip;
        let place = *places.entry(ip).or_insert(cards.len());
        match cards.get_mut(place) {
            Some(card) => card.entries.push(entry),
            None => cards.push(Card {
                number: place + 1,
                ip,
                entries: vec![entry],
            }),
        }
    }
    cards
}

/// `None` where no address is blocked.
pub(super) fn section(report: &Report<'_>, cards: &[Card<'_, '_, '_>]) -> Option<Markup> {
    (!cards.is_empty()).then(|| html! { @for card in cards { (article(report, card)) } })
}

fn article(report: &Report<'_>, card: &Card<'_, '_, '_>) -> Markup {
    let words = &report.words.html.card;
    let newest = card.entries.iter().find_map(|(row, _)| row.newest());
    let ptr = newest
        .map(|group| group.ptr.join(&report.words.join.list))
        .unwrap_or_default();
    let owner = newest.and_then(|group| {
        let phrases = &report.words.phrases;
        let company = group.hosting.map(|company| phrases.fact(&company.name));
        company.or(group.owner.as_deref())
    });
    let id = format!("ip-{}", card.number);
    let mut above = None;
    let entries = card.entries.iter().map(|(row, about_ip)| {
        let told = told(report, row, about_ip, true);
        let remedy = Remedy::of(row, &told);
        let is_said = remedy.is_some() && remedy == above;
        above = remedy;
        let to_do = match is_said {
            true => html! { p { (report.words.ask.as_above) } },
            false => to_do(report, row, &told),
        };
        entry(report, row, &told, &to_do, card.entries.len() > 1)
    });
    let entries: Vec<Markup> = entries.collect();
    html! {
        article class="card" id=(id) aria-labelledby={ (id) "-title" } {
            div class="head" {
                h3 class="ip" id={ (id) "-title" } { (ip_name(report, card.ip)) }
                (badges(report, card.entries.iter().map(|(row, _)| row.state)))
            }
            @if card.ip.is_some() && (!ptr.is_empty() || owner.is_some()) {
                dl class="facts" {
                    @if !ptr.is_empty() { div { dt { (words.ptr) } dd { (visible(&ptr)) } } }
                    @if let Some(owner) = owner { div { dt { (words.owner) } dd { (visible(owner)) } } }
                }
            }
            @for entry in entries { (entry) }
        }
    }
}

fn entry(
    report: &Report<'_>,
    row: &Row<'_, '_>,
    told: &[Told],
    to_do: &Markup,
    is_one_of_many: bool,
) -> Markup {
    let words = &report.words.html.card;
    let by = row.refused_by(&report.words.column);
    let list = entry::lists(row, report);
    let numbers = [
        (&words.mails, row.mails()),
        (&words.recipients, row.recipients()),
        (&words.late, row.late()),
    ];
    let reply = row.newest().and_then(|newest| newest.sample_reply);
    html! {
        div class="entry" {
            h4 {
                (fill(&words.entry, &[("by", &by)]))
                @if is_one_of_many { " " (state_badge(report, row.state)) }
            }
            dl class="numbers" {
                div { dt { (words.list) } dd { (visible(&list)) } }
                @for (name, n) in numbers { div { dt { (name) } dd { (n) } } }
            }
            div class="to-do" {
                h5 { (words.to_do) }
                (to_do)
            }
            (topic(&words.happens, told, &[Topic::Listing, Topic::Course, Topic::Address]))
            (topic(&words.waiting, told, &[Topic::Late]))
            (topic(&words.receivers, told, &[Topic::Receivers]))
            @if let Some(reply) = reply {
                h5 { (words.reply) }
                pre { (visible(reply)) }
            }
        }
    }
}

/// Whom to ask and where. Of the links only the catalogue's can be followed: a stranger wrote those of a reply.
fn to_do(report: &Report<'_>, row: &Row<'_, '_>, told: &[Told]) -> Markup {
    let words = &report.words.html.card;
    let lines: Vec<&str> = lines(told, &[Topic::Remedy]).collect();
    let page = row.newest().and_then(list_page);
    let page = page
        .as_deref()
        .filter(|page| page.starts_with("https://") || page.starts_with("http://"));
    let named_by_reply = row.newest().is_some_and(|newest| newest.removal.is_some());
    let has_page_line = |line: &&&str| !named_by_reply && page.is_some_and(|page| line.ends_with(page));
    html! {
        @if lines.is_empty() { p { (words.nothing_to_do) } }
        @for line in lines.iter().filter(|line| !has_page_line(line)) { p { (line) } }
        @if !lines.is_empty() && let Some(page) = page {
            p {
                (words.list_page) " "
                a href=(page) rel="noreferrer noopener" { (visible(page)) }
            }
        }
    }
}

fn topic(title: &str, told: &[Told], topics: &[Topic]) -> Markup {
    let lines: Vec<&str> = lines(told, topics).collect();
    html! {
        @if !lines.is_empty() {
            h5 { (title) }
            @for line in lines { p { (line) } }
        }
    }
}

fn lines<'t>(told: &'t [Told], topics: &'t [Topic]) -> impl Iterator<Item = &'t str> {
    told.iter()
        .filter(|told| topics.contains(&told.topic))
        .map(|told| told.text.as_str())
}
