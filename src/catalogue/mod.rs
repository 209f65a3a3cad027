//! Says what a reply means: the reason, the blocked address, the list, its zone and code, and who may ask for removal.
//!
//! In: an event as `bounce` read it. Out: the same event with its verdict.
//! Facts are TOML beside the code; rules are tried in the files' order and the first that matches wins.
//! Fails only while it is loaded: the error names the file, the line and what is wrong with it.
//! Not here: how a reply is found in a mail (`bounce`), what the lists say today (`check`).
