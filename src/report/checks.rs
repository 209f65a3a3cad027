//! What `bounceaudit check` prints: for each address its names, what each list says of it, and whether the list can be
//! believed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use crate::catalogue::Catalogue;
use crate::check::{Answer, Checked, Family, Health, HealthVerdict, Listing, Names, Owner, Ptr};
use crate::event::Zone;
use crate::report::Error;
use crate::report::lang::Lang;
use crate::report::layout::{Page, Tone, cells, column, pad};
use crate::report::severity::Severity;
use crate::report::table::Look;
use crate::report::tenancy::hosted;
use crate::report::words::{Check, Words, fill};

/// Under this width each list is a block.
const NARROW: usize = 80;
/// Beyond this number of addresses only those are shown that a list has.
const FEW: usize = 16;

/// `[answer]`: what an answer means, in a word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerWords {
    listed: String,
    not_listed: String,
    refused: String,
    timeout: String,
    error: String,
    zone_dead: String,
}

impl AnswerWords {
    pub(super) fn of(&self, answer: &Answer) -> &str {
        match answer {
            Answer::Listed(_) => &self.listed,
            Answer::NotListed => &self.not_listed,
            Answer::Refused(_) => &self.refused,
            Answer::Timeout => &self.timeout,
            Answer::Error(_) => &self.error,
            Answer::ZoneDead(_) => &self.zone_dead,
        }
    }
}

/// The answers about each address, with the health of each list.
///
/// # Errors
/// When the program's own texts cannot be read.
pub fn check_table(
    checked: &Checked,
    catalogue: &Catalogue,
    look: Look,
    lang: Lang,
) -> Result<String, Error> {
    let words = Words::of(lang)?;
    let mut page = Page::new(look.width, look.color);
    let mut by_ip: BTreeMap<IpAddr, Vec<&Listing>> = BTreeMap::new();
    for names in &checked.names {
        by_ip.entry(names.ip).or_default();
    }
    for listing in &checked.listings {
        by_ip.entry(listing.ip).or_default().push(listing);
    }
    let is_listed = |listings: &[&Listing]| {
        listings
            .iter()
            .any(|listing| matches!(listing.answer, Answer::Listed(_)))
    };
    let shows_all = look.verbose || by_ip.len() <= FEW;
    let mut hidden: Vec<&Listing> = Vec::new();
    let mut hidden_ips = 0;
    for (ip, listings) in &by_ip {
        if !shows_all && !is_listed(listings) {
            hidden_ips += 1;
            hidden.extend(listings);
            continue;
        }
        page.gap();
        page.spans(&[(Tone::Strong, &ip.to_string())]);
        for names in checked.names.iter().filter(|names| names.ip == *ip) {
            ptr(&mut page, names, &words);
            owner(&mut page, names, catalogue, &words);
        }
        page.gap();
        answers(&mut page, checked, listings, &words);
        summary(&mut page, listings, &words.check);
    }
    if hidden_ips > 0 {
        page.gap();
        page.paragraph(Tone::Good, 0, 2, &words.check.clean_ips.of(hidden_ips));
        unread(&mut page, &hidden, &words.check);
    }
    resolvers(&mut page, checked, &words, look);
    Ok(page.finish())
}

/// Who answered, where that is not plain, and what is to be known of them.
fn resolvers(page: &mut Page, checked: &Checked, words: &Words, look: Look) {
    let resolvers: BTreeSet<&str> = checked
        .health
        .iter()
        .map(|health| health.resolver.as_str())
        .collect();
    if look.verbose || resolvers.len() > 1 {
        let resolvers = Vec::from_iter(resolvers).join(&words.join.list);
        page.gap();
        page.paragraph(
            Tone::Faint,
            0,
            2,
            &fill(&words.check.resolver, &[("resolvers", &resolvers)]),
        );
    }
    if !checked.warnings.is_empty() {
        page.gap();
        page.paragraph(Tone::Warn, 0, 0, &words.unseen.title);
        for warning in &checked.warnings {
            page.paragraph(Tone::Plain, 2, 2, &words.phrases.said(warning));
        }
    }
}

