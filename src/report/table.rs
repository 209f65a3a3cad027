//! The report for people: a sentence, the refused addresses, the days, what was not counted, what could not be seen.

use std::net::IpAddr;

use crate::report::entry;
use crate::report::lang::Lang;
use crate::report::layout::{Page, Tone, cells, pad, pad_left};
use crate::report::rows::{Row, rows};
use crate::report::wide::{self, WIDE};
use crate::report::{Report, days, summary, unseen};

/// What the terminal is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its width in cells; under 60 counts as 60.
    pub width: usize,
    /// Whether words may be coloured.
    pub color: bool,
    /// Whether everything is named (`-v`).
    pub verbose: bool,
}

/// The report for a terminal or a mail: lines of at most `look.width` cells, ended by line feeds.
#[must_use]
pub fn table(report: &Report<'_>, look: Look) -> String {
    let mut page = Page::new(look.width, look.color);
    let rows = rows(&report.groups);
    if !report.quiet {
        heading(&mut page, report);
    }
    sentence(&mut page, report, &rows);
    if page.width < WIDE {
        entry::write(&mut page, report, &rows, look);
    } else {
        wide::write(&mut page, report, &rows, look);
    }
    days::write(&mut page, report, &rows, &report.words);
    others(&mut page, report);
    rest(&mut page, report);
    unseen::write(&mut page, report, look);
    next(&mut page, report, &rows);
    page.finish()
}

fn heading(page: &mut Page, report: &Report<'_>) {
    page.paragraph(Tone::Faint, 0, 2, &summary::title(report));
    page.paragraph(Tone::Faint, 0, 2, &summary::window(report));
    page.gap();
}

fn sentence(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>]) {
    page.paragraph(Tone::Strong, 0, 0, &summary::sentence(report, rows));
    if report.bounces == 0 {
        page.paragraph(Tone::Plain, 0, 0, &report.words.rest.no_bounces);
    }
}

/// With `--all-reasons`: what no block caused, by receiving domain.
fn others(page: &mut Page, report: &Report<'_>) {
    let groups: Vec<_> = report.groups.iter().filter(|group| !group.is_block()).collect();
    if groups.is_empty() {
        return;
    }
    let words = &report.words.column;
    page.gap();
    page.paragraph(Tone::Strong, 0, 0, &report.words.rest.others);
    let wide = groups
        .iter()
        .map(|group| cells(group.receiving_domain.as_str()))
        .max()
        .unwrap_or_default();
    let wide = wide.clamp(cells(&words.domain), page.width.saturating_sub(34));
    let mail = cells(&words.mail).max(4);
    page.spans(&[(
        Tone::Faint,
        &format!(
            "  {}  {}  {}",
            pad(&words.domain, wide),
            pad_left(&words.mail, mail),
            words.reasons
        ),
    )]);
    for group in groups {
        let reasons: Vec<&str> = group
            .reasons
            .iter()
            .map(|reason| report.words.reasons.of(*reason))
            .collect();
        let mails = pad_left(&group.messages.len().to_string(), mail);
        let reasons = reasons.join(&report.words.join.list);
        let domain = group.receiving_domain.as_str();
        if cells(domain) > wide {
            page.line(&format!("  {domain}"));
            page.paragraph(Tone::Plain, 4 + wide, 2 + mail, &format!("{mails}  {reasons}"));
        } else {
            page.paragraph(
                Tone::Plain,
                2,
                wide + mail + 4,
                &format!("{}  {mails}  {reasons}", pad(domain, wide)),
            );
        }
    }
}

/// What was read and is in no entry above.
fn rest(page: &mut Page, report: &Report<'_>) {
    page.gap();
    for line in summary::rest(report) {
        page.paragraph(Tone::Plain, 0, 2, &line);
    }
}

impl Report<'_> {
    /// What to type for a request about an address.
    pub(super) fn draft_command(&self, ip: Option<IpAddr>) -> String {
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        match self.lang {
            Lang::En => format!("bounceaudit draft {ip}"),
            Lang::Ja => format!("bounceaudit draft {ip} --lang {}", self.lang.tag()),
        }
    }
}

