//! The workbook and the JSON document of a ledger, as other programs read them.

use std::fs;
use std::path::Path;
use std::process::Command;

use bounceaudit::report::visible;
use calamine::{Reader, Xlsx};
use chrono::DateTime;
use serde_json::Value;

use crate::office::Office;
use crate::support::dns::{TEST_ENTRY, Zones};
use crate::support::dovecot::Dovecot;

/// What a spreadsheet might take for something else, as subjects of mails.
const SUBJECTS: [&str; 6] = [
    "=HYPERLINK(\"http://evil.example\")",
    "4E12",
    "007",
    "_x0041_ <b>&amp;</b> ]]>",
    "=?utf-8?q?=1B[2J_=E2=80=AE_=E8=A1=A8?=",
    "http://evil.example/",
];
/// Every sheet as CSV: comma, quote, UTF-8, from the first line, as shown.
const EVERY_SHEET: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";
const LEDGER: [&str; 4] = ["report", "--ledger", "ledger.db", "--all-reasons"];

/// A ledger of every mail of the corpus and one for each of [`SUBJECTS`], with what lists say of the addresses.
fn scanned(office: &Office) {
    let server = Dovecot::start(&office.certificate("localhost"));
    let folder = server.maildir().join("cur");
    fs::create_dir_all(&folder).unwrap();
    for other in ["new", "tmp"] {
        fs::create_dir_all(server.maildir().join(other)).unwrap();
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path
            .file_stem()
            .filter(|_| path.extension().is_some_and(|ext| ext == "eml"))
        {
            fs::copy(&path, folder.join(format!("1.{}.here:2,S", name.display()))).unwrap();
        }
    }
    let story = fs::read_to_string(corpus.join("postfix-s3150.eml")).unwrap();
    for (at, subject) in SUBJECTS.iter().enumerate() {
        let mail = story
            .replace("Subject: test", &format!("Subject: {subject}"))
            .replace("a004@", &format!("b{at}@"));
        fs::write(folder.join(format!("2.{at}.here:2,S")), mail).unwrap();
    }
    server.take_over();
    let dns = Zones::default()
        .ipv4(
            "zen.spamhaus.org",
            &format!("{TEST_ENTRY}192.0.2.99 :127.0.0.3:=1+1 see http://evil.example/\n"),
        )
        .ipv4("bl.spamcop.net", TEST_ENTRY)
        .start();
    let resolver = dns.resolver.to_string();
    let options = ["--ca-file", "ca.pem", "--ledger", "ledger.db", "--dns", &resolver];
    let ran = office.scan(server.port, &options);
    assert!([0, 3].contains(&ran.status), "{ran:#?}");
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader.records();
    rows.map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_workbook_and_a_document_are_written_to_files_and_to_pipes() {
    let office = Office::new();
    scanned(&office);

    let ran = office.bounceaudit(LEDGER.iter().chain(&["--xlsx", "all.xlsx", "--json", "-"]));

    assert_eq!(ran.status, 3, "{ran:#?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let schema = serde_json::from_str(include_str!("../../src/report/report.schema.json")).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let faults: Vec<_> = validator
        .iter_errors(&document)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let events = document["events"].as_array().unwrap();
    assert!(events.len() > 300, "{}", events.len());
    let book = fs::read(office.path("all.xlsx")).unwrap();
    let mut sheets = Xlsx::new(std::io::Cursor::new(book)).unwrap();
    assert_eq!(sheets.sheet_names(), ["Summary", "Events", "Checks", "About"]);
    assert_eq!(
        sheets.worksheet_range("Events").unwrap().height(),
        events.len() + 1
    );

    let piped = Command::new(env!("CARGO_BIN_EXE_bounceaudit"))
        .args(LEDGER.iter().chain(&["--xlsx", "-"]))
        .current_dir(office.path(""))
        .env("HOME", office.path(""))
        .output()
        .unwrap();
    let sheets = Xlsx::new(std::io::Cursor::new(piped.stdout)).unwrap();
    assert_eq!(sheets.sheet_names(), ["Summary", "Events", "Checks", "About"]);

    let ran = office.bounceaudit(LEDGER.iter().chain(&["--xlsx", "-", "--json", "-"]));
    ran.ended_with_one_line(1, &["--xlsx", "--json", "stdout"]);
    assert_eq!(ran.stdout, "");
}

#[test]
#[ignore = "long: LibreOffice, installed by tests/run --long"]
fn libreoffice_reads_in_each_sheet_what_the_csv_files_say() {
    let office = Office::new();
    scanned(&office);
    let tables = [
        ("Summary", "groups.csv"),
        ("Events", "events.csv"),
        ("Checks", "checks.csv"),
    ];
    let options = [
        "--csv",
        "groups.csv",
        "--events-csv",
        "events.csv",
        "--checks-csv",
        "checks.csv",
        "--csv-encoding",
        "utf-8",
        "--xlsx",
        "all.xlsx",
    ];
    let arguments: Vec<&str> = LEDGER.into_iter().chain(options).collect();
    let ran = office.bounceaudit_where(&[("TZ", "Asia/Tokyo")], &arguments);
    assert_eq!(ran.status, 3, "{ran:#?}");

    let converted = Command::new("soffice")
        .args(["--headless", "--convert-to", EVERY_SHEET, "all.xlsx"])
        .current_dir(office.path(""))
        .env("HOME", office.path(""))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(converted.status.success(), "{converted:#?}");

    for (sheet, table) in tables {
        agree(
            &rows(&office.path(&format!("all-{sheet}.csv"))),
            &rows(&office.path(table)),
        );
    }
    let events = fs::read_to_string(office.path("all-Events.csv")).unwrap();
    for subject in [
        "'=HYPERLINK",
        "4E12",
        "007",
        "_x0041_ <b>&amp;</b> ]]>",
        r"\x1b[2J \u{202e} 表",
    ] {
        assert!(events.contains(subject), "{subject}");
    }
    assert!(
        rows(&office.path("all-About.csv"))
            .iter()
            .any(|row| row[1].contains("+09:00"))
    );
    no_formula_and_no_link(&office);
}

/// Times as cells show them, in the report's zone; texts as a terminal does.
fn agree(theirs: &[Vec<String>], ours: &[Vec<String>]) {
    assert!(ours.len() > 5, "{ours:#?}");
    assert_eq!(theirs.len(), ours.len());
    assert_eq!(theirs[0], ours[0]);
    for (theirs, ours) in theirs.iter().zip(ours).skip(1) {
        for (at, ours) in ours.iter().enumerate() {
            let shown = match DateTime::parse_from_rfc3339(ours) {
                Ok(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
                Err(_) => visible(ours).into_owned(),
            };
            assert_eq!(theirs.get(at), Some(&shown), "column {at}: {theirs:#?}");
        }
    }
}

/// What only the parts of the file tell.
fn no_formula_and_no_link(office: &Office) {
    let script = r#"
import re, zipfile
book = zipfile.ZipFile("all.xlsx")
names = book.namelist()
assert not [name for name in names if "worksheets/_rels" in name], names
for sheet in range(1, 5):
    xml = book.read(f"xl/worksheets/sheet{sheet}.xml").decode()
    assert re.search(r'<pane ySplit="1"[^>]* state="frozen"/>', xml), xml[:2000]
    assert re.search(r'<autoFilter ref="A1:[A-Z]+[0-9]+"', xml), xml[-2000:]
    assert "<f>" not in xml and "<hyperlink" not in xml
core = book.read("docProps/core.xml").decode()
assert "<dc:title>Bounces and blocked IPs, 20" in core, core
assert "<dc:creator></dc:creator>" in core or "<dc:creator/>" in core, core
"#;
    let ran = Command::new("python3")
        .args(["-c", script])
        .current_dir(office.path(""))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
