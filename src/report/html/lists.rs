//! The lists: what each zone said last of each address, and which lists nobody can ask.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use maud::{Markup, html};

use crate::check::{Answer, Listing};
use crate::event::ListId;
use crate::report::checks::meaning;
use crate::report::html::table::{Column, table};
use crate::report::html::{badge, ip_name, minute};
use crate::report::rows::Row;
use crate::report::severity::Severity;
use crate::report::words::fill;
use crate::report::{Report, visible};

pub(super) fn section(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Markup {
    let words = &report.words.html.lists;
    let mut by_ip: BTreeMap<IpAddr, Vec<&Listing>> = BTreeMap::new();
    for listing in report.listings() {
        by_ip.entry(listing.ip).or_default().push(listing);
    }
    let private = private(rows);
    html! {
        @if by_ip.is_empty() { p { (words.nothing_asked) } } @else { (answers(report, &by_ip)) }
        @if !private.is_empty() {
            h3 { (words.private) }
            p { (words.private_why) }
            dl class="pairs" {
                @for (list, ips) in &private {
                    div {
                        dt { (visible(&list.to_string())) }
                        dd { @for ip in ips { span class="ip" { (ip_name(report, *ip)) } " " } }
                    }
                }
            }
        }
    }
}

/// The lists of the replies that have no zone, with the addresses that they are quoted for.
fn private<'g>(rows: &'g [Row<'_, '_>]) -> BTreeMap<&'g ListId, BTreeSet<Option<IpAddr>>> {
    let mut private: BTreeMap<&ListId, BTreeSet<Option<IpAddr>>> = BTreeMap::new();
    for group in rows.iter().flat_map(|row| &row.groups) {
        for (list, _) in group.lists.iter().filter(|(_, zones)| zones.is_empty()) {
            private.entry(list).or_default().insert(group.blocked_ip);
        }
    }
    private
}

fn answers(report: &Report<'_>, by_ip: &BTreeMap<IpAddr, Vec<&Listing>>) -> Markup {
    let words = &report.words.html.lists;
    let headings = [
        &words.zone,
        &words.result,
        &words.meaning,
        &words.list,
        &words.when,
    ];
    let columns = headings.map(|heading| Column::Text(heading));
    let bodies = html! {
        @for (ip, listings) in by_ip {
            tbody {
                tr class="group" { th class="ip" colspan=(columns.len()) scope="rowgroup" { (ip) } }
                @for listing in sorted(listings) { (row(report, listing)) }
                (clean(report, listings))
            }
        }
    };
    table("lists-asked", &words.asked, &columns, &bodies)
}

/// Those that a reader has to look at: listings, then what could not be read.
fn sorted<'a>(listings: &[&'a Listing]) -> Vec<&'a Listing> {
    let mut told: Vec<_> = listings
        .iter()
        .copied()
        .filter(|listing| listing.answer != Answer::NotListed)
        .collect();
    told.sort_by_key(|listing| (!matches!(listing.answer, Answer::Listed(_)), &listing.zone));
    told
}

fn row(report: &Report<'_>, listing: &Listing) -> Markup {
    let meaning = meaning(listing, &report.words);
    html! {
        tr {
            th scope="row" { (visible(listing.zone.as_str())) }
            td { (answer(report, &listing.answer)) }
            td class="long" {
                (visible(&meaning))
                @if let Some(text) = listing.text.as_deref() {
                    @if !meaning.is_empty() { br; }
                    span class="dim" { (visible(text)) }
                }
            }
            td { @if let Some(list) = &listing.blocklist { (visible(&list.to_string())) } }
            td class="time" { (minute(report, listing.checked_at)) }
        }
    }
}

/// The zones that do not have the address, in one row: of most addresses they are many, and say the same.
fn clean(report: &Report<'_>, listings: &[&Listing]) -> Markup {
    let join = &report.words.join.list;
    let clean: Vec<_> = listings
        .iter()
        .copied()
        .filter(|listing| listing.answer == Answer::NotListed)
        .collect();
    let zones: Vec<&str> = clean.iter().map(|listing| listing.zone.as_str()).collect();
    let lists: BTreeSet<String> = clean
        .iter()
        .filter_map(|listing| listing.blocklist.as_ref())
        .map(ToString::to_string)
        .collect();
    let times = || clean.iter().map(|listing| listing.checked_at);
    let (from, to) = (times().min(), times().max());
    let [from, to] = [from, to].map(|time| time.map(|time| minute(report, time)).unwrap_or_default());
    let when = match from == to {
        true => to,
        false => fill(&report.words.html.lists.between, &[("from", &from), ("to", &to)]),
    };
    html! {
        @if !clean.is_empty() {
            tr {
                th scope="row" { (visible(&zones.join(join))) }
                td { (answer(report, &Answer::NotListed)) }
                td {}
                td { (visible(&Vec::from_iter(lists).join(join))) }
                td class="time" { (when) }
            }
        }
    }
}

fn answer(report: &Report<'_>, answer: &Answer) -> Markup {
    badge(Severity::of_answer(answer), report.words.html.answer.of(answer))
}