fn ptr(page: &mut Page, names: &Names, words: &Words) {
    let Words { join, phrases, .. } = words;
    let words = &words.check;
    let (tone, line) = match &names.ptr {
        Ptr::Confirmed(name) => (Tone::Plain, fill(&words.ptr_confirmed, &[("name", name)])),
        Ptr::Unconfirmed(names) => (
            Tone::Warn,
            fill(&words.ptr_unconfirmed, &[("names", &names.join(&join.list))]),
        ),
        Ptr::None => (Tone::Warn, words.ptr_none.clone()),
        Ptr::Unknown(why) => {
            let why = phrases.said(why);
            (Tone::Warn, fill(&words.ptr_unknown, &[("why", &why)]))
        }
    };
    page.paragraph(tone, 2, 5, &line);
}

/// Who holds the address, and how they are reached: a hosting company's support, else where complaints go to.
fn owner(page: &mut Page, names: &Names, catalogue: &Catalogue, words: &Words) {
    let Words { join, phrases, .. } = words;
    let words = &words.check;
    let mut write = |line: &str| page.paragraph(Tone::Plain, 2, 5, line);
    let network = match &names.owner {
        Owner::NotAsked => None,
        Owner::Known(network) => {
            write(&fill(
                &words.owner,
                &[("owner", network), ("prefix", &network.prefix)],
            ));
            Some(network)
        }
        Owner::NotAnnounced => {
            write(&words.owner_none);
            None
        }
        Owner::Unknown(why) => {
            write(&fill(&words.owner_unknown, &[("why", &phrases.said(why))]));
            None
        }
    };
    if let Some((_, company)) = hosted(Some(&names.ptr), catalogue) {
        write(&fill(
            &words.hosted,
            &[
                ("company", &phrases.fact(&company.name)),
                ("channel", &phrases.fact(&company.channel)),
            ],
        ));
    } else if let Some(network) = network.filter(|network| !network.abuse.is_empty()) {
        write(&fill(&words.abuse, &[("abuse", &network.abuse.join(&join.list))]));
    }
}

/// One line of the flat table.
struct Line<'a> {
    zone: &'a str,
    tone: Tone,
    result: &'a str,
    meaning: String,
    health: &'a str,
}

