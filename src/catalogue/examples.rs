//! Takes every example of every rule through the whole catalogue and demands that this rule wins, and every near miss,
//! which another must win.

use toml::Spanned;

use crate::catalogue::rules::{Example, RuleEntry, Subject, WholeExample};
use crate::catalogue::{Catalogue, reply};
use crate::event::{Action, Event, Format, Original, ReceivingDomain, Source, Times, Verdict};

/// An event around an example.
pub(crate) fn event(example: &WholeExample) -> Event {
    let domain = example.domain.as_deref().unwrap_or("receiver.example");
    let recipient = format!("user@{domain}");
    Event {
        source: Source::File("example.eml".into()),
        message_id: None,
        times: Times::default(),
        format: example.format.unwrap_or(Format::Generic),
        reporting_mta: None,
        original: Original::default(),
        receiving_domain: ReceivingDomain::of(&recipient).unwrap(),
        recipient,
        remote_host: example.host.clone(),
        remote_ip: None,
        action: Action::Failed,
        status: example.status,
        smtp_code: example.smtp,
        smtp_command: example.command,
        reply: Some(example.reply.clone()),
        verdict: Verdict::default(),
    }
}

pub(crate) fn whole(example: &Example) -> WholeExample {
    match example {
        Example::Reply(reply) => WholeExample {
            reply: reply.clone(),
            ..WholeExample::default()
        },
        Example::Whole(whole) => (**whole).clone(),
    }
}

/// The id of the reason rule that wins, and those of all the naming rules that match.
fn winners(catalogue: &Catalogue, event: &Event) -> (String, Vec<String>) {
    let text = reply::plain(event.reply.as_deref().unwrap());
    let nameless = catalogue.judge.client_names.without(&text);
    let subject = Subject {
        text: &nameless,
        ..reply::subject(&text, event, &catalogue.judge.roles)
    };
    let engine = &catalogue.judge.engine;
    let candidates = engine.candidates(&text);
    let id = |rule: &RuleEntry| rule.id.get_ref().clone();
    let rule = engine
        .first(subject, &candidates)
        .map(|hit| id(hit.rule))
        .unwrap_or_default();
    (
        rule,
        engine
            .names(subject, &candidates)
            .map(|hit| id(hit.rule))
            .collect(),
    )
}

/// What an example asks for and does not get.
pub(crate) fn wrong(example: &WholeExample, verdict: &Verdict) -> Vec<String> {
    let got = [
        Some(verdict.reason.to_string()),
        verdict.blocked_ip.map(|ip| ip.to_string()),
        verdict.blocklist.as_ref().map(ToString::to_string),
        verdict.zone.as_ref().map(ToString::to_string),
        verdict.code.clone(),
        verdict.removal.clone(),
    ];
    let wanted = [
        example.reason.map(|reason| reason.to_string()),
        example.ip.clone(),
        example.blocklist.clone(),
        example.zone.clone(),
        example.code.clone(),
        example.removal.clone(),
    ];
    let names = ["reason", "ip", "blocklist", "zone", "code", "removal"];
    names
        .into_iter()
        .zip(wanted)
        .zip(got)
        .filter_map(|((name, wanted), got)| {
            let wanted = wanted?;
            let got = got.unwrap_or_default();
            (wanted != got).then(|| format!("{name}: wanted {wanted:?}, got {got:?}"))
        })
        .collect()
}

#[test]
fn every_example_is_won_by_its_own_rule() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut problems = Vec::new();
    for rule in catalogue.judge.engine.entries() {
        let id = rule.id.get_ref();
        assert!(!rule.source.is_empty(), "{id} has no source");
        for example in rule.examples.iter().map(whole) {
            let event = event(&example);
            let (winner, names) = winners(&catalogue, &event);
            if rule.reason.is_some() && winner != *id || rule.reason.is_none() && !names.contains(id) {
                problems.push(format!("{id}: {winner:?} wins {:?}", example.reply));
            }
            let verdict = catalogue.classify(event).verdict;
            problems.extend(
                wrong(&example, &verdict)
                    .into_iter()
                    .map(|wrong| format!("{id}: {wrong} in {:?}", example.reply)),
            );
        }
    }
    none(&problems);
}

