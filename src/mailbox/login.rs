//! Where the password comes from, and how it goes to the server; it is printed nowhere.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_imap::imap_proto::{Capability, Response, ResponseCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::process::Command;
use tokio::time::timeout;

use super::command::Conn;
use super::fault::Fault;
use super::settings::Settings;

const PASSWORD_VARIABLE: &str = "BOUNCEAUDIT_PASSWORD";
/// Where systemd puts what `LoadCredential=` and `SetCredential=` name (systemd.exec(5)).
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// The credential of all accounts; that of one has a dot and the account's name behind it.
const CREDENTIAL: &str = "bounceaudit-password";
/// A command may ask its user for something (gpg's pinentry).
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// A password. Neither `Display` nor `Debug` shows it.
pub(super) struct Secret(String);

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPassword {
    /// Nothing says where it is.
    #[error(
        "no password: give --password-command or --password-file, set {PASSWORD_VARIABLE}, load the systemd credential {CREDENTIAL}, or run on a terminal to be asked for it"
    )]
    NotGiven,
    /// The command cannot be run.
    #[error("--password-command: cannot be run: {0}")]
    Command(io::Error),
    /// The command failed.
    #[error("--password-command: ended with {0}: run it by hand to see why")]
    CommandFailed(ExitStatus),
    /// The command does not end.
    #[error("--password-command: gave nothing within {} s", .0.as_secs())]
    CommandTimeout(Duration),
    /// The file cannot be read.
    #[error("--password-file {}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The credential cannot be read.
    #[error("systemd's credential {}: {why}", .path.display())]
    Credential {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("--password-file {path}: others can read it (mode {mode:03o}): chmod 600 {path}", path = .path.display())]
    FileOpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The terminal gave none.
    #[error("the password could not be asked for: {0}")]
    Prompt(io::Error),
    /// It is empty, or is no text.
    #[error("the password from {0} is empty or no UTF-8 text in its first line")]
    Unusable(&'static str),
    /// It cannot be sent by IMAP.
    #[error("user or password has a control character in it")]
    ControlCharacter,
}

/// What a server says that it can do (RFC 9051 §7.2.2), upper case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities(Vec<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Capabilities {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    pub(super) fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// Takes over what an answer says: `* CAPABILITY …`, or `OK [CAPABILITY …]`.
    pub(super) fn learn(&mut self, answer: &Response<'_>) {
        let said = match answer {
            Response::Capabilities(said) => said,
            Response::Data { outcome, .. } | Response::Done { outcome, .. } => match &outcome.code {
                Some(ResponseCode::Capabilities(said)) => said,
                Some(_) | None => return,
            },
            _ => return,
        };
        let name = |capability: &Capability<'_>| match capability {
            Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
            Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_ascii_uppercase()),
            Capability::Atom(atom) => atom.to_ascii_uppercase(),
        };
        self.0 = said.iter().map(name).collect();
    }
}

/// Finds the password, in the order command, file, systemd's credentials, environment, terminal.
pub(super) async fn password(settings: &Settings) -> Result<Secret, NoPassword> {
    if let Some(command) = &settings.password_command {
        return from_command(command).await;
    }
    if let Some(path) = &settings.password_file {
        return from_file(path);
    }
    if let Some(folder) = std::env::var_os(CREDENTIALS_VARIABLE)
        && let Some(secret) = from_credentials(Path::new(&folder), &settings.account_name())
    {
        return secret;
    }
    if let Some(value) = std::env::var_os(PASSWORD_VARIABLE) {
        return first_line(value.as_encoded_bytes(), PASSWORD_VARIABLE);
    }
    if !io::stdin().is_terminal() {
        return Err(NoPassword::NotGiven);
    }
    let prompt = format!("Password for {}: ", settings.account_name());
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
    let answer = asked.map_err(|error| NoPassword::Prompt(error.into()))?;
    first_line(answer.map_err(NoPassword::Prompt)?.as_bytes(), "the terminal")
}

