mod imap;
mod mailbox;
fn main() {}
