//! What is made from the definitions of the command line, and the examples beside the sources that use them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bounceaudit::cli::Cli;
use clap::{CommandFactory, Parser};

fn bounceaudit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bounceaudit"))
        .args(args)
        .env_clear()
        .output()
        .unwrap()
}

fn text(args: &[&str]) -> String {
    let output = bounceaudit(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every command as it is typed, `help` apart.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = [path, &[sub.get_name().to_owned()]].concat();
            all.push(path.clone());
            below(sub, &path, all);
        }
    }
    let mut all = Vec::new();
    below(&Cli::command(), &[], &mut all);
    assert!(all.len() > 10, "{all:?}");
    all
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

#[test]
fn each_command_has_a_short_help_a_whole_one_an_example_and_a_page() {
    for path in commands() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let short = text(&[&path[..], &["-h"]].concat());
        let whole = text(&[&path[..], &["--help"]].concat());
        let page = text(&[&["man"], &path[..]].concat());
        assert!(short.len() <= whole.len(), "{path:?}");
        assert!(
            page.contains(".SH NAME") && page.contains(".SH OPTIONS"),
            "{path:?}"
        );
        let has_commands_of_its_own = path == ["ledger"];
        assert!(
            has_commands_of_its_own || short.contains("Example"),
            "{path:?}: {short}"
        );
        assert!(
            has_commands_of_its_own || page.contains("Example"),
            "{path:?}: {page}"
        );
    }
    let (short, whole) = (text(&["scan", "-h"]), text(&["scan", "--help"]));
    for rare in ["--tls-fingerprint", "--checks-csv", "--all-lists"] {
        assert!(whole.contains(rare) && !short.contains(rare), "{rare}");
    }
    assert!(short.lines().count() * 2 < whole.lines().count());
}

/// In the page each option has its words, those that the short help hides too.
#[test]
fn a_page_says_what_each_option_does() {
    let page = text(&["man", "scan"]);
    for line in ["\\fB\\-\\-tls\\-fingerprint\\fR", "\\fB\\-\\-full\\fR"] {
        let (_, after) = page
            .split_once(&format!(".TP\n{line}"))
            .unwrap_or_else(|| panic!("{line}: {page}"));
        let words = after.lines().nth(1).unwrap();
        assert!(words.len() > 20 && !words.starts_with('.'), "{line}: {words}");
    }
}

#[test]
fn the_completions_of_each_shell_know_each_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&["completions", shell]);
        for path in commands() {
            assert!(
                script.contains(path.last().unwrap().as_str()),
                "{shell}: {path:?}"
            );
        }
    }
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(
        &mut bash.stdin.take().unwrap(),
        text(&["completions", "bash"]).as_bytes(),
    )
    .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn a_page_that_is_not_there_is_an_error_that_says_what_is() {
    let output = bounceaudit(&["man", "ledger", "burn"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "bounceaudit: no command \"ledger burn\"; `bounceaudit help` names them\n"
    );
}

/// Each command line of the examples is one that the program takes.
#[test]
fn the_examples_use_what_there_is() {
    let mut seen = 0;
    for file in ["crontab", "systemd/bounceaudit.service", "nagios.sh"] {
        for line in fs::read_to_string(example(file)).unwrap().lines() {
            let line = line.trim_start_matches("ExecStart=/usr/bin/");
            let Some((before, command)) = line
                .split_once("bounceaudit ")
                .filter(|_| !line.starts_with(['#', '[']))
            else {
                continue;
            };
            if before.contains(['=', '\'', ':']) && !before.ends_with("$(") {
                continue;
            }
            let command = command.split([')', '|', '>']).next().unwrap().replace(" 2", "");
            let words = command.split_whitespace().map(|word| word.trim_matches('"'));
            if let Err(error) = Cli::try_parse_from(std::iter::once("bounceaudit").chain(words)) {
                panic!("{file}: {line}: {error}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

/// A stand-in ends with each status in turn.
#[test]
fn the_monitors_plugin_turns_each_status_into_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = folder.path().join("bounceaudit");
    for (status, said, word, code) in [
        (0, "", "OK - nothing to say", 0),
        (1, "cannot log in", "UNKNOWN - cannot log in", 3),
        (2, "no such option", "UNKNOWN - no such option", 3),
        (3, "1 folder is missing", "WARNING - 1 folder is missing", 1),
        (
            4,
            "1 of your IPs was refused",
            "CRITICAL - 1 of your IPs was refused",
            2,
        ),
    ] {
        fs::write(
            &stand_in,
            format!("#!/bin/sh\n[ -z '{said}' ] || printf '\\n%s\\nmore\\n' '{said}'\nexit {status}\n"),
        )
        .unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
        let output = Command::new("sh")
            .arg(example("nagios.sh"))
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("BOUNCEAUDIT {word}\n")
        );
        assert_eq!(output.status.code(), Some(code));
    }
}