/// What to type now: for the first address that goes on and of which somebody can be written to, else the first.
fn next(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>]) {
    let written_about = rows.iter().find(|row| row.can_be_written_about());
    let Some(ip) = written_about
        .or(rows.iter().find(|row| row.ip.is_some()))
        .and_then(|row| row.ip)
    else {
        return;
    };
    let words = &report.words.next;
    let check = (format!("bounceaudit check {ip}"), &words.check);
    let csv = ("bounceaudit report --csv groups.csv".to_owned(), &words.csv);
    let html = ("bounceaudit report --html report.html".to_owned(), &words.html);
    let commands = match written_about {
        Some(row) if page.width < WIDE => vec![(report.draft_command(row.ip), &words.draft), check, html],
        // the draft stands beside its address
        Some(_) | None => vec![check, csv, html],
    };
    let wide = commands
        .iter()
        .map(|(command, _)| command.len())
        .max()
        .unwrap_or_default();
    page.gap();
    let title = cells(&words.title);
    let fits = commands
        .iter()
        .all(|(_, what)| title + 4 + wide + cells(what) <= page.width);
    for (at, (command, what)) in commands.iter().enumerate() {
        let title = pad(if at == 0 { words.title.as_str() } else { "" }, title);
        if fits {
            page.line(&format!("{title}  {}  {what}", pad(command, wide)));
        } else {
            page.line(&format!("{title}  {command}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use crate::check::{Answer, Names, Network, Owner, Ptr};
    use crate::event::{Gap, ListId, Place, Shape, Sign, Source};
    use crate::ledger::Note;
    use crate::report::lang::Lang;
    use crate::report::layout::cells;
    use crate::report::safe::steers;
    use crate::report::samples::{self, Case};
    use crate::report::table::{Look, table};

    const LOOK: Look = Look {
        width: 80,
        color: false,
        verbose: false,
    };

    const STORIES: [&str; 9] = [
        "qmail-microsoft-blocklist1.eml",
        "sendmail-transcript.eml",
        "sendmail-forwarded.eml",
        "postfix-gmo-rbl-late.eml",
        "postfix-s3150.eml",
        "pasted-masked-s3150.eml",
        "qmail-spamhaus-outlook.eml",
        "qmail-greeting-late.eml",
        "postfix-open-resolver.eml",
    ];

    fn shown(case: &Case, look: Look) -> String {
        let text = table(&case.report(), look);
        for line in text.lines() {
            let word_alone = !line.trim_start().contains(' ');
            assert!(
                cells(line) <= look.width.max(60) || word_alone,
                "{} cells: {line}",
                cells(line)
            );
        }
        text.replacen(env!("CARGO_PKG_VERSION"), "0.0.0", 1)
    }

    /// A bounce whose every text wants to be somebody else.
    fn hostile(text: &str) -> Case {
        let mut event = samples::story("pasted-masked-s3150.eml");
        event.reply = Some(text.to_owned());
        event.recipient = format!("{text}@portal.example.jp");
        event.reporting_mta = Some(text.to_owned());
        event.remote_host = Some(text.to_owned());
        event.original.subject = Some(text.to_owned());
        event.verdict.blocklist = Some(ListId(text.to_owned()));
        event.verdict.code = Some(text.to_owned());
        event.verdict.removal = Some(text.to_owned());
        event.verdict.zone = Some(text.to_owned().into());
        let mut named = event.clone();
        named.verdict.blocked_ip = Some([192, 0, 2, 7].into());
        let domain = serde_json::from_value(serde_json::Value::String(text.to_owned())).unwrap();
        named.receiving_domain = domain;
        let mut case = Case::of([event, named]).answered(
            "192.0.2.7",
            text,
            Answer::Error(text.to_owned()),
            "2026-11-21T23:00:00+00:00",
        );
        case.gaps = vec![Gap {
            at: Place::Folder {
                account: text.to_owned(),
                folder: text.to_owned(),
            },
            why: text.to_owned(),
        }];
        case.warnings = vec![text.to_owned()];
        case.history.not_understood = vec![samples::strange(text, text)];
        case.looked_at = vec![text.to_owned()];
        case
    }

    fn with_gaps(mut case: Case) -> Case {
        case.gaps = (0..12)
            .map(|n| Gap {
                at: Place::Path(format!("mail/{n}.eml").into()),
                why: "not a mail".into(),
            })
            .collect();
        case.gaps.push(Gap {
            at: Place::Folder {
                account: "postmaster".into(),
                folder: "エラー/2026".into(),
            },
            why: "the server said NO to EXAMINE: no such folder; name it as the server does".into(),
        });
        case
    }

    fn in_japanese(mut case: Case) -> Case {
        case.settings.lang = Some(Lang::Ja);
        case
    }

    fn of_the_window(mut case: Case) -> Case {
        case.settings.since = Some("2026-11-15".parse().unwrap());
        case.settings.until = Some("2026-11-22".parse().unwrap());
        case
    }

    /// The November of the sketches with what the DNS says of the addresses, and a note.
    fn with_names(mut case: Case) -> Case {
        let names = |ip: &str, ptr: &str| Names {
            ip: ip.parse().unwrap(),
            ptr: Ptr::Confirmed(ptr.into()),
            owner: Owner::Known(Network {
                prefix: "192.0.2.0/24".parse().unwrap(),
                systems: vec![64500],
                name: Some("EXAMPLE-NET Example Hosting KK, JP".into()),
                abuse: vec!["abuse@hosting.example.jp".into()],
            }),
            checked_at: samples::at("2026-11-21T23:00:00+00:00"),
            ttl: None,
        };
        case.history.names = vec![
            names("192.0.2.185", "mx1.hosting.example.jp"),
            names("192.0.2.77", "sv77.hosting.example.jp"),
        ];
        case.history.notes = vec![Note {
            ip: "192.0.2.185".parse().unwrap(),
            remark: "asked the hosting company, ticket 1234".parse().unwrap(),
            noted_at: samples::at("2026-11-20T23:03:10+09:00"),
        }];
        case
    }

    #[test]
    fn the_report_at_60_columns() {
        insta::assert_snapshot!(shown(&samples::november(), Look { width: 60, ..LOOK }));
    }

    #[test]
    fn the_report_at_60_columns_in_japanese() {
        let look = Look { width: 60, ..LOOK };
        insta::assert_snapshot!(shown(&in_japanese(samples::november()), look));
    }

    #[test]
    fn the_report_at_80_columns() {
        insta::assert_snapshot!(shown(&samples::november(), LOOK));
    }

    #[test]
    fn the_report_at_80_columns_in_japanese() {
        insta::assert_snapshot!(shown(&in_japanese(samples::november()), LOOK));
    }

    #[test]
    fn the_report_at_120_columns_with_everything_named() {
        let look = Look {
            width: 120,
            verbose: true,
            ..LOOK
        };
        insta::assert_snapshot!(shown(&of_the_window(samples::november()), look));
    }

    #[test]
    fn the_report_at_120_columns_in_japanese() {
        let look = Look { width: 120, ..LOOK };
        let case = in_japanese(with_names(of_the_window(samples::november())));
        insta::assert_snapshot!(shown(&case, look));
    }

    /// Which cells of a line are blank; a character of two cells fills both.
    fn blanks(line: &str) -> Vec<bool> {
        line.chars()
            .flat_map(|c| std::iter::repeat_n(c == ' ', cells(&c.to_string())))
            .collect()
    }

    #[test]
    fn each_column_begins_at_the_same_cell_in_each_line() {
        for lang in [Lang::En, Lang::Ja] {
            for width in [80, 100, 110, 120, 160] {
                let mut case = with_names(samples::november());
                let mut long = samples::story("qmail-spamhaus-outlook.eml");
                long.verdict.blocked_ip = Some("2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap());
                case.history.bounces.extend(samples::recorded([long]));
                case.settings.lang = Some(lang);
                let text = shown(&case, Look { width, ..LOOK });
                let header = match lang {
                    Lang::En => "STATE",
                    Lang::Ja => "状態",
                };
                let table: Vec<Vec<bool>> = text
                    .lines()
                    .skip_while(|line| !line.starts_with(header))
                    .take_while(|line| !line.is_empty())
                    // what stands below the line of an entry, and an address that stands alone
                    .filter(|line| !line.starts_with("    ") && !line.contains("2001:db8:"))
                    .map(blanks)
                    .collect();
                let header = &table[0];
                let begins = |at: &usize| !header[*at] && header[at - 1];
                for begin in (2..header.len()).filter(begins) {
                    for line in &table {
                        let gap = line.get(begin - 2..begin).unwrap_or_default();
                        assert!(
                            gap.iter().all(|blank| *blank) || header[begin - 2..begin] != [true; 2],
                            "{begin}:\n{text}"
                        );
                    }
                }
                assert!(table.len() > 4, "{text}");
            }
        }
    }

    #[test]
    fn a_report_of_nothing() {
        insta::assert_snapshot!(shown(&Case::of([]), LOOK));
    }

    #[test]
    fn the_stories_over_nine_years_in_japanese_and_wide() {
        let look = Look { width: 120, ..LOOK };
        let case = Case::of(STORIES.map(samples::story));
        insta::assert_snapshot!(shown(&in_japanese(with_gaps(case)), look));
    }

    #[test]
    fn what_was_not_read_makes_the_sentence_careful() {
        insta::assert_snapshot!(shown(&with_gaps(Case::of([])), LOOK));
    }

    #[test]
    fn what_could_not_be_understood_is_shown_by_shape() {
        let mut case = Case::of([]);
        let report = "Abuse Report <n>";
        let mut other = samples::strange("z.mbox#3", report);
        other.shape = Some(Shape {
            signs: vec![Sign::Report],
            from: None,
            subject: Some(report.into()),
            mailer: Some("Example Mailer <n>".into()),
            parts: "multipart/report; report-type=feedback-report (text/plain, message/feedback-report, message/rfc822)".into(),
        });
        let mut older = other.clone();
        (older.source, older.shape) = (Source::File("older.eml".into()), None);
        case.history.not_understood = vec![
            samples::strange("a.eml", "Undelivered <text>"),
            other,
            samples::strange("b.eml", "Undelivered <text>"),
            older,
        ];
        let verbose = Look {
            verbose: true,
            ..LOOK
        };
        insta::assert_snapshot!(shown(&case, verbose));
    }

    #[test]
    fn zones_that_turn_us_away_are_told() {
        let event = samples::story("qmail-greeting-late.eml");
        let mut case = Case::of([event])
            .answered(
                "192.0.2.10",
                "zen.spamhaus.org",
                Answer::Refused(vec![]),
                "2026-11-21T23:00:00+00:00",
            )
            .answered(
                "192.0.2.10",
                "bl.spamcop.net",
                Answer::Timeout,
                "2026-11-21T23:00:00+00:00",
            )
            .answered(
                "192.0.2.10",
                "psbl.surriel.com",
                Answer::Listed(vec![]),
                "2026-11-21T23:00:00+00:00",
            );
        case.warnings = vec!["resolver 203.0.113.53 is refused by zen.spamhaus.org".into()];
        insta::assert_snapshot!(shown(&case, LOOK));
    }

    #[test]
    fn a_long_ipv6_address_has_a_line_of_its_own() {
        let mut event = samples::story("qmail-spamhaus-outlook.eml");
        event.verdict.blocked_ip = Some("2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap());
        let case = Case::of([event, samples::story("qmail-greeting-late.eml")]);
        insta::assert_snapshot!(shown(&case, LOOK));
    }

    #[test]
    fn the_stories_over_nine_years() {
        insta::assert_snapshot!(shown(&Case::of(STORIES.map(samples::story)), LOOK));
    }

    #[test]
    fn other_reasons_and_other_peoples_servers_have_their_places() {
        let mut case = samples::november();
        case.settings.all_reasons = true;
        case.settings.quiet = true;
        case.own = vec!["192.0.2.99".parse().unwrap(), "192.0.2.77".parse().unwrap()];
        insta::assert_snapshot!(shown(&case, LOOK));
    }

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        let text = "=cmd|\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}txt.exe\u{9b}31m {n} \r\n\tfoo";
        insta::assert_snapshot!(shown(
            &hostile(text),
            Look {
                verbose: true,
                ..LOOK
            }
        ));
    }

    #[test]
    fn colour_says_nothing_that_a_word_does_not() {
        let case = samples::november();
        let plain = shown(&case, LOOK);
        let painted = Look { color: true, ..LOOK };
        let mut colored = table(&case.report(), painted).replacen(env!("CARGO_PKG_VERSION"), "0.0.0", 1);
        assert_ne!(colored, plain);
        for sgr in ["0", "1", "2", "32", "33", "1;31"] {
            colored = colored.replace(&format!("\u{1b}[{sgr}m"), "");
        }
        assert_eq!(colored, plain);
    }

    proptest! {
        #[test]
        fn no_text_of_a_bounce_reaches_the_terminal_raw(
            text in ".{0,80}|[\\x00-\\xff\u{202a}-\u{202e}\u{2066}-\u{2069} ]{0,80}|([a-z]{1,30} ){0,12}",
            width in 0usize..200,
            verbose: bool,
            japanese: bool,
        ) {
            let mut case = hostile(&text);
            case.settings.lang = Some(if japanese { Lang::Ja } else { Lang::En });
            let text = table(&case.report(), Look { width, verbose, color: false });
            for line in text.lines() {
                prop_assert!(!line.chars().any(steers), "{line:?}");
                let wide = cells(line) > width.max(60);
                prop_assert!(!wide || !line.trim_start().contains(' '), "{width}: {line:?}");
            }
        }
    }
}
