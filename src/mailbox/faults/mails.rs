//! What is read of a server that does as it is told, however odd its mails are.

mod tests {
    use chrono::DateTime;

    use crate::mailbox::faults::script::{At, Script, Wrong};
    use crate::mailbox::faults::server::Server;
    use crate::mailbox::faults::{Outcome, drained, missed, opened, reached, read, uids};

    async fn read_since(script: Script, outcome: &Outcome, since: Option<&str>) -> Outcome {
        let since = since.map(|since| DateTime::parse_from_rfc3339(since).unwrap());
        let server = Server::of(script);
        let positions = outcome.positions.clone();
        let inbox = opened(&server, |_, scope| scope.since = since, positions).await;
        drained(&server, inbox.unwrap()).await
    }

    async fn read_on(script: Script, outcome: &Outcome) -> Outcome {
        read_since(script, outcome, None).await
    }

    #[tokio::test(start_paused = true)]
    async fn reading_may_move_between_threads() {
        let reading = async { read(Script::default()).await.total };
        assert_eq!(tokio::spawn(reading).await.unwrap(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_in_order_is_read_to_the_end() {
        let outcome = read(Script::default()).await;
        assert_eq!(outcome.gaps, Vec::<String>::new());
        assert_eq!(
            (outcome.tally.read, outcome.tally.no_candidate, outcome.total),
            (30, 10, 40)
        );
        assert_eq!(
            (reached(&outcome, "INBOX"), reached(&outcome, "Junk")),
            (Some(20), Some(20))
        );
        assert_eq!((outcome.connections, outcome.logins), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_reads_only_what_is_new_and_a_new_validity_everything() {
        for uid_next in [true, false] {
            let script = Script {
                uid_next,
                ..Script::default()
            };
            let first = read(script.clone()).await;
            let again = read_on(script.clone(), &first).await;
            assert_eq!((again.total, again.batches), (0, 0));
            let grown = Script {
                mails: 22,
                ..script.clone()
            };
            let new = read_on(grown, &first).await;
            assert_eq!((new.total, reached(&new, "INBOX")), (4, Some(22)));
            let renumbered = Script {
                validity: 8,
                ..script.clone()
            };
            assert_eq!(read_on(renumbered, &first).await.total, 40);
            let server = Server::of(script);
            let full = opened(&server, |_, scope| scope.full = true, first.positions).await;
            assert_eq!(drained(&server, full.unwrap()).await.total, 40);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn flags_and_counts_in_between_are_no_mails_and_deleted_ones_are_gone() {
        let script = Script {
            chatter: "* 3 FETCH (FLAGS (\\Seen))\r\n* 21 EXISTS\r\n* 4 EXPUNGE\r\n* 5 FETCH (UID 5 FLAGS ())\r\n\
                      * 90 FETCH (UID 90 BODY[] {4}\r\nnone)\r\n",
            expunged: [2, 3, 20].into(),
            ..Script::default()
        };
        let outcome = read(script).await;
        assert_eq!(outcome.gaps, Vec::<String>::new());
        assert_eq!(
            (outcome.tally.read, outcome.tally.gone, outcome.tally.no_candidate),
            (26, 6, 8)
        );
        assert_eq!(reached(&outcome, "INBOX"), Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_the_server_has_and_keeps_to_itself_is_not_gone() {
        for nil in [true, false] {
            let (kept, none) = ([9].into(), [].into());
            let script = Script {
                withheld: if nil { none } else { kept },
                nil: if nil { [9].into() } else { [].into() },
                expunged: [2].into(),
                ..Script::default()
            };
            let outcome = read(script).await;
            assert_eq!((outcome.tally.failed, outcome.tally.gone), (2, 2));
            assert!(
                outcome.gaps[0].ends_with("/;UID=9: the server gives no text of this mail"),
                "{:?}",
                outcome.gaps
            );
            assert_eq!(
                (reached(&outcome, "INBOX"), missed(&outcome, "INBOX")),
                (Some(20), vec![9])
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_cannot_be_read_is_tried_again_and_does_not_hold_up_the_folder() {
        let script = Script {
            wrong: Some((At::Bodies, Wrong::No("[SERVERBUG] Internal error occurred"))),
            bad: Some(9),
            ..Script::default()
        };
        let first = read(script.clone()).await;
        assert_eq!((first.total, first.gaps.len()), (40, 2));
        // Two new mails and the bad one are all that the next run looks at, and it is named again.
        let grown = Script {
            mails: 22,
            ..script.clone()
        };
        let second = read_on(grown.clone(), &first).await;
        assert_eq!((second.total, second.tally.failed), (6, 2));
        assert!(second.gaps[0].contains(";UID=9: "), "{:?}", second.gaps);
        assert_eq!(
            (reached(&second, "INBOX"), missed(&second, "INBOX")),
            (Some(22), vec![9])
        );
        let mended = Script { wrong: None, ..grown };
        let third = read_on(mended.clone(), &second).await;
        assert_eq!((third.total, third.gaps.len()), (2, 0));
        assert_eq!(uids(&third, "INBOX"), [9].into());
        assert_eq!(
            (reached(&third, "INBOX"), missed(&third, "INBOX")),
            (Some(22), vec![])
        );
        assert_eq!(read_on(mended, &third).await.total, 0);
        // Or it is deleted one day.
        let deleted = Script {
            mails: 22,
            expunged: [9].into(),
            ..Script::default()
        };
        let gone = read_on(deleted, &second).await;
        assert_eq!((gone.tally.gone, missed(&gone, "INBOX")), (2, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn many_mails_that_cannot_be_read_leave_the_new_ones_to_be_read() {
        let bad: Vec<u32> = (1..=20).collect();
        let script = Script {
            withheld: bad.iter().copied().collect(),
            ..Script::default()
        };
        let first = read(script.clone()).await;
        assert_eq!((first.tally.failed, missed(&first, "INBOX")), (40, bad));
        // Now the connection ends with each of them.
        let grown = Script {
            mails: 22,
            wrong: Some((At::Bodies, Wrong::Close)),
            bad: Some(1),
            ..script
        };
        let second = read_on(grown, &first).await;
        assert!(uids(&second, "INBOX").is_superset(&[21, 22].into()), "{second:?}");
        assert_eq!(reached(&second, "INBOX"), Some(22));
        assert!(!second.gaps.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_is_given_twice_is_read_once() {
        let script = Script {
            twice: [5, 6, 8].into(),
            ..Script::default()
        };
        let outcome = read(script.clone()).await;
        assert_eq!((outcome.gaps.len(), outcome.tally.read), (0, 30));
        assert_eq!(uids(&outcome, "INBOX"), script.bounces());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_mail_that_since_leaves_out_is_not_passed_over() {
        let window = "2021-12-25T12:00:00+09:00";
        let refused = [
            None,
            Some((At::Search, Wrong::No("not here"))),
            Some((At::Search, Wrong::Bad)),
        ];
        for wrong in refused {
            let script = || Script {
                wrong,
                ..Script::default()
            };
            let windowed = read_since(script(), &Outcome::default(), Some(window)).await;
            assert_eq!((windowed.total, &windowed.gaps), (10, &Vec::new()), "{wrong:?}");
            let bounds: Vec<_> = windowed
                .positions
                .iter()
                .map(|position| position.read_since.unwrap().to_rfc3339())
                .collect();
            assert_eq!(bounds, [window; 2]);
            // The same window again has nothing new, and a longer one reads what was left out.
            assert_eq!(read_since(script(), &windowed, Some(window)).await.total, 0);
            let everything = read_on(script(), &windowed).await;
            assert_eq!(everything.total, 40);
            let is_whole =
                |outcome: &Outcome| outcome.positions.iter().all(|known| known.read_since.is_none());
            assert!(is_whole(&everything));
            // After a full run a window reads what is new, and the position still holds for all mails.
            let grown = Script {
                mails: 22,
                ..script()
            };
            let later = read_since(grown, &everything, Some(window)).await;
            assert_eq!((later.total, reached(&later, "INBOX")), (4, Some(22)));
            assert!(is_whole(&later));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_mail_over_the_cap_the_head_is_read_and_batches_are_bounded_in_bytes() {
        let script = Script {
            repeated: 100_000,
            ..Script::default()
        };
        let whole = read(script.clone()).await;
        assert_eq!((whole.tally.read, whole.batches), (30, 30));
        let server = Server::of(script);
        let inbox = opened(
            &server,
            |settings, _| settings.max_message_size = Some(1_000_000),
            Vec::new(),
        );
        let mut inbox = inbox.await.unwrap();
        let batch = inbox.next_batch().await.unwrap();
        assert_eq!(
            (batch.tally.too_big, batch.heads.len(), batch.messages.len()),
            (15, 15, 0)
        );
        assert_eq!(batch.heads[0].bytes.len(), 262_144);
    }

    #[tokio::test(start_paused = true)]
    async fn sizes_that_the_server_makes_up_do_not_fill_the_memory() {
        let script = Script {
            repeated: 100_000,
            size: Some(100),
            ..Script::default()
        };
        let outcome = read(script).await;
        assert_eq!(
            (outcome.tally.read, outcome.gaps.len(), outcome.connections),
            (30, 0, 1)
        );
        assert!(outcome.bytes <= 24 * 1024 * 1024, "{}", outcome.bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn thousands_of_mails_are_asked_for_in_short_commands() {
        // The server looks at the length of each.
        let script = Script {
            mails: 9000,
            ..Script::default()
        };
        let outcome = read(script).await;
        assert_eq!((outcome.tally.read, outcome.gaps.len()), (2 * 6750, 0));
        assert_eq!(
            outcome.tally.read,
            (uids(&outcome, "INBOX").len() + uids(&outcome, "Junk").len()) as u64
        );
    }

    #[tokio::test(start_paused = true)]
    async fn folders_that_do_not_exist_are_named_with_those_that_do() {
        let server = Server::of(Script::default());
        let asked = |names: &'static [&'static str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            opened(&server, move |settings, _| settings.folders = names, Vec::new())
        };
        let gaps = asked(&["Junk", "Spam"]).await.unwrap().gaps();
        let words = "account postmaster@mail.example.jp, folder Spam: there is no such folder; there are: INBOX, Junk";
        assert_eq!(gaps[0].to_string(), words);
        let error = asked(&["Spam", "Bounces"]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no folder Spam, Bounces; there are: INBOX, Junk"
        );
    }
}