/// The flat table, or under 80 columns a block for each list.
fn answers(page: &mut Page, checked: &Checked, listings: &[&Listing], words: &Words) {
    let lines: Vec<Line<'_>> = listings
        .iter()
        .map(|listing| Line {
            zone: listing.zone.as_str(),
            tone: Severity::of_answer(&listing.answer).into(),
            result: words.answer.of(&listing.answer),
            meaning: meaning(listing, words),
            health: health(checked, listing, &words.check),
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    if page.width < NARROW {
        let wide = lines.iter().map(|line| cells(line.result)).max();
        for line in &lines {
            block(page, line, wide.unwrap_or_default(), &words.check);
        }
    } else {
        flat(page, &lines, &words.check);
    }
    page.gap();
}

fn block(page: &mut Page, line: &Line<'_>, wide: usize, words: &Check) {
    let result = pad(line.result, wide);
    page.spans(&[(line.tone, &result), (Tone::Plain, &format!("  {}", line.zone))]);
    if !line.meaning.is_empty() {
        page.paragraph(Tone::Plain, wide + 2, 0, &line.meaning);
    }
    let health = fill(&words.health_line, &[("health", &line.health)]);
    page.paragraph(Tone::Faint, wide + 2, 0, &health);
}

/// Zone, result, meaning, health. The meaning takes what room the others leave and wraps; a zone that is too long for
/// its column has a line of its own and is not cut.
fn flat(page: &mut Page, lines: &[Line<'_>], words: &Check) {
    let widest = |name: &str, of: &dyn Fn(&Line<'_>) -> usize| {
        lines.iter().map(of).chain([cells(name)]).max().unwrap_or(0)
    };
    let longest = page.width * 2 / 5;
    let fitting = lines
        .iter()
        .map(|line| cells(line.zone))
        .filter(|cells| *cells <= longest);
    let zone = fitting.chain([cells(&words.zone)]).max().unwrap_or(0);
    let result = widest(&words.result, &|line| cells(line.result));
    let health = widest(&words.health, &|line| cells(line.health));
    let room = page.width.saturating_sub(zone + result + health + 6);
    let meaning = widest(&words.meaning, &|line| cells(&line.meaning)).min(room);
    let header = format!(
        "{}  {}  {}  {}",
        pad(&words.zone, zone),
        pad(&words.result, result),
        pad(&words.meaning, meaning),
        words.health
    );
    page.spans(&[(Tone::Faint, &header)]);
    for line in lines {
        let is_long = cells(line.zone) > zone;
        if is_long {
            page.line(line.zone);
        }
        for (at, part) in column(&line.meaning, meaning).iter().enumerate() {
            let first = |text: &str, width| pad(if at == 0 { text } else { "" }, width);
            page.spans(&[
                (
                    Tone::Plain,
                    &first(if is_long { "" } else { line.zone }, zone + 2),
                ),
                (line.tone, &first(line.result, result)),
                (
                    Tone::Plain,
                    &format!("  {}  {}", pad(part, meaning), first(line.health, 0)),
                ),
            ]);
        }
    }
}

/// The meaning with the codes behind it, else why there is none.
pub(super) fn meaning(listing: &Listing, words: &Words) -> String {
    let Words { join, phrases, .. } = words;
    let codes: Vec<String> = listing.answer.codes().iter().map(ToString::to_string).collect();
    let said = listing.in_words().map(|said| phrases.said(said));
    match (said, codes.is_empty()) {
        (Some(meaning), true) => meaning.into_owned(),
        (Some(meaning), false) if codes.iter().all(|code| meaning.contains(code)) => meaning.into_owned(),
        (Some(meaning), false) => join.aside(&meaning, &codes.join(&join.list)),
        (None, _) => codes.join(&join.list),
    }
}

fn health<'a>(checked: &Checked, listing: &Listing, words: &'a Check) -> &'a str {
    let family = if listing.ip.is_ipv4() {
        Family::Ipv4
    } else {
        Family::Ipv6
    };
    let here = |health: &&Health| health.zone == listing.zone && health.family == family;
    match checked.health.iter().rfind(here).map(|health| &health.verdict) {
        Some(HealthVerdict::Healthy) => &words.healthy,
        Some(HealthVerdict::NoTestEntry) => &words.no_test_entry,
        Some(HealthVerdict::NoTestAnswer) => &words.no_test_answer,
        Some(HealthVerdict::Refused(_)) => &words.refused,
        Some(HealthVerdict::Dead(_)) => &words.dead,
        Some(HealthVerdict::Failed(_)) | None => &words.not_tested,
    }
}

/// Answers by what they are worth. One that could not be read is neither clean nor a listing.
pub(super) struct Tally {
    pub(super) listed: usize,
    pub(super) clean: usize,
    pub(super) unread: usize,
}

impl Tally {
    pub(super) fn of<'a>(listings: impl IntoIterator<Item = &'a Listing>) -> Self {
        let mut tally = Self {
            listed: 0,
            clean: 0,
            unread: 0,
        };
        for listing in listings {
            *match listing.answer.is_listed() {
                Some(true) => &mut tally.listed,
                Some(false) => &mut tally.clean,
                None => &mut tally.unread,
            } += 1;
        }
        tally
    }
}

/// What it comes to. A list that could not be read is neither clean nor a listing.
fn summary(page: &mut Page, listings: &[&Listing], words: &Check) {
    let Tally {
        listed,
        clean,
        unread,
    } = Tally::of(listings.iter().copied());
    let asked = listings.len();
    if asked == 0 {
        page.paragraph(Tone::Plain, 0, 2, &words.nothing_asked);
        return;
    }
    if listed > 0 {
        page.paragraph(Tone::Bad, 0, 2, &words.listed.with(listed, &[("asked", &asked)]));
    } else {
        page.paragraph(Tone::Good, 0, 2, &fill(&words.not_listed, &[("asked", &clean)]));
    }
    if unread > 0 {
        page.paragraph(Tone::Warn, 0, 2, &words.unread.with(unread, &[("asked", &asked)]));
    }
}

