//! Why an account cannot be read at all.

use super::fault::Fault;
use super::login::NoPassword;
use super::tls::Unconnected;

/// Why an account cannot be read at all; each names the thing and, where one is known, the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings name no server.
    #[error(
        "no mail server is named; give --host, or `host` in the account's section of the configuration file"
    )]
    NoHost,
    /// The settings name no user.
    #[error("no user is named; give --user, or `user` in the account's section of the configuration file")]
    NoUser,
    /// There is no password.
    #[error(transparent)]
    Password(#[from] NoPassword),
    /// There is no connection, or none that may be used.
    #[error(transparent)]
    Unconnected(#[from] Unconnected),
    /// The password would cross the network in the clear.
    #[error(
        "--tls none would send the password to {host} in the clear; use --tls implicit or starttls, or add --allow-plaintext"
    )]
    Plaintext {
        /// The server.
        host: String,
    },
    /// The server greets in a way that cannot be gone on from.
    #[error("{at}: no IMAP greeting: {fault}{hint}")]
    Greeting {
        /// Host and port.
        at: String,
        /// What it did.
        fault: Fault,
        /// What to try.
        hint: &'static str,
    },
    /// PREAUTH in the clear: whoever sits in between could keep TLS away by it.
    #[error("{at} claims that we are logged in before TLS (PREAUTH); use --tls implicit")]
    Preauth {
        /// Host and port.
        at: String,
    },
    /// The server does not do STARTTLS.
    #[error("{at} offers no STARTTLS; use --tls implicit (port 993), and ask its administrator")]
    NoStarttls {
        /// Host and port.
        at: String,
    },
    /// Answers were sent ahead of the TLS handshake.
    #[error("{at} sent answers ahead of the TLS handshake: somebody may be tampering with the connection")]
    Injected {
        /// Host and port.
        at: String,
    },
    /// The server takes no password on this connection.
    #[error("{at} takes no password on this connection (LOGINDISABLED); use --tls implicit or starttls")]
    LoginDisabled {
        /// Host and port.
        at: String,
    },
    /// The server does not let this user in.
    #[error("{at} does not let {user} in: {fault}{hint}")]
    Login {
        /// Host and port.
        at: String,
        /// The login name.
        user: String,
        /// What it said.
        fault: Fault,
        /// What to try.
        hint: &'static str,
    },
    /// A command failed without which no folder can be read.
    #[error("{at}: {command}: {fault}")]
    Command {
        /// Host and port.
        at: String,
        /// The command's name.
        command: &'static str,
        /// What the server did.
        fault: Fault,
    },
    /// None of the folders exists.
    #[error("there is no folder {}; there are: {existing}", asked.join(", "))]
    NoFolder {
        /// Those asked for.
        asked: Vec<String>,
        /// Those that exist.
        existing: String,
    },
}

impl Error {
    /// What the server did, where it is the server's doing.
    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Greeting { fault, .. } | Self::Login { fault, .. } | Self::Command { fault, .. } => {
                Some(fault)
            }
            _ => None,
        }
    }

    /// Whether a server that let us in before may do so again.
    pub(super) fn is_worth_another_try(&self) -> bool {
        match self {
            Self::Unconnected(unconnected) => unconnected.may_pass(),
            _ => self
                .fault()
                .is_some_and(|fault| fault.is_temporary() || !fault.is_usable_after()),
        }
    }
}
