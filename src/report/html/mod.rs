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
#[cfg(test)]
mod sample;
mod table;
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
use crate::report::severity::Severity;

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

/// A word with the colour of how bad it is.
fn badge(severity: Severity, word: &str) -> Markup {
    let class = match severity {
        Severity::Bad => "bad",
        Severity::Warn => "warn",
        Severity::Good => "good",
    };
    html! { span class={ "badge " (class) } { (word) } }
}

fn state_badge(report: &Report<'_>, state: State) -> Markup {
    badge(Severity::of_state(state), report.words.html.state.of(state))
}

/// These states, each once, the one that matters most first.
fn badges(report: &Report<'_>, states: impl Iterator<Item = State>) -> Markup {
    let mut states: Vec<State> = states.collect();
    states.sort_by_key(|state| rank(*state));
    states.dedup();
    html! {
        span class="badges" {
            @for state in states { (state_badge(report, state)) " " }
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
    use std::collections::BTreeSet;

    use crate::check::Answer;
    use crate::event::Reason;
    use crate::report::html::evidence;
    use crate::report::html::sample::{Tag, busy, page, page_full_of, text, tokens};
    use crate::report::lang::Lang;
    use crate::report::samples::{self, Case, again, story};

    const HOSTILE: &str = concat!(
        "\"'><script>alert(1)</script></style></title></pre></svg><!-- --> ]]> <img src=x onerror=alert(1)> ",
        "&lt;b&gt; &#60;i&#62; javascript:alert(1) `onload='x' \u{202e}\u{0}\u{1b}[2J{reply} </desc></textarea>",
    );

    fn november(lang: Lang) -> String {
        let mut case = samples::november();
        case.settings.lang = Some(lang);
        page(&case)
    }

    fn tags(page: &str) -> Vec<Tag> {
        tokens(page).into_iter().map(|(_, tag)| tag).collect()
    }

    fn read(lang: Lang) -> String {
        text(&november(lang)).replace(env!("CARGO_PKG_VERSION"), "0.0.0")
    }

    #[test]
    fn the_page_in_english() {
        insta::assert_snapshot!(read(Lang::En));
    }

    #[test]
    fn a_card_says_once_what_to_do() {
        let of = |story_of: &str, ip: [u8; 4]| {
            let mut event = story(story_of);
            event.verdict.blocked_ip = Some(ip.into());
            event
        };
        let (same, other) = ([192, 0, 2, 10], [192, 0, 2, 11]);
        let page = text(&page(&Case::of([
            of("qmail-spamhaus-outlook.eml", same),
            of("qmail-greeting-late.eml", same),
            of("qmail-greeting-late.eml", other),
        ])));
        assert_eq!(page.matches("Ask: as above.").count(), 1, "{page}");
        assert_eq!(page.matches("Ask: the IP's owner").count(), 2, "{page}");
    }

    #[test]
    fn the_page_in_japanese() {
        insta::assert_snapshot!(read(Lang::Ja));
    }

    #[test]
    fn a_japanese_page_joins_and_names_as_japanese_does() {
        let mut other = story("sendmail-transcript.eml");
        other.verdict.reason = Reason::MailboxFull;
        other.verdict.blocked_ip = None;
        let mut case = Case::of([story("postfix-s3150.eml"), other]);
        case.looked_at = vec!["one (INBOX)".into(), "two (INBOX)".into()];
        case.settings.all_reasons = true;
        case.settings.lang = Some(Lang::Ja);
        for zone in ["zen.spamhaus.org", "bl.spamcop.net"] {
            case = case.answered("192.0.2.99", zone, Answer::NotListed, "2026-11-21T23:00:00+00:00");
        }
        let page = text(&page(&case));
        for told in [
            "one (INBOX)、two (INBOX)",
            "bl.spamcop.net、zen.spamhaus.org",
            "spamcop、spamhaus-zen",
            "容量超過",
        ] {
            assert!(page.contains(told), "{told}:\n{page}");
        }
    }

    #[test]
    fn what_strangers_write_adds_no_tag_and_no_attribute() {
        let names = |page: &str| -> Vec<String> {
            let name = |tag: Tag| {
                let names = tag.attributes.iter().map(|(name, _)| name.as_str());
                [tag.name.as_str()]
                    .into_iter()
                    .chain(names)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            tags(page).into_iter().map(name).collect()
        };
        let hostile = page_full_of(HOSTILE);
        assert_eq!(names(&hostile), names(&page_full_of("harmless")));
        let shown = text(&hostile);
        assert!(shown.matches("<script>alert(1)</script>").count() > 20, "{shown}");
        assert!(shown.contains(r"\u{202e}\x00\x1b[2J{reply}"), "{shown}");
        assert!(!hostile.contains(['\u{202e}', '\u{0}', '\u{1b}']));
    }

    #[test]
    fn a_link_of_a_reply_is_text_and_one_of_the_catalogue_a_link() {
        for page in [
            november(Lang::En),
            page_full_of(HOSTILE),
            page_full_of("harmless"),
        ] {
            let links: BTreeSet<String> = tags(&page)
                .iter()
                .filter_map(|tag| Some(tag.attribute("href")?.to_owned()))
                .filter(|link| !link.starts_with('#'))
                .collect();
            for link in &links {
                assert!(
                    ["https://check.spamhaus.org/", "https://olcsupport.office.com/"]
                        .contains(&link.as_str()),
                    "{link}"
                );
            }
        }
        let page = november(Lang::En);
        assert!(page.contains(r#"href="https://check.spamhaus.org/" rel="noreferrer noopener""#));
        assert!(text(&page).contains("http://www.spamhaus.org/lookup.lasso"));
    }

    #[test]
    fn nothing_runs_and_nothing_is_loaded() {
        for page in [november(Lang::Ja), page_full_of(HOSTILE)] {
            assert!(page.contains(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
            ));
            let rest = page.replace("url(#hatch)", "");
            assert!(!rest.contains("url(") && !rest.contains("@import"));
            for tag in tags(&page) {
                let loads = [
                    "script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image",
                ];
                assert!(!loads.contains(&tag.name.as_str()), "{tag:?}");
                for (name, _) in &tag.attributes {
                    let acts = name.starts_with("on")
                        || ["style", "src", "srcset", "action"].contains(&name.as_str());
                    assert!(!acts, "{tag:?}");
                }
            }
        }
    }

    #[test]
    fn tags_are_nested_ids_are_unique_and_what_is_pointed_at_is_there() {
        for page in [november(Lang::En), page_full_of(HOSTILE), page(&Case::of([]))] {
            let mut open = Vec::new();
            let mut ids = BTreeSet::new();
            let mut pointers = Vec::new();
            for tag in tags(&page) {
                if let Some(id) = tag.attribute("id") {
                    assert!(ids.insert(id.to_owned()), "{id} is there twice");
                }
                let labels = tag.attribute("aria-labelledby").unwrap_or_default();
                pointers.extend(labels.split_whitespace().map(str::to_owned));
                pointers.extend(
                    tag.attribute("href")
                        .and_then(|to| to.strip_prefix('#'))
                        .map(str::to_owned),
                );
                match tag.name.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                    None if ["meta", "br"].contains(&tag.name.as_str()) => {}
                    None => open.push(tag.name),
                }
            }
            assert!(open.is_empty(), "{open:?}");
            for pointer in pointers {
                assert!(ids.contains(&pointer), "#{pointer}");
            }
        }
    }

    #[test]
    fn headings_are_in_order_and_tables_have_captions_and_scopes() {
        for page in [november(Lang::Ja), page_full_of("harmless"), page(&Case::of([]))] {
            let tags = tags(&page);
            let levels = tags
                .iter()
                .filter_map(|tag| tag.name.strip_prefix('h')?.parse::<u32>().ok());
            let levels: Vec<u32> = levels.collect();
            assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
            assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
            let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
            assert_eq!(count("table"), count("caption"));
            assert_eq!((count("header"), count("main"), count("footer")), (1, 1, 1));
            let mut headers = tags.iter().filter(|tag| tag.name == "th");
            assert!(headers.all(|tag| tag.attribute("scope").is_some()));
            for picture in tags.iter().filter(|tag| tag.attribute("role") == Some("img")) {
                let named = picture.attribute("aria-labelledby").unwrap();
                assert_eq!(named.split(' ').count(), 2, "title and desc");
            }
        }
    }

    #[test]
    fn the_three_newest_bounces_of_each_address_are_its_evidence() {
        let bounce = story("sendmail-transcript.eml");
        let day = |day: u32| {
            let at = format!("2026-11-{day}T09:00:00+00:00");
            again(&bounce, "c@univ.example.ac.jp", &at, &at)
        };
        let mut other = story("pasted-masked-s3150.eml"); // names no address
        other.message_id = Some("other".into());
        let case = Case::of([day(11), day(14), day(13), day(12), other]);
        let report = case.report();
        let bounces = &case.history.bounces;
        let times: Vec<_> = evidence(&report)
            .into_iter()
            .map(|id| bounces.iter().find(|bounce| bounce.id == id).unwrap())
            .filter(|bounce| bounce.verdict.blocked_ip.is_some())
            .map(|bounce| bounce.times.sent_at.unwrap().format("%d").to_string())
            .collect();
        assert_eq!(times, ["14", "13", "12"]);
        assert_eq!(evidence(&report).len(), 4);
    }

    #[test]
    #[ignore = "writes pages to look at"]
    fn pages_to_look_at() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, page: String| std::fs::write(folder.join(name), page).unwrap();
        write("november-en.html", november(Lang::En));
        write("november-ja.html", november(Lang::Ja));
        write("hostile.html", page_full_of(HOSTILE));
        write("nothing.html", page(&Case::of([])));
        write("busy.html", page(&busy()));
    }
}
