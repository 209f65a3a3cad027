//! Failures in the middle: what is read all the same, what is told of, and how long it takes.

mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use tokio::time::Instant;

    use crate::mailbox::Settings;
    use crate::mailbox::faults::script::{At, BYE, ENDING, SERVERBUG, Script, Wrong};
    use crate::mailbox::faults::server::Server;
    use crate::mailbox::faults::{Outcome, drained, missed, opened, reached, read, uids};

    const PLACES: [At; 4] = [At::Examine, At::Uids, At::Headers, At::Bodies];
    const THROTTLED: Wrong = Wrong::No("Request is throttled. Suggested Backoff Time: 299910 milliseconds");

    /// A test for each fault, of all that may become of it.
    macro_rules! faults {
        ($($name:ident: $is:ident($wrong:expr);)+) => {
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                $is($wrong).await;
            })+
        };
    }

    faults! {
        a_polite_close: is_an_end(Wrong::Close);
        a_bye: is_an_end(BYE);
        an_end_inside_a_line: is_an_end(Wrong::InsideLine);
        an_end_inside_a_literal: is_an_end(Wrong::InsideLiteral);
        a_stall: is_an_end(Wrong::Silence);
        a_literal_of_400_mb: is_an_end(Wrong::HugeLiteral(419_430_400));
        a_literal_of_10_gb: is_an_end(Wrong::HugeLiteral(10 * 1024 * 1024 * 1024));
        an_endless_line: is_an_end(Wrong::EndlessLine);
        what_is_no_imap: is_an_end(Wrong::Garbage);
        a_no_in_mid_fetch: is_a_refusal(SERVERBUG);
        a_no_of_gmail_for_one_bad_mail: is_a_refusal(Wrong::No("Some messages could not be FETCHed (Failure)"));
        a_bad_in_mid_fetch: is_a_refusal(Wrong::Bad);
        a_backoff_time: is_a_delay(THROTTLED);
        a_throttled: is_a_delay(Wrong::No("[THROTTLED] slow down"));
        a_limit: is_a_delay(Wrong::No("[LIMIT] too many"));
        an_inuse: is_a_delay(Wrong::No("[INUSE] locked"));
        an_unavailable: is_unavailable(Wrong::No("[UNAVAILABLE] FETCH Server error"));
    }

    /// The connection is of no more use.
    async fn is_an_end(wrong: Wrong) {
        passes(wrong, PLACES, 2).await;
        gives_seven_mails_at_a_time(wrong).await;
        spoils_one_mail(20, wrong).await;
        spoils_one_header(wrong).await;
        keeps_a_folder_closed(wrong).await;
        does_not_pass_for_success(wrong).await;
    }

    /// The server says so and goes on.
    async fn is_a_refusal(wrong: Wrong) {
        let started = Instant::now();
        // A range that is refused is asked for again in parts, without a pause.
        passes(wrong, [At::Headers, At::Bodies], 0).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        spoils_one_mail(20, wrong).await;
        spoils_one_header(wrong).await;
        keeps_a_folder_closed(wrong).await;
        does_not_pass_for_success(wrong).await;
    }

    /// The server wants to be asked later.
    async fn is_a_delay(wrong: Wrong) {
        passes(wrong, PLACES, 0).await;
        does_not_pass_for_success(wrong).await;
    }

    /// Yahoo says this of single mails too (MailKit #358).
    async fn is_unavailable(wrong: Wrong) {
        passes(wrong, PLACES, 0).await;
        spoils_one_mail(20, wrong).await;
        does_not_pass_for_success(wrong).await;
    }

    /// All bounces of both folders, and nothing to tell. (Without its header any mail may be one.)
    fn is_whole(outcome: &Outcome, script: &Script) -> bool {
        let all_of = |folder| uids(outcome, folder).is_superset(&script.bounces());
        outcome.gaps.is_empty() && all_of("INBOX") && all_of("Junk")
    }

    /// Twice it goes wrong, and then no more.
    async fn passes(wrong: Wrong, places: impl IntoIterator<Item = At>, more_connections: usize) {
        for at in places {
            let script = Script {
                wrong: Some((at, wrong)),
                times: 2,
                ..Script::default()
            };
            let outcome = read(script.clone()).await;
            assert!(is_whole(&outcome, &script), "{at:?} {wrong:?}: {outcome:?}");
            assert_eq!(reached(&outcome, "Junk"), Some(20));
            assert_eq!(outcome.connections, 1 + more_connections, "{at:?} {wrong:?}");
        }
    }

    async fn gives_seven_mails_at_a_time(wrong: Wrong) {
        let script = Script {
            wrong: Some((At::Bodies, wrong)),
            ..Script::default()
        };
        let outcome = read(script.clone()).await;
        assert!(is_whole(&outcome, &script), "{wrong:?}: {outcome:?}");
    }

    /// It is named, and passed over.
    async fn spoils_one_mail(mails: u32, wrong: Wrong) {
        let script = Script {
            mails,
            wrong: Some((At::Bodies, wrong)),
            bad: Some(9),
            ..Script::default()
        };
        let outcome = read(script.clone()).await;
        let mut others = script.bounces();
        others.remove(&9);
        for folder in ["INBOX", "Junk"] {
            assert_eq!(uids(&outcome, folder), others, "{wrong:?}");
            assert_eq!(reached(&outcome, folder), Some(mails), "{wrong:?}");
            // So that the next run tries once more.
            assert_eq!(missed(&outcome, folder), [9], "{wrong:?}");
        }
        assert_eq!(
            (outcome.tally.failed, outcome.gaps.len()),
            (2, 2),
            "{wrong:?}: {:?}",
            outcome.gaps
        );
        for gap in &outcome.gaps {
            assert!(gap.contains(";UID=9: "), "{wrong:?}: {gap}");
            assert!(!gap.contains("secret"), "{gap}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_bad_mail_among_1500_is_found() {
        for wrong in [BYE, SERVERBUG] {
            spoils_one_mail(1500, wrong).await;
        }
    }

    /// The mail is read by its body.
    async fn spoils_one_header(wrong: Wrong) {
        let script = Script {
            wrong: Some((At::Headers, wrong)),
            bad: Some(9),
            ..Script::default()
        };
        let outcome = read(script.clone()).await;
        assert!(is_whole(&outcome, &script), "{wrong:?}: {outcome:?}");
    }

    /// The next folder is read all the same.
    async fn keeps_a_folder_closed(wrong: Wrong) {
        let script = Script {
            wrong: Some((At::Examine, wrong)),
            times: 3,
            ..Script::default()
        };
        let outcome = read(script.clone()).await;
        assert!(
            outcome.gaps[0].contains("folder INBOX: could not be opened: "),
            "{outcome:?}"
        );
        if ENDING.contains(&wrong) {
            assert_eq!(uids(&outcome, "Junk"), script.bounces(), "{wrong:?}: {outcome:?}");
        }
    }

    /// However long it lasts.
    async fn does_not_pass_for_success(wrong: Wrong) {
        for at in PLACES {
            let script = Script {
                wrong: Some((at, wrong)),
                bad: Some(1),
                ..Script::default()
            };
            let outcome = read(script).await;
            let told = outcome.gaps.join("\n");
            assert!(!told.contains("secret"), "{told}");
            // The bodies can be had.
            if at == At::Headers && told.is_empty() {
                assert_eq!(outcome.tally.read, 30, "{wrong:?}");
                continue;
            }
            for folder in ["INBOX", "Junk"] {
                assert!(
                    told.contains(&format!("folder {folder}")) || told.contains(&format!("/{folder};UID")),
                    "{at:?} {wrong:?}: {told}"
                );
                let tries_again = reached(&outcome, folder).is_none() || missed(&outcome, folder) == [1];
                assert!(tries_again, "{at:?} {wrong:?}: {told}");
            }
        }
    }

    /// What comes of an INBOX of four mails when the first connections are cut after so many bytes; `None` when the account
    /// cannot be opened.
    async fn cut_after(bytes: usize, connections: usize) -> Option<Outcome> {
        let server = Server::of(Script {
            mails: 4,
            cut: (connections, bytes),
            ..Script::default()
        });
        let inbox_alone = |settings: &mut Settings, _: &mut _| settings.folders = vec!["INBOX".to_owned()];
        let inbox = opened(&server, inbox_alone, Vec::new()).await.ok()?;
        Some(drained(&server, inbox).await)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_cut_once_at_any_byte_is_read_to_the_end() {
        let (mut refused, mut mended) = (0, 0);
        for bytes in 0.. {
            let Some(outcome) = cut_after(bytes, 1).await else {
                assert_eq!(mended, 0, "once it is open it is read: {bytes}");
                refused += 1;
                continue;
            };
            assert!(outcome.gaps.is_empty(), "{bytes}: {outcome:?}");
            assert!(
                uids(&outcome, "INBOX").is_superset(&[1, 2, 3].into()),
                "{bytes}: {outcome:?}"
            );
            assert_eq!(reached(&outcome, "INBOX"), Some(4), "{bytes}");
            if outcome.connections == 1 {
                break;
            }
            mended += 1;
        }
        assert!(refused > 100 && mended > 500, "{refused} {mended}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_always_cut_at_the_same_byte_is_whole_or_told_of() {
        let (mut told, mut whole) = (0, 0);
        for bytes in (0..).step_by(7) {
            let Some(outcome) = cut_after(bytes, usize::MAX).await else {
                continue;
            };
            let all = uids(&outcome, "INBOX").is_superset(&[1, 2, 3].into());
            assert_eq!(
                all && reached(&outcome, "INBOX") == Some(4),
                outcome.gaps.is_empty(),
                "{bytes}: {outcome:?}"
            );
            match outcome.gaps.is_empty() {
                false => told += 1,
                true => whole += 1,
            }
            if outcome.connections == 1 {
                break;
            }
        }
        assert!(told > 20 && whole > 20, "{told} {whole}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_has_its_own_words() {
        for (wrong, words) in [
            (Wrong::Close, "the connection was lost"),
            (BYE, "the server ended the connection: shutting down"),
            (
                SERVERBUG,
                "the server refused: [SERVERBUG] Internal error occurred",
            ),
            (
                Wrong::Bad,
                "the server did not accept the command: Command argument error",
            ),
            (Wrong::InsideLiteral, "the connection was lost"),
            (Wrong::Silence, "no answer within 30 s"),
            (
                Wrong::HugeLiteral(10 * 1024 * 1024 * 1024),
                "the server sends an answer of 10737418240 bytes, over the 8388608 allowed",
            ),
            (Wrong::EndlessLine, "the server sends a line of over 65536 bytes"),
            (Wrong::Garbage, "unexpected answer from the server"),
        ] {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                bad: Some(9),
                ..Script::default()
            };
            let outcome = read(script).await;
            assert!(outcome.gaps[0].ends_with(words), "{wrong:?}: {:?}", outcome.gaps);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_the_server_asks_for_is_kept() {
        let bye = Wrong::Bye("Too many requests. Suggested Backoff Time: 299910 milliseconds");
        for wrong in [THROTTLED, bye] {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                times: 1,
                ..Script::default()
            };
            let started = Instant::now();
            let outcome = read(script.clone()).await;
            assert!(is_whole(&outcome, &script), "{outcome:?}");
            let took = started.elapsed();
            assert!(took >= Duration::from_millis(299_910), "{took:?}");
            assert!(took < Duration::from_secs(340), "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_a_slower_pace_is_asked_more_slowly() {
        let script = Script {
            done: "Success [THROTTLED]",
            ..Script::default()
        };
        let started = Instant::now();
        let outcome = read(script.clone()).await;
        assert!(is_whole(&outcome, &script), "{outcome:?}");
        // Before opening, header fields and bodies of two folders, half a second to a second each.
        let took = started.elapsed().as_millis();
        assert!((3000..6000).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_too_long_is_left_to_the_next_run() {
        let script = Script {
            wrong: Some((
                At::Bodies,
                Wrong::No("Suggested Backoff Time: 3600000 milliseconds"),
            )),
            times: 1,
            ..Script::default()
        };
        let started = Instant::now();
        let outcome = read(script).await;
        assert_eq!((started.elapsed(), outcome.connections), (Duration::ZERO, 1));
        assert!(
            outcome.gaps[0].contains("3600000 milliseconds"),
            "{:?}",
            outcome.gaps
        );
        assert_eq!((outcome.gaps.len(), reached(&outcome, "INBOX")), (2, Some(9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_away_is_asked_five_times_at_growing_distances() {
        let script = Script {
            wrong: Some((At::Bodies, Wrong::Close)),
            times: 1,
            accepted: 1,
            ..Script::default()
        };
        let started = Instant::now();
        let outcome = read(script).await;
        assert_eq!(outcome.connections, 1 + 6);
        let took = started.elapsed().as_secs();
        assert!((32..64 + 2).contains(&took), "{took}");
        assert!(
            outcome.gaps[0].contains("cannot connect to mail.example.jp:143"),
            "{:?}",
            outcome.gaps
        );
        // What had come is not lost.
        assert_eq!(uids(&outcome, "INBOX"), BTreeSet::from([1, 2, 3, 5, 6, 7, 9]));
        assert_eq!(reached(&outcome, "INBOX"), Some(9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_drip_ends_when_the_time_is_over() {
        let server = Server::of(Script {
            drip: Duration::from_secs(5),
            ..Script::default()
        });
        let limit = |settings: &mut Settings, _: &mut _| {
            settings.max_time = Some(Duration::from_secs(7200));
        };
        let started = Instant::now();
        let inbox = opened(&server, limit, Vec::new()).await.unwrap();
        let outcome = drained(&server, inbox).await;
        assert_eq!(started.elapsed().as_secs(), 7200);
        assert_eq!((server.connections(), outcome.gaps.len()), (1, 2));
        assert!(
            outcome.gaps[0].ends_with("the time that --max-time allows is over (2h)"),
            "{:?}",
            outcome.gaps
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_lasts_as_long_as_the_setting_says_and_longer_while_a_folder_is_opened() {
        for (at, seconds) in [
            (At::Examine, 1000),
            (At::Uids, 1000),
            (At::Headers, 1000),
            (At::Bodies, 100),
        ] {
            let server = Server::of(Script {
                wrong: Some((at, Wrong::Silence)),
                times: 1,
                ..Script::default()
            });
            let limit = |settings: &mut Settings, _: &mut _| {
                settings.timeout = Some(Duration::from_secs(100));
            };
            let started = Instant::now();
            let inbox = opened(&server, limit, Vec::new()).await.unwrap();
            assert_eq!(drained(&server, inbox).await.tally.read, 30);
            let took = started.elapsed().as_secs();
            assert!((seconds..seconds + 3).contains(&took), "{at:?}: {took}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn mails_that_are_numbered_anew_in_between_are_read_anew() {
        for wrong in [Wrong::Close, Wrong::Renumbered] {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                times: 1,
                later_validity: Some(8),
                ..Script::default()
            };
            let outcome = read(script.clone()).await;
            assert!(outcome.gaps.is_empty(), "{outcome:?}");
            let renumbered = outcome
                .mails
                .iter()
                .filter(|source| source.contains("INBOX;UIDVALIDITY=8"));
            assert_eq!(renumbered.count(), script.bounces().len(), "{outcome:?}");
            let inbox = outcome
                .positions
                .iter()
                .find(|position| position.folder.folder == "INBOX");
            assert_eq!(inbox.unwrap().uid_validity.0.get(), 8);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_broken_run_left_the_next_one_reads() {
        for wrong in ENDING {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                uid_next: false,
                accepted: 1,
                ..Script::default()
            };
            let first = read(script.clone()).await;
            assert!(!first.gaps.is_empty());
            let healthy = Server::of(Script {
                wrong: None,
                ..script.clone()
            });
            let inbox = opened(&healthy, |_, _| {}, first.positions.clone())
                .await
                .unwrap();
            let second = drained(&healthy, inbox).await;
            let both: BTreeSet<u32> = uids(&first, "INBOX")
                .union(&uids(&second, "INBOX"))
                .copied()
                .collect();
            assert_eq!(both, script.bounces(), "{wrong:?}");
            assert!(
                uids(&second, "INBOX").first() > reached(&first, "INBOX").as_ref(),
                "{wrong:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stopped_says_what_it_left() {
        let server = Server::of(Script {
            repeated: 100_000,
            ..Script::default()
        });
        let mut inbox = opened(&server, |_, _| {}, Vec::new()).await.unwrap();
        let first = inbox.next_batch().await.unwrap();
        let last = inbox.stop("it was interrupted").unwrap();
        assert_eq!(first.tally.asked() + last.tally.failed, 20);
        assert_eq!(inbox.tally().asked(), inbox.total());
        let told: Vec<_> = last.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2);
        assert!(
            told[0].contains("INBOX") && told[0].ends_with("could not be read: it was interrupted"),
            "{told:?}"
        );
        assert!(inbox.next_batch().await.is_none());
        assert!(inbox.stop("it was interrupted").is_none());
    }
}