/// Logs in: AUTHENTICATE PLAIN (RFC 4616) where the server offers it, else LOGIN.
pub(super) async fn login(
    conn: &mut Conn,
    capabilities: &mut Capabilities,
    user: &str,
    secret: &Secret,
) -> Result<(), Fault> {
    let known = capabilities.clone();
    // A server may offer other things after the login; without a word of it the old ones stay.
    let learn = |answer: &Response<'_>| capabilities.learn(answer);
    if !known.has("AUTH=PLAIN") {
        if user.is_ascii() && secret.0.is_ascii() {
            let login = format!("LOGIN {} {}", quoted(user), quoted(&secret.0));
            return conn.command(&login, learn).await;
        }
        // A quoted string holds seven bits (RFC 3501 §9, `TEXT-CHAR`), a literal eight; the server asks for each.
        let tag = conn.send(&format!("LOGIN {{{}}}", user.len())).await?;
        let then = format!("{user} {{{}}}", secret.0.len());
        conn.go_on(&tag, then, |_untagged| {}).await?;
        conn.go_on(&tag, secret.0.clone(), |_untagged| {}).await?;
        return conn.finish(&tag, learn).await;
    }
    let plain = BASE64_STANDARD.encode(format!("\0{user}\0{}", secret.0));
    if known.has("SASL-IR") {
        return conn.command(&format!("AUTHENTICATE PLAIN {plain}"), learn).await;
    }
    let tag = conn.send("AUTHENTICATE PLAIN").await?;
    conn.go_on(&tag, plain, |_untagged| {}).await?;
    conn.finish(&tag, learn).await
}

/// A quoted string (RFC 9051 §9), also for folder names; line ends, which it cannot hold, are kept from it before.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// # Errors
/// When one of the two cannot be sent: a line end in it would begin a command of its own.
pub(super) fn sendable(user: &str, secret: &Secret) -> Result<(), NoPassword> {
    match user.chars().chain(secret.0.chars()).any(char::is_control) {
        true => Err(NoPassword::ControlCharacter),
        false => Ok(()),
    }
}

async fn from_command(command: &str) -> Result<Secret, NoPassword> {
    // What it says on stderr is for whoever has to mend it; tokio's own `output` would keep it.
    let running = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(NoPassword::Command)?
        .wait_with_output();
    let output = match timeout(COMMAND_TIMEOUT, running).await {
        Ok(output) => output.map_err(NoPassword::Command)?,
        Err(_elapsed) => return Err(NoPassword::CommandTimeout(COMMAND_TIMEOUT)),
    };
    if !output.status.success() {
        return Err(NoPassword::CommandFailed(output.status));
    }
    first_line(&output.stdout, "--password-command")
}

fn from_file(path: &Path) -> Result<Secret, NoPassword> {
    let unreadable = |why| NoPassword::File {
        path: path.to_owned(),
        why,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(NoPassword::FileOpenToOthers {
                path: path.to_owned(),
                mode,
            });
        }
    }
    first_line(&std::fs::read(path).map_err(unreadable)?, "--password-file")
}

/// The account's own credential, else the one for all; none where systemd was given neither. Its folder is for the service
/// alone, and the mode of a file in it says nothing (systemd gives access by an ACL).
fn from_credentials(folder: &Path, account: &str) -> Option<Result<Secret, NoPassword>> {
    let own = format!("{CREDENTIAL}.{}", account.replace('/', "_"));
    let path = [own.as_str(), CREDENTIAL]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.exists())?;
    let read = std::fs::read(&path).map_err(|why| NoPassword::Credential { path, why });
    Some(read.and_then(|bytes| first_line(&bytes, "systemd's credential")))
}

