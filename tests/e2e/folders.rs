//! Folders whose names IMAP cannot write as they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::office::Office;
use crate::support::dovecot::Dovecot;

/// As they lie on the disk (in modified UTF-7), as people read them, and as a source has them. Dovecot 2.3 quotes a name
/// with up to four of `"` and `\`, and sends a literal from the fifth on.
const NAMES: [(&str, &str, &str); 6] = [
    (r#"say "no""#, r#"say "no""#, "say%20%22no%22"),
    (r"back\slash", r"back\slash", "back%5Cslash"),
    (
        r#"&MKgw6TD8- "\""#,
        r#"エラー "\""#,
        "%E3%82%A8%E3%83%A9%E3%83%BC%20%22%5C%22",
    ),
    (r#"""""""#, r#"""""""#, "%22%22%22%22%22"),
    (r"\\\\\\", r"\\\\\\", "%5C%5C%5C%5C%5C%5C"),
    ("A&-B {7}", "A&B {7}", "A%26B%20%7B7%7D"),
];

#[test]
fn a_folder_is_read_whatever_is_in_its_name() {
    let office = Office::new();
    let server = Dovecot::start(&office.certificate("localhost"));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mail = fs::read_to_string(corpus.join("postfix-gmo-rbl-late.eml")).unwrap();
    for (number, (on_disk, ..)) in NAMES.iter().enumerate() {
        let folder = server.maildir().join(format!(".{on_disk}"));
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let mail = mail.replace(
            "cc@canary.example.com",
            &format!("user{number}@canary.example.com"),
        );
        fs::write(folder.join("cur/1795000000.mail:2,S"), mail).unwrap();
    }
    server.take_over();
    let scan = |folders: &[&str]| -> BTreeSet<String> {
        let named = folders.iter().flat_map(|folder| ["--folder", folder]);
        let shared = [
            "--ca-file",
            "ca.pem",
            "--no-dns",
            "--no-ledger",
            "--format",
            "ndjson",
        ];
        let options: Vec<_> = shared.into_iter().chain(named).collect();
        let ran = office.scan(server.port, &options);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
        let folder = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let source = event["source"].as_str().unwrap();
            let (_, folder) = source.rsplit_once(&format!(":{}/", server.port)).unwrap();
            folder.split_once(";UIDVALIDITY").unwrap().0.to_owned()
        };
        ran.stdout.lines().map(folder).collect()
    };

    let sources: BTreeSet<String> = NAMES.map(|(_, _, source)| source.to_owned()).into();
    assert_eq!(scan(&["*"]), sources);
    assert_eq!(scan(&NAMES.map(|(_, name, _)| name)), sources);
}
