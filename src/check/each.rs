//! Puts one question each about many things, to the resolvers in order.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};

use crate::check::Failure;
use crate::check::resolver::Server;

/// Silences after which a resolver that has answered nothing at all is given up.
const SILENCES: usize = 8;

/// What was answered about each; the next resolver hears what the one before did not answer.
pub(crate) async fn each<Q: Clone + Ord, A>(
    questions: impl IntoIterator<Item = Q>,
    servers: &[Server],
    at_once: usize,
    ask: impl AsyncFn(&Server, &Q) -> Result<A, Failure>,
) -> BTreeMap<Q, Result<A, Failure>> {
    let unanswered = |question| (question, Err(Failure::Timeout));
    let mut answers: BTreeMap<Q, Result<A, Failure>> = questions.into_iter().map(unanswered).collect();
    for server in servers {
        let open = answers.iter().filter(|(_, answer)| answer.is_err());
        let open: Vec<Q> = open.map(|(question, _)| question.clone()).collect();
        if open.is_empty() || server.out_of_time() {
            break;
        }
        let one = async |question: Q| {
            let answer = ask(server, &question).await;
            (question, answer)
        };
        let mut coming = stream::iter(open).map(one).buffer_unordered(at_once);
        let (mut silences, mut answered) = (0, false);
        while let Some((question, answer)) = coming.next().await {
            match &answer {
                Err(Failure::Timeout) => silences += 1,
                Ok(_) | Err(_) => answered = true,
            }
            answers.insert(question, answer);
            if server.out_of_time() || (!answered && silences >= SILENCES) {
                break;
            }
        }
    }
    answers
}
