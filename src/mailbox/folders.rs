//! Which folders are read: the server's LIST (RFC 9051 §6.3.9) held against what the user asked for.

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response};

use super::command::Conn;
use super::fault::Fault;
use super::login::Capabilities;
use super::utf7;

/// So many names are shown when a folder does not exist.
const SHOWN_NAMES: usize = 30;

/// A folder that mails can be read from, as LIST gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// Decoded.
    pub(super) name: String,
    /// As the server writes it.
    pub(super) wire: String,
    delimiter: Option<char>,
    /// Marked `\Junk` (RFC 6154).
    is_junk: bool,
}

/// What is to be read, and what was asked for and does not exist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) folders: Vec<Folder>,
    pub(super) missing: Vec<String>,
}

/// Asks for all folders. Those that hold no mails (`\Noselect`) are left out.
pub(super) async fn list(conn: &mut Conn, capabilities: &Capabilities) -> Result<Vec<Folder>, Fault> {
    // A server need not mark special uses unless it is asked to (RFC 6154 §2).
    let asks = capabilities.has("SPECIAL-USE") && capabilities.has("LIST-EXTENDED");
    let special_use = if asks { " RETURN (SPECIAL-USE)" } else { "" };
    let mut folders = Vec::new();
    let take = |answer: &Response<'_>| folders.extend(folder(answer));
    conn.command(&format!("LIST \"\" \"*\"{special_use}"), take)
        .await?;
    Ok(folders)
}

/// Picks the folders asked for; without any, INBOX and those marked `\Junk`.
pub(super) fn choose(all: &[Folder], asked: &[String]) -> Choice {
    let mut choice = Choice::default();
    if asked.is_empty() {
        let default = |folder: &&Folder| folder.is_inbox() || folder.is_junk;
        choice.folders = all.iter().filter(default).cloned().collect();
        choice.folders.sort_by_key(|folder| !folder.is_inbox());
        return choice;
    }
    for pattern in asked {
        // As it stands; with the server's delimiter for `/`; below the server's prefix `INBOX.` (Courier).
        let readings: [fn(&Folder, &str) -> bool; 3] = [
            Folder::is_meant_by,
            |folder, pattern| folder.is_meant_by(&folder.own_delimiters(pattern)),
            |folder, pattern| {
                folder
                    .below_inbox(pattern)
                    .is_some_and(|pattern| folder.is_meant_by(&pattern))
            },
        ];
        let found = readings
            .iter()
            .map(|reading| {
                all.iter()
                    .filter(|folder| reading(folder, pattern))
                    .collect::<Vec<_>>()
            })
            .find(|found| !found.is_empty());
        match found {
            None => choice.missing.push(pattern.clone()),
            Some(found) => {
                for folder in found {
                    if !choice.folders.contains(folder) {
                        choice.folders.push(folder.clone());
                    }
                }
            }
        }
    }
    choice
}

