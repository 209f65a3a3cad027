//! Groups bounces by blocked address and receiving domain, and writes what people and scripts read.
//!
//! In: a [`History`], the catalogue, what is ours, what could not be read. Out: the table for the terminal, the three
//! CSV tables, the workbook, the page, the mail, JSON, NDJSON, drafts, and whether the user's `--fail-on` is met.
//! A [`Mask`] takes out who people are before any of that, so that no writer has to.
//! Times are written in one zone, the report's. Strangers' text reaches a terminal through [`visible`] alone.
//! Plain functions over values: nothing is read, asked or timed here.
//! Not here: what a group's state is (`ledger`), what a reply means (`catalogue`), files and exit statuses (`commands`).

mod about_ip;
mod at_signs;
mod attachment;
mod check_forms;
mod checks;
mod columns;
mod csv;
mod days;
mod decoded;
mod draft;
mod email;
mod encode;
mod encoded_words;
mod entry;
mod event_table;
mod group;
mod health;
mod html;
mod json;
mod lang;
mod late;
mod layout;
mod list_forms;
mod list_words;
mod listed;
mod lists;
mod local_part;
mod mask;
mod mask_history;
mod mime;
mod ndjson;
mod news;
mod own;
mod people;
mod phrasebook;
mod providers;
mod reasons;
mod rows;
mod safe;
#[cfg(test)]
mod samples;
mod settings;
mod severity;
mod spells;
mod strange;
mod summary;
mod table;
mod tenancy;
mod told;
mod unseen;
mod ways;
mod what;
mod wide;
mod words;
mod xlsx;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::catalogue::Catalogue;
use crate::check::Listing;
use crate::event::{Action, Gap, Reason, Timestamp};
use crate::ledger::{Bounce, History, ListedNow, Outcomes, State};

use group::{Facts, Group};
use own::Ours;

pub use attachment::masked_mail;
pub use check_forms::{CheckFormat, checks_ndjson, nagios};
pub use checks::check_table;
pub use csv::{Destination, EventsCsv, checks_csv, events_csv, groups_csv};
pub use draft::{Addressee, Draft, NoDraft, Wanted, draft};
pub use email::{Correspondent, Letter, NoCorrespondent, email};
pub use event_table::events_table;
pub use health::{health_csv, health_ndjson, health_table};
pub use html::{evidence, html};
pub use json::JsonDocument;
pub use lang::Lang;
pub use list_forms::{lists_csv, lists_ndjson};
pub use lists::{ListFormat, lists_table};
pub use mask::Mask;
pub use ndjson::{ndjson, recorded_ndjson};
pub use own::{AskVia, HostingCompany, NoAddress, OwnAddress};
pub use safe::visible;
pub use settings::{Clock, Color, CsvEncoding, FailOn, NoTime, OutputFormat, Settings, When, Window};
pub use strange::Alike;
pub use summary::looked_at;
pub use table::{Look, table};
pub use xlsx::Workbook;

/// What stopped a report from being made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The texts that come with the program were spoilt.
    #[error("texts of the report")]
    Texts(#[from] toml::de::Error),
}

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Everything that happened.
    pub history: &'a History,
    /// What is known of lists and receivers.
    pub catalogue: &'a Catalogue,
    /// `own_addresses`.
    pub own: &'a [OwnAddress],
    /// Who holds our addresses, where the configuration says so.
    pub owner: Option<&'a str>,
    /// What could not be read.
    pub gaps: &'a [Gap],
    /// What else a reader ought to know of this run, such as a resolver that lists refuse.
    pub warnings: &'a [String],
    /// What the user wants.
    pub settings: &'a Settings,
    /// The subcommand: the heading names it.
    pub command: &'a str,
    /// What was looked at, such as `postmaster@mail.example.jp (INBOX, Junk)`: the heading names it.
    pub looked_at: &'a [String],
    /// When the report is made.
    pub now: Timestamp,
}

/// Bounces, grouped and counted.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    words: words::Words,
    groups: Vec<Group<'a>>,
    /// Nothing is to be printed.
    is_silent: bool,
    /// The bounces that get rows of their own, by their numbers in the ledger.
    shown: Vec<i64>,
    /// How many failures no block caused, by reason.
    not_blocks: BTreeMap<Reason, usize>,
    /// How many delay notices no block caused.
    other_delays: usize,
    /// How many bounces lie in the window.
    bounces: usize,
    history: &'a History,
    gaps: &'a [Gap],
    /// What looks like a bounce and could not be understood.
    strange: Vec<Alike<'a>>,
    warnings: &'a [String],
    window: Window,
    /// Where only what changed is told: since when.
    news_since: Option<Timestamp>,
    clock: Clock,
    lang: Lang,
    quiet: bool,
    command: &'a str,
    looked_at: &'a [String],
    now: Timestamp,
}

