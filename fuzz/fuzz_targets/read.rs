//! Any bytes, read as a mail: nothing may panic, hang or eat the memory.
//!
//! Needs `cargo install cargo-fuzz` and a nightly Rust. From the project's folder, the mails of the tests as seeds:
//!
//! ```sh
//! mkdir -p fuzz/corpus/read
//! cargo +nightly fuzz run read fuzz/corpus/read tests/corpus -- -max_len=16384 -timeout=10 -max_total_time=600
//! ```
//!
//! What it finds lies in `fuzz/artifacts/read`; `cargo +nightly fuzz run read FILE` runs one such file again.

#![no_main]

use bounceaudit::bounce;
use bounceaudit::event::{Message, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let message = Message {
        source: Source::File("fuzz.eml".into()),
        received_at: None,
        bytes: bytes.to_vec(),
    };
    let (_, _, events) = (
        bounce::may_be(bytes),
        bounce::not_understood(&message),
        bounce::read(&message),
    );
    for event in events {
        assert!(event.recipient.contains('@'), "{:?} is no address", event.recipient);
    }
});