/// The names there are, for somebody who asked for another.
pub(super) fn names(all: &[Folder]) -> String {
    let shown: Vec<&str> = all
        .iter()
        .take(SHOWN_NAMES)
        .map(|folder| folder.name.as_str())
        .collect();
    match all.len().saturating_sub(SHOWN_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Folder {
    fn is_inbox(&self) -> bool {
        self.name.eq_ignore_ascii_case("INBOX")
    }

    fn is_meant_by(&self, pattern: &str) -> bool {
        let pattern: Vec<char> = pattern.chars().collect();
        let name: Vec<char> = self.name.chars().collect();
        matches(&name, &pattern, self.delimiter) || (self.is_inbox() && matches_inbox(&pattern))
    }

    fn own_delimiters(&self, pattern: &str) -> String {
        self.delimiter.map_or_else(
            || pattern.to_owned(),
            |own| pattern.replace('/', &own.to_string()),
        )
    }

    fn below_inbox(&self, pattern: &str) -> Option<String> {
        Some(format!(
            "INBOX{}{}",
            self.delimiter?,
            self.own_delimiters(pattern)
        ))
    }
}

/// `* LIST (\HasNoChildren \Junk) "." "INBOX.&MKgw6TD8-"` (Dovecot 2.3)
fn folder(answer: &Response<'_>) -> Option<Folder> {
    let Response::MailboxData(MailboxDatum::List(list)) = answer else {
        return None;
    };
    let is_no_folder = |attribute: &NameAttribute<'_>| match attribute {
        NameAttribute::NoSelect => true,
        NameAttribute::Extension(name) => name.eq_ignore_ascii_case("\\NonExistent"),
        _ => false,
    };
    if list.name_attributes.iter().any(is_no_folder) {
        return None;
    }
    // The parser keeps the escape of Domino's `"\\"`.
    let delimiter = list
        .delimiter
        .as_deref()
        .and_then(|delimiter| delimiter.chars().next_back());
    Some(Folder {
        name: utf7::decode(&list.name),
        wire: list.name.clone().into_owned(),
        delimiter,
        is_junk: list.name_attributes.contains(&NameAttribute::Junk),
    })
}

/// `*` stands for anything, `%` for anything without a delimiter (RFC 9051 §6.3.9). No backtracking over more than the last
/// star, for a pattern with many would take for ever.
fn matches(name: &[char], pattern: &[char], delimiter: Option<char>) -> bool {
    let mut reachable = vec![false; name.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for &wanted in pattern {
        let mut next = vec![false; name.len() + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1);
            let passed = before.and_then(|before| name.get(before)).copied();
            *slot = match wanted {
                '*' | '%' => {
                    open &= wanted == '*' || passed != delimiter;
                    open |= reachable.get(at).copied().unwrap_or(false);
                    open
                }
                _ => {
                    passed == Some(wanted)
                        && before
                            .and_then(|before| reachable.get(before))
                            .copied()
                            .unwrap_or(false)
                }
            };
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or(false)
}

/// INBOX is the one name whose case does not matter (RFC 9051 §5.1).
fn matches_inbox(pattern: &[char]) -> bool {
    pattern.iter().collect::<String>().eq_ignore_ascii_case("INBOX")
}

#[cfg(test)]
mod tests {
    use async_imap::imap_proto::Response;
    use proptest::prelude::{prop_assert, proptest};

    use super::{Choice, Folder, choose, folder, names};

    fn folders(lines: &[&str]) -> Vec<Folder> {
        let read = |line: &&str| folder(&Response::parse(format!("{line}\r\n").as_bytes()).unwrap().1);
        lines.iter().filter_map(read).collect()
    }

    /// Dovecot 2.3 with the separator `.` and the namespace prefix `INBOX.`.
    fn dovecot() -> Vec<Folder> {
        folders(&[
            r#"* LIST (\HasChildren) "." INBOX"#,
            r#"* LIST (\HasNoChildren \UnMarked \Junk) "." INBOX.Junk"#,
            r#"* LIST (\Noselect \HasChildren) "." INBOX.lists"#,
            r#"* LIST (\HasNoChildren) "." INBOX.lists.a"#,
            r#"* LIST (\HasNoChildren) "." "INBOX.&MKgw6TD8-""#,
        ])
    }

    fn chosen(asked: &[&str]) -> (Vec<String>, Vec<String>) {
        let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
        let Choice { folders, missing } = choose(&dovecot(), &asked);
        (folders.into_iter().map(|folder| folder.name).collect(), missing)
    }

    #[test]
    fn inbox_and_junk_are_read_by_default_and_what_cannot_be_selected_is_left_out() {
        assert_eq!(chosen(&[]).0, ["INBOX", "INBOX.Junk"]);
        assert_eq!(
            names(&dovecot()),
            "INBOX, INBOX.Junk, INBOX.lists.a, INBOX.エラー"
        );
    }

    #[test]
    fn names_are_found_by_wildcards_by_slashes_and_below_inbox() {
        assert_eq!(chosen(&["*"]).0.len(), 4);
        assert_eq!(chosen(&["INBOX.%"]).0, ["INBOX.Junk", "INBOX.エラー"]);
        assert_eq!(chosen(&["inbox"]).0, ["INBOX"]);
        assert_eq!(chosen(&["lists/a", "INBOX/lists/*"]).0, ["INBOX.lists.a"]);
        assert_eq!(
            chosen(&["エ*", "Spam"]),
            (vec!["INBOX.エラー".to_owned()], vec!["Spam".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn a_star_in_place_of_any_part_of_a_name_finds_it(before in "[a-z.%]{0,9}", part in "[a-z.]{0,9}", after in "[a-z.]{0,9}") {
            let name = format!("{before}{part}{after}");
            let folder = Folder { wire: name.clone(), name, delimiter: Some('.'), is_junk: false };
            let star = format!("{before}*{after}");
            let percent = format!("{before}%{after}");
            prop_assert!(folder.is_meant_by(&star));
            prop_assert!(part.contains('.') || folder.is_meant_by(&percent));
        }
    }
}