/// The zones that could not be read about one or more of these.
fn unread(page: &mut Page, listings: &[&Listing], words: &Check) {
    let of_zone = |zone: &Zone| Tally::of(listings.iter().copied().filter(|listing| listing.zone == *zone));
    let zones: BTreeSet<&Zone> = listings.iter().map(|listing| &listing.zone).collect();
    let bad = zones.iter().filter(|zone| of_zone(zone).unread > 0).count();
    if bad > 0 {
        page.paragraph(
            Tone::Warn,
            0,
            2,
            &words.unread.with(bad, &[("asked", &zones.len())]),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{Answer, Checked, Family, Health, HealthVerdict, Names, Owner, Ptr};
    use crate::report::checks::check_table;
    use crate::report::lang::Lang;
    use crate::report::layout::cells;
    use crate::report::samples::{CATALOGUE, Case, at};
    use crate::report::table::Look;

    #[expect(clippy::too_many_lines, reason = "a table of answers")]
    fn checked() -> Checked {
        let when = "2026-11-22T00:00:00+00:00";
        let healths = [
            ("zen.spamhaus.org", HealthVerdict::Healthy),
            ("bl.spamcop.net", HealthVerdict::Healthy),
            (
                "bl.example.org",
                HealthVerdict::Refused(vec![[127, 255, 255, 254].into()]),
            ),
            ("gmo-rbl.jp", HealthVerdict::NoTestEntry),
            (
                "dead.example.net",
                HealthVerdict::Dead(vec![[192, 0, 2, 200].into()]),
            ),
        ];
        let mut case = Case::of([]);
        for ip in ["192.0.2.10", "192.0.2.11"] {
            let is_first = ip == "192.0.2.10";
            let zen = if is_first {
                Answer::Listed(vec![[127, 0, 0, 3].into()])
            } else {
                Answer::NotListed
            };
            case = case
                .answered(ip, "zen.spamhaus.org", zen, when)
                .answered(ip, "bl.spamcop.net", Answer::NotListed, when)
                .answered(
                    ip,
                    "bl.example.org",
                    Answer::Refused(vec![[127, 255, 255, 254].into()]),
                    when,
                )
                .answered(
                    ip,
                    "gmo-rbl.jp",
                    Answer::Error(
                        "cannot tell: it does not list the address, but has no test entry that shows it is alive"
                            .into(),
                    ),
                    when,
                )
                .answered(
                    ip,
                    "dead.example.net",
                    Answer::ZoneDead(vec![[192, 0, 2, 200].into()]),
                    when,
                )
                .answered(
                    ip,
                    "a-zone-with-a-name.that-is-longer-than-its-column.example.org",
                    Answer::Timeout,
                    when,
                );
        }
        let names = |ip: &str, ptr| Names {
            ip: ip.parse().unwrap(),
            ptr,
            owner: Owner::NotAsked,
            checked_at: at(when),
            ttl: None,
        };
        Checked {
            listings: case.history.listings,
            names: vec![
                names("192.0.2.10", Ptr::Confirmed("mx1.hosting.example.jp".into())),
                names(
                    "192.0.2.11",
                    Ptr::Unconfirmed(vec!["evil\u{1b}[2J.example".into()]),
                ),
                names("2001:db8::1", Ptr::None),
            ],
            health: healths
                .map(|(zone, verdict)| Health {
                    zone: zone.to_owned().into(),
                    resolver: "127.0.0.1".into(),
                    family: Family::Ipv4,
                    verdict,
                })
                .into(),
            warnings: vec!["resolver 127.0.0.1 is refused by bl.example.org".into()],
            ..Checked::default()
        }
    }

    #[test]
    fn the_answers_at_80_columns() {
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        insta::assert_snapshot!(check_table(&checked(), &CATALOGUE, look, Lang::En).unwrap());
    }

    #[test]
    fn the_answers_at_80_columns_in_japanese() {
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        let text = check_table(&checked(), &CATALOGUE, look, Lang::Ja).unwrap();
        assert!(text.lines().all(|line| cells(line) <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_answers_at_60_columns() {
        let look = Look {
            width: 60,
            color: false,
            verbose: false,
        };
        let text = check_table(&checked(), &CATALOGUE, look, Lang::En).unwrap();
        for line in text.lines() {
            assert!(cells(line) <= 60 || line.contains("a-zone-with-a-name"), "{line}");
        }
        insta::assert_snapshot!(text);
    }
}
