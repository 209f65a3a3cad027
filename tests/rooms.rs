//! Holds the house together: which room may name which, and that no file grows past its size.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and what it may name after `crate::`. Everything may name itself.
const MAY_NAME: [(&str, &[&str]); 10] = [
    ("event", &[]),
    ("mailbox", &["event"]),
    ("bounce", &["event"]),
    ("catalogue", &["event"]),
    ("check", &["event", "catalogue"]),
    ("ledger", &["event", "catalogue", "check"]),
    ("report", &["event", "catalogue", "check", "ledger"]),
    (
        "config",
        &["mailbox", "bounce", "catalogue", "check", "ledger", "report"],
    ),
    (
        "cli",
        &[
            "config",
            "mailbox",
            "bounce",
            "catalogue",
            "check",
            "ledger",
            "report",
        ],
    ),
    (
        "commands",
        &[
            "config",
            "cli",
            "event",
            "mailbox",
            "bounce",
            "catalogue",
            "check",
            "ledger",
            "report",
        ],
    ),
];
/// Lines of a source file before its `mod tests`.
const MAX_LINES: usize = 400;
const MAX_LINES_OF_MAIN: usize = 100;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The room of a file below `src`: its first folder, or its name.
fn room_of(path: &Path) -> String {
    path.components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
}

/// What stands after each `crate::` (and, in `main.rs`, after each `bounceaudit::`).
fn named(text: &str, root: &str) -> Vec<String> {
    text.match_indices(root)
        .map(|(at, _)| {
            text[at + root.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn each_room_names_only_the_rooms_before_it() {
    let table: BTreeMap<_, _> = MAY_NAME.into_iter().collect();
    let mut wrong = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&src) {
        let below = path.strip_prefix(&src).unwrap();
        let room = room_of(below);
        let text = fs::read_to_string(&path).unwrap();
        if room == "lib" {
            continue;
        }
        if text.contains("super::super") {
            wrong.push(format!("{}: super::super", below.display()));
        }
        let (root, allowed) = match room.as_str() {
            "main" => ("bounceaudit::", &["cli", "commands"][..]),
            _ => (
                "crate::",
                *table
                    .get(room.as_str())
                    .unwrap_or_else(|| panic!("{room} is no room")),
            ),
        };
        for name in named(&text, root) {
            match name.as_str() {
                "" => wrong.push(format!(
                    "{}: {root}{{…}}: one `use` for each room",
                    below.display()
                )),
                other if other == room || allowed.contains(&other) => {}
                other => wrong.push(format!("{}: {room} may not name {other}", below.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_a_giant() {
    let mut wrong = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&src) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .take_while(|line| !line.starts_with("mod tests"))
            .count();
        let most = if path.ends_with("src/main.rs") {
            MAX_LINES_OF_MAIN
        } else {
            MAX_LINES
        };
        if lines > most {
            wrong.push(format!("{}: {lines} lines, at most {most}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_header_and_the_library_holds_no_code() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&src) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no header", path.display());
    }
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    for line in lib.lines() {
        assert!(
            line.is_empty() || line.starts_with("//!") || line.starts_with("pub mod "),
            "lib.rs: {line}"
        );
    }
}
