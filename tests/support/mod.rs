//! Servers on loopback for the tests: real ones, each started for one test and ended with it.

pub(crate) mod certificate;
pub(crate) mod dns;
pub(crate) mod dovecot;
pub(crate) mod faulty;
pub(crate) mod malformed;
