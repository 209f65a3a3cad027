//! Which language people get: that of `--lang`, of the environment, of the configuration, of the locale, in this order.

use std::fs;

use crate::office::Office;

const ENGLISH: &str = "takes effect";
const JAPANESE: &str = "申請できる人";

/// What `lists` says of one list, with this environment and these options.
fn listed(office: &Office, environment: &[(&str, &str)], more: &[&str]) -> String {
    let arguments = [&["lists", "S3150"], more].concat();
    let ran = office.bounceaudit_where(environment, &arguments);
    assert_eq!(ran.status, 0, "{ran:#?}");
    ran.stdout
}

fn is_japanese(text: &str) -> bool {
    assert_ne!(text.contains(ENGLISH), text.contains(JAPANESE), "{text}");
    text.contains(JAPANESE)
}

#[test]
fn a_japanese_locale_gives_japanese_unless_somebody_said_otherwise() {
    let office = Office::new();
    let ja = ("LC_ALL", "ja_JP.UTF-8");
    let said = |environment: &[(&str, &str)], more: &[&str]| is_japanese(&listed(&office, environment, more));

    assert!(!said(&[], &[]), "the tests' own locale");
    assert!(said(&[ja], &[]));
    assert!(said(&[("LC_ALL", ""), ("LANG", "ja_JP.UTF-8")], &[]));
    assert!(!said(&[("LC_ALL", "de_DE.UTF-8")], &[]), "no texts in it");
    assert!(!said(&[ja], &["--lang", "en"]));
    assert!(!said(&[ja, ("BOUNCEAUDIT_LANG", "en")], &[]));
    assert!(said(&[("BOUNCEAUDIT_LANG", "en")], &["--lang", "ja"]));

    fs::write(office.path("language.toml"), "[report]\nlang = 'ja'\n").unwrap();
    let file = ("BOUNCEAUDIT_CONFIG", "language.toml");
    assert!(said(&[file], &[]));
    assert!(!said(&[file, ("BOUNCEAUDIT_LANG", "en")], &[]));
    assert!(!said(&[file], &["--lang", "en"]));
}

#[test]
fn what_programs_read_is_the_same_in_each_language() {
    let office = Office::new();
    for format in ["csv", "ndjson"] {
        let of = |lang| listed(&office, &[], &["--format", format, "--lang", lang]);
        assert_eq!(of("ja"), of("en"), "{format}");
    }
}
