//! The whole report as one JSON document (RFC 8259), each group, answer and bounce on a line of its own. Its schema stands
//! beside it in `report.schema.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::check::Network;
use crate::event::{Reason, Timestamp, Zone};
use crate::ledger::{End, Recorded, Spell};
use crate::report::Report;
use crate::report::columns::Named;
use crate::report::group::Group;
use crate::report::ndjson::{Line, json};
use crate::report::rows::{rows, states, states_of_addresses};
use crate::report::tenancy::Tenancy;

/// Goes up when a name goes or a meaning changes, not when something is added.
const VERSION: u32 = 1;

/// A document on its way out; its bounces come one by one, so that they need not be held all at once.
pub struct JsonDocument<W: Write> {
    out: W,
    has_events: bool,
}

impl<W: Write> JsonDocument<W> {
    /// Writes everything but the bounces.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn new(report: &Report<'_>, mut out: W) -> io::Result<Self> {
        out.write_all(b"{\n")?;
        field("version", &VERSION, &mut out)?;
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        field("program", &program, &mut out)?;
        field("made_at", &report.now, &mut out)?;
        field("command", &report.command, &mut out)?;
        field("looked_at", &report.looked_at, &mut out)?;
        field("window", &WindowRow::of(report), &mut out)?;
        field("news_since", &report.news_since, &mut out)?;
        field("counts", &Counts::of(report), &mut out)?;
        let groups = report.groups.iter().map(|group| GroupRow::of(group, report));
        list("groups", groups, &mut out)?;
        list(
            "checks",
            report.listings().into_iter().map(Named::check),
            &mut out,
        )?;
        let gaps = report.gaps.iter().map(|gap| GapRow {
            what: gap.at.to_string(),
            why: &gap.why,
        });
        list("gaps", gaps, &mut out)?;
        list("warnings", report.warnings, &mut out)?;
        list("not_understood", &report.strange, &mut out)?;
        out.write_all(b"\"events\":[")?;
        Ok(Self {
            out,
            has_events: false,
        })
    }

    /// Writes a bounce.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn event(&mut self, bounce: &Recorded) -> io::Result<()> {
        separate(&mut self.has_events, &mut self.out)?;
        json(&Line::of(bounce), &mut self.out)
    }

    /// Ends the document.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()
    }
}

fn field(name: &str, value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write!(out, "\"{name}\":")?;
    json(value, out)?;
    out.write_all(b",\n")
}

fn list(
    name: &str,
    values: impl IntoIterator<Item = impl Serialize>,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "\"{name}\":[")?;
    let mut has_some = false;
    for value in values {
        separate(&mut has_some, out)?;
        json(&value, out)?;
    }
    out.write_all(b"\n],\n")
}

fn separate(has_some: &mut bool, out: &mut impl Write) -> io::Result<()> {
    let before: &[u8] = if *has_some { b",\n" } else { b"\n" };
    *has_some = true;
    out.write_all(before)
}

#[derive(Serialize)]
struct WindowRow {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    late_until: Option<Timestamp>,
}

impl WindowRow {
    fn of(report: &Report<'_>) -> Self {
        Self {
            since: report.window.since,
            until: report.window.until,
            late_until: report.window.late_until(),
        }
    }
}

#[derive(Serialize)]
struct Counts<'a> {
    /// In the window.
    bounces: usize,
    /// Blocked ones, by state.
    addresses: BTreeMap<String, usize>,
    /// Groups of refusals that name no address.
    unnamed: usize,
    not_blocks: &'a BTreeMap<Reason, usize>,
    other_delays: usize,
    not_understood: usize,
}

impl<'a> Counts<'a> {
    fn of(report: &'a Report<'_>) -> Self {
        let rows = rows(&report.groups);
        let mut addresses: BTreeMap<_, _> = states().map(|state| (state.to_string(), 0)).into();
        for state in states_of_addresses(&rows).into_values() {
            *addresses.entry(state.to_string()).or_default() += 1;
        }
        let unnamed = rows.iter().filter(|row| row.ip.is_none());
        Self {
            bounces: report.bounces,
            addresses,
            unnamed: unnamed.map(|row| row.groups.len()).sum(),
            not_blocks: &report.not_blocks,
            other_delays: report.other_delays,
            not_understood: report.strange.iter().map(|alike| alike.mails).sum(),
        }
    }
}

#[derive(Serialize)]
struct GapRow<'a> {
    what: String,
    why: &'a str,
}

