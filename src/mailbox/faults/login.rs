//! The way in: what is said before and with the password.

mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use crate::mailbox::faults::script::{At, Script, Wrong};
    use crate::mailbox::faults::server::Server;
    use crate::mailbox::faults::{drained, opened, read};
    use crate::mailbox::{Account, Error, Scope, Settings, Tls};

    #[tokio::test(start_paused = true)]
    async fn a_refused_login_is_not_tried_again() {
        for said in [
            "NO [AUTHENTICATIONFAILED] Authentication failed.",
            "NO Login failed",
            "BAD no",
        ] {
            let server = Server::of(Script {
                login: (0, said),
                ..Script::default()
            });
            let error = opened(&server, |_, _| {}, Vec::new()).await.unwrap_err();
            assert!(matches!(error, Error::Login { .. }), "{error}");
            assert_eq!(server.logins(), 1, "{said}");
        }
        // The same in mid-scan: the password was changed, or the account is locked.
        let outcome = read(Script {
            login: (1, "NO [AUTHENTICATIONFAILED] Authentication failed."),
            wrong: Some((At::Bodies, Wrong::Close)),
            ..Script::default()
        })
        .await;
        assert_eq!(outcome.logins, 2);
        let told = outcome.gaps.join("\n");
        assert!(
            told.contains("folder INBOX") && told.contains("folder Junk"),
            "{told}"
        );
        assert!(told.contains("does not let postmaster in"), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_the_server_puts_off_is_tried_again_when_it_says() {
        let server = Server::of(Script {
            login: (
                0,
                "NO Request is throttled. Suggested Backoff Time: 299910 milliseconds",
            ),
            ..Script::default()
        });
        let started = Instant::now();
        let error = opened(&server, |_, _| {}, Vec::new()).await.unwrap_err();
        assert!(error.to_string().contains("throttled"), "{error}");
        assert_eq!(server.logins(), 6, "five more tries");
        assert!(started.elapsed() >= 5 * Duration::from_millis(299_910));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_list_is_no_empty_account() {
        for wrong in [Wrong::No("not now"), Wrong::Bad, Wrong::Close, Wrong::Silence] {
            let server = Server::of(Script {
                wrong: Some((At::List, wrong)),
                ..Script::default()
            });
            let error = opened(&server, |_, _| {}, Vec::new()).await.unwrap_err();
            assert!(
                error.to_string().starts_with("mail.example.jp:143: LIST: "),
                "{error}"
            );
        }
        let passing = Server::of(Script {
            wrong: Some((At::List, Wrong::No("[UNAVAILABLE] try later"))),
            times: 1,
            ..Script::default()
        });
        let inbox = opened(&passing, |_, _| {}, Vec::new()).await.unwrap();
        assert_eq!(drained(&passing, inbox).await.tally.read, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_wants_a_name_gets_it_after_the_login() {
        let outcome = read(Script {
            capabilities: "IMAP4rev1 AUTH=PLAIN SASL-IR ID",
            ..Script::default()
        })
        .await;
        assert_eq!((outcome.tally.read, outcome.gaps), (30, Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_waits_for_tls_is_known_by_its_silence() {
        let server = Server::of(Script {
            mute: true,
            ..Script::default()
        });
        let error = opened(&server, |_, _| {}, Vec::new()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "mail.example.jp:143: no IMAP greeting: no answer within 15 s; on port 993, use --tls implicit"
        );
        assert_eq!(server.connections(), 1);
    }

    #[tokio::test]
    async fn nothing_secret_goes_in_the_clear_to_another_host_unless_it_is_allowed() {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let mut settings = Settings {
            // Ourselves, and yet no loopback address.
            host: Some("0.0.0.0".to_owned()),
            port: Some(listener.local_addr().unwrap().port()),
            user: Some("postmaster".to_owned()),
            tls: Some(Tls::None),
            password_command: Some("echo hunter2".to_owned()),
            ..Settings::default()
        };
        let scope = Scope {
            since: None,
            full: false,
            may_be: |_| true,
        };
        let refused = Account::unlock(settings.clone()).await.unwrap();
        let refused = refused.open(scope, Vec::new()).await.unwrap_err();
        assert!(matches!(refused, Error::Plaintext { .. }), "{refused}");
        drop(listener.accept().await.unwrap());
        settings.allow_plaintext = true;
        let allowed = Account::unlock(settings).await.unwrap();
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let (allowed, ()) = tokio::join!(allowed.open(scope, Vec::new()), hang_up);
        assert!(matches!(allowed.unwrap_err(), Error::Greeting { .. }));
    }

    /// A server that says `lines` one after the other, whatever it is asked.
    async fn said(tls: Tls, lines: &'static [&'static str]) -> Error {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = Settings {
            host: Some("127.0.0.1".to_owned()),
            port: Some(listener.local_addr().unwrap().port()),
            user: Some("postmaster".to_owned()),
            tls: Some(tls),
            password_command: Some("echo hunter2".to_owned()),
            ..Settings::default()
        };
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for line in lines {
                tokio::io::AsyncWriteExt::write_all(&mut stream, line.as_bytes())
                    .await
                    .unwrap();
                let mut asked = [0; 1000];
                tokio::io::AsyncReadExt::read(&mut stream, &mut asked)
                    .await
                    .unwrap();
            }
        });
        let scope = Scope {
            since: None,
            full: false,
            may_be: |_| true,
        };
        let account = Account::unlock(settings).await.unwrap();
        account.open(scope, Vec::new()).await.unwrap_err()
    }

    #[tokio::test]
    async fn no_password_is_sent_where_it_could_be_overheard() {
        let preauth = said(Tls::Starttls, &["* PREAUTH welcome\r\n"]).await;
        assert!(matches!(preauth, Error::Preauth { .. }), "{preauth}");
        let refused = said(Tls::Starttls, &["* OK hi\r\n", "b1 BAD what\r\n"]).await;
        assert!(matches!(refused, Error::NoStarttls { .. }), "{refused}");
        let injected = said(
            Tls::Starttls,
            &["* OK hi\r\n", "b1 OK go\r\n* OK [ALERT] injected\r\n"],
        )
        .await;
        assert!(matches!(injected, Error::Injected { .. }), "{injected}");
        let disabled = said(Tls::None, &["* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"]).await;
        assert!(matches!(disabled, Error::LoginDisabled { .. }), "{disabled}");
        let plain = said(Tls::Implicit, &["* OK hi\r\n"]).await;
        assert!(plain.to_string().contains("--tls starttls"), "{plain}");
    }

    #[tokio::test]
    async fn a_refused_login_says_what_to_check() {
        const SAID: [&str; 2] = [
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
            "b1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
        ];
        let words = match said(Tls::None, &SAID).await {
            error @ Error::Login { .. } => error.to_string(),
            other => panic!("{other}"),
        };
        assert!(
            words.contains("does not let postmaster in: the server refused: [AUTHENTICATIONFAILED]"),
            "{words}"
        );
        assert!(
            words.contains("check user name") && !words.contains("hunter2"),
            "{words}"
        );
        assert!(!words.contains("OAuth"), "{words}");
        // Exchange Online, as MailKit #1494 shows it.
        const OAUTH: [&str; 2] = [
            "* OK [CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR] hi\r\n",
            "b1 NO AUTHENTICATE failed.\r\n",
        ];
        let words = said(Tls::None, &OAUTH).await.to_string();
        assert!(words.contains("OAuth 2.0 alone"), "{words}");
    }
}
