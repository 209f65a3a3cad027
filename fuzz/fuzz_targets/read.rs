//! Any bytes, read as a mail: nothing may panic, hang, eat the memory, or break a promise of the tests' `promises.rs`.
//!
//! Needs `cargo install cargo-fuzz` and a nightly Rust. From the project's folder, the mails of the tests as seeds:
//!
//! ```sh
//! mkdir -p fuzz/corpus/read
//! cargo +nightly fuzz run -O --sanitizer none read fuzz/corpus/read tests/corpus -- -max_len=16384 -timeout=10 -max_total_time=600
//! ```
//!
//! The crate forbids unsafe code, so that the run without a sanitizer, which is faster, finds what there is. What it finds
//! lies in `fuzz/artifacts/read`; `cargo +nightly fuzz run -O --sanitizer none read FILE` runs one such file again.

#![no_main]

#[path = "../../tests/support/promises.rs"]
mod promises;

use std::sync::LazyLock;

use bounceaudit::catalogue::Catalogue;
use libfuzzer_sys::fuzz_target;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::built_in().unwrap_or_else(|error| panic!("{error}")));

fuzz_target!(|bytes: &[u8]| {
    promises::kept(&CATALOGUE, bytes);
});