#[test]
fn no_near_miss_is_won_by_the_rule_it_misses() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut problems = Vec::new();
    for rule in catalogue.judge.engine.entries() {
        let id = rule.id.get_ref();
        for example in rule.near_misses.iter().map(whole) {
            let event = event(&example);
            let (winner, names) = winners(&catalogue, &event);
            if winner == *id || rule.reason.is_none() && names.contains(id) {
                problems.push(format!("{id} wins its near miss {:?}", example.reply));
            }
            let verdict = catalogue.classify(event).verdict;
            problems.extend(wrong(&example, &verdict).into_iter().map(|wrong| {
                format!(
                    "near {id}: {wrong} by {winner:?} {names:?} in {:?}",
                    example.reply
                )
            }));
        }
    }
    none(&problems);
}

#[test]
fn each_rule_shows_an_example_and_a_near_miss() {
    let catalogue = Catalogue::built_in().unwrap();
    let problems: Vec<_> = catalogue
        .judge
        .engine
        .entries()
        .filter(|rule| rule.examples.is_empty() || rule.near_misses.is_empty())
        .map(|rule| format!("{} lacks one", rule.id.get_ref()))
        .collect();
    none(&problems);
}

#[test]
fn at_most_a_third_of_the_examples_is_composed() {
    let catalogue = Catalogue::built_in().unwrap();
    let examples: Vec<_> = catalogue
        .judge
        .engine
        .entries()
        .flat_map(|rule| &rule.examples)
        .map(whole)
        .collect();
    let composed = examples.iter().filter(|example| example.composed).count();
    assert!(
        composed * 3 <= examples.len(),
        "{composed} of {} examples are composed",
        examples.len()
    );
}

fn none(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{} wrong:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn every_role_example_gives_its_address() {
    let catalogue = Catalogue::built_in().unwrap();
    let roles = &catalogue.judge.roles;
    let examples = roles
        .entries()
        .flat_map(|role| role.examples.iter().chain(&role.near_misses));
    let wrong: Vec<_> = examples
        .filter_map(|example| {
            let got = roles
                .refused(&example.reply, None)
                .map(|ip| ip.to_string())
                .unwrap_or_default();
            (got != example.ip)
                .then(|| format!("wanted {:?}, got {got:?} in {:?}", example.ip, example.reply))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_role_tells_an_address_in_its_near_misses() {
    let catalogue = Catalogue::built_in().unwrap();
    let roles = &catalogue.judge.roles;
    for role in roles.entries() {
        let id = role.id.get_ref();
        assert!(!role.near_misses.is_empty(), "{id}");
        for near_miss in &role.near_misses {
            assert!(
                !roles.told_by(&near_miss.reply).contains(&id.as_str()),
                "{id}: {}",
                near_miss.reply
            );
        }
    }
}

#[test]
fn every_pattern_is_a_regular_expression() {
    let judge = Catalogue::built_in().unwrap().judge;
    assert_eq!(judge.engine.broken(), Vec::<&str>::new());
    assert_eq!(judge.roles.broken(), Vec::<&str>::new());
    assert_eq!(judge.roles.unfounded(), Vec::<&str>::new());
}

#[test]
fn ids_of_rules_are_unique() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for rule in catalogue.judge.engine.entries() {
        assert!(
            seen.insert((rule.reason.is_some(), rule.id.get_ref().clone())),
            "{} stands twice",
            rule.id.get_ref()
        );
    }
}

#[test]
fn no_rule_says_a_thing_twice() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut problems = Vec::new();
    for rule in catalogue.judge.engine.entries() {
        let patterns = |patterns: &[Spanned<String>]| -> Vec<String> {
            patterns.iter().map(|pattern| pattern.get_ref().clone()).collect()
        };
        // The same reply may stand twice where its circumstances differ.
        let examples = rule
            .examples
            .iter()
            .map(|example| format!("{:?}", whole(example)));
        for mut said in [
            patterns(&rule.reply),
            patterns(&rule.and),
            patterns(&rule.unless),
            examples.collect(),
        ] {
            said.sort();
            let twice = said.windows(2).filter(|pair| pair[0] == pair[1]);
            problems.extend(twice.map(|pair| format!("{}: {}", rule.id.get_ref(), pair[0])));
        }
    }
    none(&problems);
}

#[test]
fn every_list_that_a_rule_names_exists() {
    let catalogue = Catalogue::built_in().unwrap();
    for rule in catalogue.judge.engine.entries() {
        for id in rule.blocklist.iter().chain(&rule.operator) {
            assert!(
                catalogue.list(id.get_ref()).is_some(),
                "{}: {id:?}",
                rule.id.get_ref()
            );
        }
    }
}
