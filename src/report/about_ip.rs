//! What the terminal says of an address itself, whoever refuses it.

use std::collections::BTreeSet;

use crate::ledger::Note;
use crate::report::Report;
use crate::report::group::Group;
use crate::report::rows::Row;
use crate::report::tenancy::Tenancy;
use crate::report::words::fill;

/// The lines below each entry. What an entry of the same address has said above is not said again.
pub(super) fn lines(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Vec<Vec<String>> {
    let mut said = BTreeSet::new();
    let of = |row: &Row<'_, '_>| {
        let newest = row.newest();
        let lines = newest.and_then(|group| helo(report, group)).into_iter();
        let lines = lines.chain(newest.and_then(|group| tenancy(report, group)));
        let lines = lines.chain(notes(report, row));
        lines.filter(|line| said.insert((row.ip, line.clone()))).collect()
    };
    rows.iter().map(of).collect()
}

/// What the address calls itself, where that is not one of its names.
fn helo(report: &Report<'_>, group: &Group<'_>) -> Option<String> {
    let helo = group
        .helo
        .filter(|helo| !group.ptr.is_empty() && !group.ptr.contains(helo))?;
    let ptr = group.ptr.join(&report.words.join.list);
    Some(fill(&report.words.row.helo, &[("helo", &helo), ("ptr", &ptr)]))
}

/// Whether others send through the address too, as far as that can be told.
fn tenancy(report: &Report<'_>, group: &Group<'_>) -> Option<String> {
    let words = &report.words.row;
    Some(match &group.tenancy {
        Tenancy::Hosted { name, company } => {
            let company = report.words.phrases.fact(company);
            fill(&words.hosted, &[("name", name), ("company", &company)])
        }
        Tenancy::Several(domains) => fill(
            &words.several,
            &[("domains", &domains.join(&report.words.join.list))],
        ),
        Tenancy::Own(name) => fill(&words.own, &[("name", name)]),
        Tenancy::Unknown => return None,
    })
}

/// What the user noted of the address.
fn notes(report: &Report<'_>, row: &Row<'_, '_>) -> Vec<String> {
    let words = &report.words.row;
    let of_it = report.history.notes.iter().filter(|note| Some(note.ip) == row.ip);
    let line = |note: &Note| {
        let time = report.clock.show(note.noted_at).format("%Y-%m-%d %H:%M");
        fill(&words.note, &[("time", &time), ("text", &note.remark)])
    };
    of_it.map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::check::{Names, Owner, Ptr};
    use crate::event::Helo;
    use crate::ledger::Note;
    use crate::report::samples::{self, Case};
    use crate::report::table::{Look, table};

    #[test]
    fn what_is_true_of_an_address_is_said_once_for_each() {
        let ip = |last: u8| IpAddr::from([192, 0, 2, last]);
        let refused = |story: &str, ip: IpAddr| {
            let mut event = samples::story(story);
            event.verdict.blocked_ip = Some(ip);
            event.original.from = Some("taro@shop.example.jp".into());
            event.original.helos = vec![Helo {
                ip,
                name: "web01.local".into(),
            }];
            event
        };
        let mut case = Case::of([
            refused("qmail-spamhaus-outlook.eml", ip(10)),
            refused("qmail-greeting-late.eml", ip(10)),
            refused("postfix-gmo-rbl-late.eml", ip(10)),
            refused("qmail-greeting-late.eml", ip(11)),
        ]);
        case.history.names = [ip(10), ip(11)]
            .map(|ip| Names {
                ip,
                ptr: Ptr::Confirmed("mail.shop.example.jp".into()),
                owner: Owner::NotAsked,
                checked_at: samples::at("2026-11-21T23:00:00+00:00"),
                ttl: None,
            })
            .to_vec();
        let look = Look {
            width: 109, // the widest with a line for each entry
            color: false,
            verbose: false,
        };
        let page = table(&case.report(), look);
        for (entry, entries) in [
            ("unknown  192.0.2.10  ", 2),
            ("cleared  192.0.2.10  ", 1),
            ("unknown  192.0.2.11  ", 1),
        ] {
            assert_eq!(page.matches(entry).count(), entries, "{page}");
        }
        for words in [
            "Your own IP, not a shared one: its PTR name is mail.shop.example.jp.",
            "HELO is web01.local",
        ] {
            assert_eq!(page.matches(words).count(), 2, "{words}:\n{page}");
        }
        // Not "on a shared server: your hosting company".
        let ask = "Ask: the IP's owner, with the whole bounce.\n";
        assert_eq!(page.matches(ask).count(), 2, "{page}");
        assert_eq!(page.matches("Ask: as above.\n").count(), 1, "{page}");
    }
    #[test]
    fn the_notes_of_an_address_stand_once_at_its_first_entry() {
        let ip = IpAddr::from([192, 0, 2, 10]);
        let refused = |story: &str| {
            let mut event = samples::story(story);
            event.verdict.blocked_ip = Some(ip);
            event
        };
        let mut case = Case::of([
            refused("qmail-spamhaus-outlook.eml"),
            refused("qmail-greeting-late.eml"),
        ]);
        let note = |ip: IpAddr, text: &str, noted_at: &str| Note {
            ip,
            remark: text.parse().unwrap(),
            noted_at: samples::at(noted_at),
        };
        case.history.notes = vec![
            note(
                ip,
                "asked the hosting company, ticket 1234",
                "2026-11-20T23:03:10+09:00",
            ),
            note(
                ip,
                "they said \u{1b}[2J{time}\u{202e}",
                "2026-11-21T08:00:00+00:00",
            ),
            note(
                IpAddr::from([192, 0, 2, 99]),
                "another one",
                "2026-11-21T08:00:00+00:00",
            ),
        ];
        let look = Look {
            width: 109, // the widest with a line for each entry
            color: false,
            verbose: false,
        };
        let page = table(&case.report(), look);
        assert_eq!(page.matches("  192.0.2.10  ").count(), 3, "{page}");
        let first = "Note 2026-11-20 14:03: asked the hosting company, ticket 1234\n";
        let second = r"Note 2026-11-21 08:00: they said \x1b[2J{time}\u{202e}";
        for line in [first, second] {
            assert_eq!(page.matches(line).count(), 1, "{line}:\n{page}");
        }
        assert!(page.find(first) < page.find(second), "{page}");
        assert!(!page.contains("another one"), "{page}");
    }
}