impl<'a> Report<'a> {
    /// Groups and counts.
    ///
    /// # Errors
    /// When the program's own texts cannot be read.
    pub fn build(input: Input<'a>) -> Result<Self, Error> {
        let settings = input.settings;
        let window = settings.window(input.now);
        let facts = Facts {
            history: input.history,
            catalogue: input.catalogue,
            own: input.own,
            owner: input.owner,
            presumed_after: settings.presumed_after(),
            news_since: input.history.last_report.filter(|_| settings.new.is_some()),
            now: input.now,
        };
        let inside: Vec<&Bounce> = input
            .history
            .bounces
            .iter()
            .filter(|bounce| window.holds(bounce.times))
            .collect();
        let shown = |bounce: &&&Bounce| settings.all_reasons || is_about_address(bounce);
        let outcomes = Outcomes::among(&input.history.bounces);
        let counts = |bounce: &&&Bounce| match bounce.action {
            Action::Failed => true,
            Action::Delayed => !outcomes.overtake(bounce),
            Action::Delivered | Action::Relayed | Action::Expanded => false,
        };
        let grouped: Vec<&Bounce> = inside.iter().filter(counts).filter(shown).copied().collect();
        let (not_blocks, other_delays) = not_blocks(inside.iter().filter(counts).copied());
        let mut groups = group::groups(&grouped, facts);
        groups.retain(|group| group.is_news);
        Ok(Self {
            words: words::Words::of(settings.lang.unwrap_or_default())?,
            is_silent: settings.new.is_some() && groups.is_empty(),
            groups,
            shown: inside.iter().filter(shown).map(|bounce| bounce.id).collect(),
            not_blocks,
            other_delays,
            bounces: inside.len(),
            history: input.history,
            gaps: input.gaps,
            strange: strange::by_shape(&input.history.not_understood),
            warnings: input.warnings,
            window,
            news_since: facts.news_since,
            clock: settings.clock(),
            lang: settings.lang.unwrap_or_default(),
            quiet: settings.quiet,
            command: input.command,
            looked_at: input.looked_at,
            now: input.now,
        })
    }

    /// The bounces that get rows, by their numbers in the ledger, oldest first: those that speak of an address or a
    /// block, with `--all-reasons` all of them.
    #[must_use]
    pub fn shown(&self) -> &[i64] {
        &self.shown
    }

    /// The newest answer of each zone about each blocked address, by address and zone.
    #[must_use]
    pub fn listings(&self) -> Vec<&'a Listing> {
        let ips: BTreeSet<IpAddr> = self.groups.iter().filter_map(|group| group.blocked_ip).collect();
        group::newest(&self.history.listings)
            .into_iter()
            .filter(|((ip, _), _)| ips.contains(ip))
            .map(|(_, listing)| listing)
            .collect()
    }

    /// The mails that look like bounces and could not be understood, by what they look like.
    #[must_use]
    pub fn strange(&self) -> &[Alike<'a>] {
        &self.strange
    }

    /// Whether only changes were wanted (`--new`) and there are none, so that nothing is to be printed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Whether every mail of the window was read and understood, as far as this run looked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.strange.is_empty()
    }

    /// The zone that its times are written in.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether the report has what `--fail-on` names. Somebody else's addresses do not count.
    #[must_use]
    pub fn trips(&self, fail_on: FailOn) -> bool {
        self.groups
            .iter()
            .filter(|group| group.ours != Ours::No && group.is_block())
            .any(|group| match fail_on {
                FailOn::Blocked => group.state != State::Cleared,
                FailOn::Listed => group.listed_now == ListedNow::Yes,
                FailOn::New => matches!(group.state, State::New | State::Relisted),
            })
    }
}

/// What no block caused: how many failures by reason, and how many delays.
fn not_blocks<'b>(bounces: impl Iterator<Item = &'b Bounce>) -> (BTreeMap<Reason, usize>, usize) {
    let mut failures: BTreeMap<Reason, usize> = BTreeMap::new();
    let mut delays = 0;
    for bounce in bounces.filter(|bounce| !is_about_address(bounce)) {
        if bounce.action == Action::Delayed {
            delays += 1;
        } else {
            *failures.entry(bounce.verdict.reason).or_default() += 1;
        }
    }
    (failures, delays)
}

/// Whether a bounce belongs to a group without `--all-reasons`.
fn is_about_address(bounce: &Bounce) -> bool {
    bounce.verdict.blocked_ip.is_some() || bounce.verdict.reason.is_block()
}
