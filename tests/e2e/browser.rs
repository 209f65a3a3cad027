//! The page of `--html` in a real browser: what bounces carry does not run, nothing is asked for, and it fits a phone
//! and a printer.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::office::Office;
use crate::support::dovecot::Dovecot;

const OUTSIDE: &str = "outside.example";
const HOSTILE: &str = "\"'><script>document.title='owned'</script></style></title></pre></svg></desc>\
    <img src=http://outside.example/x onerror=document.title='owned'>";
/// A name that a Maildir can have: without a slash and a dot.
const FOLDER: &str = "'><img src=x onerror=alert(1)>";
const PHONE: u32 = 390;
const DESK: u32 = 1280;

fn fill(server: &Dovecot) {
    let story = include_str!("../corpus/postfix-s3150.eml").replace('\r', "");
    let hostile = story
        .replace("weren't sent. Please", &format!("{HOSTILE} weren't sent. Please"))
        .replace("Subject: test", &format!("Subject: {HOSTILE}"))
        .replace(
            "<a004@studio.example.jp>",
            &format!("<{HOSTILE}@studio.example.jp>"),
        )
        .replace("4N9xx0000", HOSTILE);
    let long = story
        .replace("weren't sent", &"x".repeat(3000))
        .replace("192.0.2.99", "2001:db8:1234:5678:9abc:def0:1234:5678")
        .replace("client@", &format!("{}@", "y".repeat(60)));
    let inbox = server.maildir();
    let folder = inbox.join(format!(".{FOLDER}"));
    for (number, (folder, mail)) in [(&inbox, hostile.clone()), (&inbox, long), (&folder, hostile)]
        .into_iter()
        .enumerate()
    {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let mail = mail.replace("4N9xx", &format!("4N9xx{number}"));
        fs::write(folder.join(format!("cur/179500000{number}.host:2,S")), mail).unwrap();
    }
    server.take_over();
}

/// The page of a ledger full of such bounces.
fn page(office: &Office) -> String {
    let server = Dovecot::start(&office.certificate("localhost"));
    fill(&server);
    let files = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db"];
    let folders = ["--folder", "INBOX", "--folder", FOLDER];
    let scan = office.scan(server.port, &[&files[..], &folders].concat());
    assert_eq!(scan.status, 0, "{scan:#?}");
    let note = office.bounceaudit(["note", "192.0.2.99", HOSTILE, "--ledger", "ledger.db"]);
    assert_eq!(note.status, 0, "{note:#?}");
    let arguments = [
        "report",
        "--utc",
        "--lang",
        "en",
        "--ledger",
        "ledger.db",
        "--html",
        "page.html",
    ];
    let report = office.bounceaudit(arguments);
    assert_eq!((report.status, report.stderr.as_str()), (0, ""), "{report:#?}");
    fs::read_to_string(office.path("page.html")).unwrap()
}

/// Chromium, for which no name resolves, with a page of the office.
fn browse(office: &Office, page: &str, arguments: &[&str]) -> Output {
    let path = |name: &str| office.path(name).display().to_string();
    let ran = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
        ])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--v=0",
        ])
        .arg(format!("--user-data-dir={}", path("profile")))
        .arg(format!("--log-net-log={}", path("requests.json")))
        .args(arguments)
        .arg(format!("file://{}", path(page)))
        .current_dir(office.path(""))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    ran
}

/// What the page or the browser said of it; empty where all is well.
fn complaints(office: &Office, ran: &Output) -> Vec<String> {
    let stderr = String::from_utf8_lossy(&ran.stderr);
    let said = stderr
        .lines()
        .filter(|line| line.contains("CONSOLE") || line.contains("Content Security Policy"));
    let requests = fs::read_to_string(office.path("requests.json")).unwrap();
    let asked = requests.lines().filter(|line| line.contains(OUTSIDE));
    said.chain(asked).map(str::to_owned).collect()
}

/// How wide the page wants to be in a window of this width.
fn width_in(office: &Office, window: u32) -> u32 {
    let outer = format!(
        "<!DOCTYPE html><iframe id=f src=page.html style='width:{window}px;height:800px;border:0'></iframe>\
         <script>onload = () => {{ const page = document.getElementById('f').contentDocument.documentElement;\
         document.body.append('wants ' + page.scrollWidth + ' pixels'); }}</script>"
    );
    fs::write(office.path("outer.html"), outer).unwrap();
    let arguments = [
        "--allow-file-access-from-files",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ];
    let ran = browse(office, "outer.html", &arguments);
    let dom = String::from_utf8(ran.stdout).unwrap();
    let (_, after) = dom.rsplit_once("wants ").unwrap();
    after.split(' ').next().unwrap().parse().unwrap()
}

fn is_png(file: &Path) -> bool {
    fs::read(file).unwrap().starts_with(b"\x89PNG")
}

#[test]
#[ignore = "long: a browser starts six times"]
fn a_page_full_of_hostile_bounces_shows_them_and_obeys_none() {
    let office = Office::new();
    let page = page(&office);
    for text in [
        "&lt;script&gt;document.title",
        "'&gt;&lt;img src=x onerror=alert(1)&gt;, UID 1 ",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }

    let ran = browse(&office, "page.html", &["--dump-dom"]);
    assert_eq!(complaints(&office, &ran), [""; 0]);
    let dom = String::from_utf8(ran.stdout).unwrap();
    assert!(dom.contains("<title>Blocked sending IPs, "), "{dom}");
    for tag in ["<script", "<img"] {
        assert_eq!(dom.matches(tag).count(), 0, "{dom}");
    }
    assert_eq!(dom.matches("<section").count(), page.matches("<section").count());
    for window in [PHONE, DESK] {
        assert_eq!(width_in(&office, window), window);
        let size = format!("--window-size={window},2000");
        let ran = browse(&office, "page.html", &["--screenshot=page.png", &size]);
        assert_eq!(complaints(&office, &ran), [""; 0]);
        assert!(is_png(&office.path("page.png")));
    }
    let ran = browse(&office, "page.html", &["--print-to-pdf=page.pdf"]);
    assert_eq!(complaints(&office, &ran), [""; 0]);
    let pdf = String::from_utf8_lossy(&fs::read(office.path("page.pdf")).unwrap()).into_owned();
    let pages = pdf.matches("/Type /Page").count() - pdf.matches("/Type /Pages").count();
    assert!(pages > 0, "no page");
}

#[test]
#[ignore = "long: a browser starts twice"]
fn the_policy_of_the_page_stops_what_would_get_through() {
    let office = Office::new();
    let page = page(&office);
    let bad = format!("<script>document.title='owned'</script><img src=http://{OUTSIDE}/x></main>");
    fs::write(office.path("bad.html"), page.replace("</main>", &bad)).unwrap();
    let ran = browse(&office, "bad.html", &["--dump-dom"]);
    let said = complaints(&office, &ran);
    assert!(
        said.iter().any(|line| line.contains("Content Security Policy")),
        "{said:?}"
    );
    assert!(!String::from_utf8_lossy(&ran.stdout).contains("<title>owned"));

    let open = page
        .replace("Content-Security-Policy", "X-Nothing")
        .replace("</main>", &bad);
    fs::write(office.path("open.html"), open).unwrap();
    let ran = browse(&office, "open.html", &["--dump-dom"]);
    assert!(String::from_utf8_lossy(&ran.stdout).contains("<title>owned"));
    let said = complaints(&office, &ran);
    assert!(said.iter().any(|line| line.contains(OUTSIDE)), "{said:?}");
}