fn first_line(bytes: &[u8], from: &'static str) -> Result<Secret, NoPassword> {
    let text = std::str::from_utf8(bytes).ok();
    let line = text.and_then(|text| text.lines().next());
    match line {
        Some(line) if !line.is_empty() => Ok(Secret(line.to_owned())),
        Some(_) | None => Err(NoPassword::Unusable(from)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::{
        Capabilities, Conn, Fault, NoPassword, Secret, first_line, from_command, from_credentials, from_file,
        login, quoted, sendable,
    };
    use crate::mailbox::guard::Guard;
    use crate::mailbox::tls::Wire;

    /// What is sent to a server with these capabilities, whose answers these are.
    async fn sent(
        offered: &[&str],
        user: &str,
        password: &str,
        answers: &[&str],
    ) -> (Vec<String>, Result<(), Fault>) {
        let (near, far) = tokio::io::duplex(4096);
        let answers: Vec<String> = answers.iter().map(|&answer| format!("{answer}\r\n")).collect();
        let server = tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(far);
            let (mut lines, mut seen) = (BufReader::new(read).lines(), Vec::new());
            for answer in answers {
                seen.push(lines.next_line().await.unwrap().unwrap());
                write.write_all(answer.as_bytes()).await.unwrap();
            }
            seen
        });
        let mut conn = Conn::new(Guard::new(Wire::Memory(near), 0, Duration::from_secs(9), None));
        let mut capabilities = Capabilities(offered.iter().map(|&name| name.to_owned()).collect());
        let outcome = login(&mut conn, &mut capabilities, user, &Secret::new(password)).await;
        (server.await.unwrap(), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn the_password_goes_as_the_server_can_take_it() {
        let plain = "AHVzZXIAaMOkw5/Dpw==";
        for (offered, password, answers, lines) in [
            (
                &["AUTH=PLAIN", "SASL-IR"][..],
                "häßç",
                &["b1 OK"][..],
                vec![format!("b1 AUTHENTICATE PLAIN {plain}")],
            ),
            (
                &["AUTH=PLAIN"],
                "häßç",
                &["+ ", "b1 OK"],
                vec!["b1 AUTHENTICATE PLAIN".into(), plain.into()],
            ),
            (
                &[],
                "a\"b\\c d",
                &["b1 OK"],
                vec![r#"b1 LOGIN "user" "a\"b\\c d""#.into()],
            ),
            (
                &[],
                "häßç",
                &["+ ", "+ ", "b1 OK"],
                vec!["b1 LOGIN {4}".into(), "user {7}".into(), "häßç".into()],
            ),
        ] {
            let (seen, outcome) = sent(offered, "user", password, answers).await;
            outcome.unwrap();
            assert_eq!(seen, lines);
        }
        // Refused in the middle, the rest is kept back.
        let (seen, outcome) = sent(&[], "user", "häßç", &["b1 BAD no literals"]).await;
        assert!(matches!(outcome, Err(Fault::Bad(_))));
        assert_eq!(seen, ["b1 LOGIN {4}"]);
    }

    #[test]
    fn systemd_gives_an_account_its_own_password_or_that_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let of = |account| from_credentials(folder.path(), account).map(|secret| secret.unwrap().0);
        assert_eq!(of("shop"), None);
        std::fs::write(folder.path().join("bounceaudit-password"), "for all\n").unwrap();
        std::fs::write(folder.path().join("bounceaudit-password.shop"), "for the shop\n").unwrap();
        assert_eq!(of("shop").as_deref(), Some("for the shop"));
        assert_eq!(of("../shop").as_deref(), Some("for all"));
        std::fs::write(folder.path().join("bounceaudit-password"), "").unwrap();
        assert!(matches!(
            from_credentials(folder.path(), "other"),
            Some(Err(NoPassword::Unusable(_)))
        ));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "Secret(…)");
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_that_others_can_read_is_refused_with_the_remedy() {
        use std::fs::{Permissions, set_permissions, write};
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pw");
        write(&path, "hunter2\nsecond line\n").unwrap();
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = from_file(&path).unwrap_err().to_string();
        assert!(
            error.contains("mode 640") && error.contains("chmod 600"),
            "{error}"
        );
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(from_file(&path).unwrap().0, "hunter2");
    }

    #[tokio::test]
    async fn a_password_command_gives_its_first_line_or_says_how_it_ended() {
        assert_eq!(from_command("printf 'a b\\r\\nx'").await.unwrap().0, "a b");
        let error = from_command("exit 3").await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(matches!(from_command("true").await, Err(NoPassword::Unusable(_))));
    }

    #[test]
    fn a_line_end_in_a_password_is_refused_and_quotes_are_kept() {
        let secret = Secret("a\"b\\ ü".to_owned());
        assert!(sendable("user", &secret).is_ok());
        assert_eq!(quoted(&secret.0), r#""a\"b\\ ü""#);
        assert!(sendable("user\r\nb2 DELETE INBOX", &secret).is_err());
        assert!(first_line(b"\xff", "x").is_err());
    }
}