/// The columns of a group, and what no column has.
#[derive(Serialize)]
struct GroupRow<'a> {
    #[serde(flatten)]
    columns: Named<'a>,
    list_removal: Option<&'a str>,
    lists: Vec<ListRow<'a>>,
    queue_life_seconds: Option<i64>,
    helo: Option<&'a str>,
    tenancy: TenancyRow<'a>,
    hosting: Option<HostingRow<'a>>,
    network: Option<&'a Network>,
    spells: Vec<SpellRow>,
    notes: Vec<NoteRow>,
}

impl<'a> GroupRow<'a> {
    fn of(group: &'a Group<'a>, report: &Report<'_>) -> Self {
        let notes = report.history.notes.iter();
        let notes = notes.filter(|note| Some(note.ip) == group.blocked_ip);
        Self {
            columns: Named::group(group),
            list_removal: group.list_removal,
            lists: group
                .lists
                .iter()
                .map(|(list, zones)| ListRow {
                    blocklist: &list.0,
                    zones,
                })
                .collect(),
            queue_life_seconds: group.queue_life.map(|life| life.num_seconds()),
            helo: group.helo,
            tenancy: TenancyRow::of(&group.tenancy),
            hosting: group.hosting.map(|company| HostingRow {
                name: &company.name,
                channel: Some(company.channel.as_str()).filter(|channel| !channel.is_empty()),
            }),
            network: group.network,
            spells: group.spells.iter().map(SpellRow::of).collect(),
            notes: notes
                .map(|note| NoteRow {
                    noted_at: note.noted_at,
                    text: note.remark.to_string(),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct ListRow<'a> {
    blocklist: &'a str,
    zones: &'a [&'a Zone],
}

#[derive(Serialize)]
struct HostingRow<'a> {
    name: &'a str,
    channel: Option<&'a str>,
}

#[derive(Serialize)]
struct NoteRow {
    noted_at: Timestamp,
    text: String,
}

#[derive(Serialize)]
struct TenancyRow<'a> {
    kind: &'static str,
    name: Option<&'a str>,
    company: Option<&'a str>,
    domains: &'a [String],
}

impl<'a> TenancyRow<'a> {
    fn of(tenancy: &'a Tenancy<'a>) -> Self {
        let (kind, name, company, domains): (_, _, _, &[String]) = match tenancy {
            Tenancy::Hosted { name, company } => ("hosted", Some(*name), Some(*company), &[]),
            Tenancy::Several(domains) => ("several", None, None, domains),
            Tenancy::Own(name) => ("own", Some(*name), None, &[]),
            Tenancy::Unknown => ("unknown", None, None, &[]),
        };
        Self {
            kind,
            name,
            company,
            domains,
        }
    }
}

#[derive(Serialize)]
struct SpellRow {
    began_after: Option<Timestamp>,
    began_by: Timestamp,
    ended_after: Timestamp,
    end: &'static str,
    /// By when its end was seen.
    ended_by: Option<Timestamp>,
}

impl SpellRow {
    fn of(spell: &Spell) -> Self {
        let (end, ended_by) = match spell.end {
            End::Open => ("open", None),
            End::Seen(by) => ("seen", Some(by)),
            End::Presumed => ("presumed", None),
        };
        Self {
            began_after: spell.began_after,
            began_by: spell.began_by,
            ended_after: spell.ended_after,
            end,
            ended_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jsonschema::Validator;
    use serde_json::Value;
    use strum::IntoEnumIterator;

    use crate::check::{Answer, Names, Network, Owner, Ptr};
    use crate::event::{Action, Event, Format, Gap, Place, Reason, SmtpCommand};
    use crate::ledger::{ListedNow, Note, Recorded, State};
    use crate::report::columns::{CHECKS, EVENTS, GROUPS};
    use crate::report::json::JsonDocument;
    use crate::report::safe::steers;
    use crate::report::samples::{self, Case, at};
    use crate::report::settings::When;

    const SCHEMA: &str = include_str!("report.schema.json");
    const HOSTILE: &str = "\u{1b}[2J\",\"\u{202e}\u{9b}\u{0}\u{ffff}\\u0041\r\n=1+1 {ip} 表";

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn validator() -> Validator {
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&schema()).unwrap()
    }

    fn stories() -> Vec<Event> {
        let lines = include_str!("samples.ndjson").lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn written(case: &Case, events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut document = JsonDocument::new(&case.report(), &mut out).unwrap();
        for event in events {
            let recorded = Recorded {
                event: event.clone(),
                sources: vec![event.source.clone()],
                recorded_at: at("2026-11-22T09:00:00.123456789+09:00"),
            };
            document.event(&recorded).unwrap();
        }
        document.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn valid(text: &str) -> Value {
        let document = serde_json::from_str(text).unwrap();
        let faults: Vec<_> = validator()
            .iter_errors(&document)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}\n{text}", faults.join("\n"));
        document
    }

    /// November with something in every place.
    fn november() -> Case {
        let mut case = samples::november();
        case.settings.since = Some(When::Day("2026-11-01".parse().unwrap()));
        case.settings.until = Some(When::Day("2026-11-22".parse().unwrap()));
        let ip = "192.0.2.185".parse().unwrap();
        case.history.names.push(Names {
            ip,
            ptr: Ptr::Confirmed("sv77.xserver.jp".into()),
            owner: Owner::Known(Network {
                prefix: "192.0.2.0/24".parse().unwrap(),
                systems: vec![64500],
                name: Some("EXAMPLE-NET Example Hosting KK, JP".into()),
                abuse: vec!["abuse@hosting.example.jp".into()],
            }),
            checked_at: case.now,
            ttl: None,
        });
        case.history.notes.push(Note {
            ip,
            remark: "asked the hosting company, ticket 1234".parse().unwrap(),
            noted_at: case.now,
        });
        case.gaps.push(Gap {
            at: Place::Folder {
                account: "postmaster".into(),
                folder: "エラー".into(),
            },
            why: "no such folder".into(),
        });
        case.warnings.push("a public resolver".into());
        case
    }

    #[test]
    fn a_full_report_an_empty_one_and_a_hostile_one_are_what_the_schema_says() {
        let document = valid(&written(&november(), &stories()));
        assert_eq!(document["groups"].as_array().unwrap().len(), 6);
        assert_eq!(document["events"].as_array().unwrap().len(), stories().len());
        assert_eq!(document["counts"]["addresses"]["relisted"], 1, "{document:#}");
        assert_eq!(document["counts"]["not_blocks"]["user-unknown"], 2);
        assert_eq!(document["window"]["until"], "2026-11-23T00:00:00Z");

        let document = valid(&written(&Case::of([]), &[]));
        assert_eq!(document["events"], serde_json::json!([]));
        assert_eq!(document["counts"]["addresses"]["new"], 0);
    }

    #[test]
    fn what_strangers_wrote_comes_back_and_steers_nothing() {
        let mut event = samples::story("postfix-s3150.eml");
        for text in [
            &mut event.reply,
            &mut event.remote_host,
            &mut event.original.subject,
            &mut event.verdict.code,
        ] {
            *text = Some(HOSTILE.into());
        }
        event.recipient = HOSTILE.into();
        let mut case = Case::of([event.clone()]).answered(
            "192.0.2.99",
            HOSTILE,
            Answer::Error(HOSTILE.into()),
            "2026-11-22T09:00:00+09:00",
        );
        case.gaps.push(Gap {
            at: Place::Path(HOSTILE.into()),
            why: HOSTILE.into(),
        });
        case.warnings.push(HOSTILE.into());
        case.looked_at.push(HOSTILE.into());
        case.history
            .not_understood
            .push(samples::strange(HOSTILE, HOSTILE));

        let text = written(&case, &[event]);

        assert!(!text.replace('\n', "").chars().any(steers), "{text}");
        let document = valid(&text);
        for place in [
            "/events/0/reply",
            "/events/0/recipient",
            "/groups/0/sample_reply",
            "/groups/0/codes/0",
            "/checks/0/meaning",
            "/gaps/0/why",
            "/warnings/0",
            "/looked_at/1",
            "/not_understood/0/shape/subject",
        ] {
            assert_eq!(
                document.pointer(place).and_then(Value::as_str),
                Some(HOSTILE),
                "{place}"
            );
        }
    }

    #[test]
    fn times_keep_the_offset_of_the_mail_and_what_clients_called_themselves_stays_inside() {
        let mut event = samples::story("postfix-s3150.eml");
        event.original.helos = vec![crate::event::Helo {
            ip: "192.0.2.99".parse().unwrap(),
            name: "web01.local".into(),
        }];
        let text = written(&Case::of([event.clone()]), &[event]);
        let event = &valid(&text)["events"][0];
        assert_eq!(event["sent_at"], "2022-11-14T11:00:00+09:00");
        assert_eq!(event["recorded_at"], "2026-11-22T09:00:00.123456789+09:00");
        assert!(!text.contains("original_helos"), "{text}");
    }

    #[test]
    fn a_bounce_is_a_line_and_so_is_a_group() {
        let text = written(&november(), &stories());
        let with = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(with("{\"source\":"), stories().len(), "{text}");
        assert_eq!(with("{\"blocked_ip\":"), 6, "{text}");
    }

    #[test]
    fn a_document_with_another_name_or_without_one_is_refused() {
        let validator = validator();
        let document = valid(&written(&november(), &stories()));
        let mut seen = BTreeSet::new();
        let mut objects = vec![(String::new(), String::new())];
        while let Some((pointer, shape)) = objects.pop() {
            let value = document.pointer(&pointer).unwrap();
            if let Some(list) = value.as_array() {
                let each = (0..list.len()).map(|at| (format!("{pointer}/{at}"), format!("{shape}/0")));
                objects.extend(each);
            }
            let Some(object) = value.as_object() else { continue };
            for key in object.keys() {
                objects.push((format!("{pointer}/{key}"), format!("{shape}/{key}")));
                // Reasons without a bounce are left out.
                if shape == "/counts/not_blocks" || !seen.insert(format!("{shape}/{key}")) {
                    continue;
                }
                let mut broken = document.clone();
                let inside = broken.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
                let value = inside.remove(key).unwrap();
                assert!(!validator.is_valid(&broken), "without {pointer}/{key}");
                let inside = broken.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
                inside.insert(format!("{key}_"), value);
                assert!(!validator.is_valid(&broken), "renamed {pointer}/{key}");
            }
        }
        assert!(seen.len() > 100, "{seen:#?}");
    }

    #[test]
    fn a_document_with_a_wrong_word_or_type_is_refused() {
        let validator = validator();
        let document = valid(&written(&november(), &stories()));
        for (place, wrong) in [
            ("/version", "2"),
            ("/made_at", "\"2026-11-22 09:00\""),
            ("/window/since", "7"),
            ("/counts/bounces", "-1"),
            ("/counts/not_blocks", "{\"unknown-user\":2}"),
            ("/groups/0/state", "\"over\""),
            ("/groups/0/listed_now", "\"maybe\""),
            ("/groups/0/ours", "null"),
            ("/groups/0/reasons", "[\"blockage\"]"),
            ("/groups/0/reasons", "\"blocked\""),
            ("/groups/0/codes", "null"),
            ("/groups/0/messages", "\"2\""),
            ("/groups/0/late_cause", "\"\""),
            ("/groups/0/who_may_ask", "\"anybody\""),
            ("/groups/0/blocked_ip", "\"192.0.2.256\""),
            ("/groups/0/first_sent", "\"\""),
            ("/groups/0/tenancy/kind", "\"mine\""),
            ("/groups/0/spells/0/end", "\"over\""),
            ("/checks/0/result", "\"clean\""),
            ("/checks/0/codes", "[\"127\"]"),
            ("/not_understood/0/shape/signs", "[\"odd\"]"),
            ("/events/0/format", "\"postfix3\""),
            ("/events/0/action", "\"bounced\""),
            ("/events/0/status", "\"5.7\""),
            ("/events/0/smtp_code", "\"550\""),
            ("/events/0/smtp_command", "\"rcpt\""),
            ("/events/0/reason", "\"blockage\""),
            ("/events/0/sources", "[]"),
        ] {
            let mut broken = document.clone();
            *broken.pointer_mut(place).expect(place) = serde_json::from_str(wrong).unwrap();
            assert!(!validator.is_valid(&broken), "{place}");
        }
    }

    #[test]
    fn the_schema_knows_every_column_and_every_word() {
        let schema = schema();
        let keys = |of: &str| -> BTreeSet<String> {
            let properties = schema["$defs"][of]["properties"].as_object().unwrap();
            properties.keys().cloned().collect()
        };
        let names = |columns: &[&str], more: &[&str]| -> BTreeSet<String> {
            columns
                .iter()
                .chain(more)
                .map(|name| (*name).to_owned())
                .collect()
        };
        assert_eq!(keys("event"), names(&EVENTS, &["sources", "recorded_at"]));
        assert_eq!(keys("check"), names(&CHECKS, &[]));
        assert!(keys("group").is_superset(&names(&GROUPS, &[])));

        let words = |place: &str| -> BTreeSet<String> {
            let words = schema.pointer(place).unwrap().as_array().unwrap();
            words
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        fn all<T: IntoEnumIterator + ToString>() -> BTreeSet<String> {
            T::iter().map(|word| word.to_string()).collect()
        }
        let event = "/$defs/event/properties";
        assert_eq!(words("/$defs/reason/enum"), all::<Reason>());
        assert_eq!(words("/$defs/state/enum"), all::<State>());
        assert_eq!(
            words("/$defs/group/properties/listed_now/enum"),
            all::<ListedNow>()
        );
        assert_eq!(words(&format!("{event}/action/enum")), all::<Action>());
        assert_eq!(words(&format!("{event}/format/enum")), all::<Format>());
        assert_eq!(words(&format!("{event}/smtp_command/enum")), all::<SmtpCommand>());
    }
}
