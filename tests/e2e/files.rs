//! `classify` over files that are damaged, empty or not there.

use std::fs;
use std::path::Path;

use crate::office::Office;

fn story(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus")
            .join(name),
    )
    .unwrap()
}

#[test]
fn a_corrupt_mail_is_no_panic_and_the_others_are_read() {
    let office = Office::new();
    fs::create_dir(office.path("mails")).unwrap();
    fs::write(office.path("mails/good.eml"), story("qmail-spamhaus-outlook.eml")).unwrap();
    // Cut before its report begins, with bytes of nothing in place of the rest.
    let mut corrupt = story("postfix-s3150.eml");
    corrupt.truncate(400);
    corrupt.extend_from_slice(
        b"\x00\xff\xfe\r\n--B4\r\nContent-Type: multipart/report; boundary=\"B4\r\n\r\n--B4--",
    );
    fs::write(office.path("mails/corrupt.eml"), corrupt).unwrap();

    let ran = office.bounceaudit(["classify", "mails"]);

    ran.ended_with_one_line(3, &["mails/corrupt.eml", "looks like a bounce"]);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    assert!(ran.stdout.contains("hanako@outlook.example.jp"), "{ran:#?}");
}

#[test]
fn a_file_of_mere_noise_is_not_passed_over_in_silence() {
    let office = Office::new();
    let noise: Vec<u8> = (0..20_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(office.path("noise.eml"), noise).unwrap();

    let ran = office.bounceaudit(["classify", "noise.eml"]);

    ran.ended_with_one_line(3, &["noise.eml"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn an_empty_file_is_named() {
    let office = Office::new();
    fs::write(office.path("empty.eml"), "").unwrap();

    office
        .bounceaudit(["classify", "empty.eml"])
        .ended_with_one_line(3, &["empty.eml", "empty"]);
}

#[test]
fn a_directory_without_mail_is_named() {
    let office = Office::new();
    fs::create_dir(office.path("nothing")).unwrap();

    office
        .bounceaudit(["classify", "nothing"])
        .ended_with_one_line(3, &["nothing", "no mail"]);
}

#[test]
fn a_path_that_does_not_exist_is_named() {
    let office = Office::new();

    office
        .bounceaudit(["classify", "gone.eml"])
        .ended_with_one_line(1, &["gone.eml"]);
}
