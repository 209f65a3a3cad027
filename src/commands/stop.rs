//! Ctrl-C and SIGTERM: the first ends the reading in good order, the second everything.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::sleep;

/// How long what is under way may go on after the first signal.
const GRACE: Duration = Duration::from_secs(5);

/// Whether we were asked to stop; all copies see the same first signal.
#[derive(Clone)]
pub(crate) struct Stop(Shared<BoxFuture<'static, ()>>);

impl Stop {
    /// Once it is waited for, a signal does not end the process by itself any more.
    pub(crate) fn on_signals() -> Self {
        Self(signal().boxed().shared())
    }

    /// What `work` gives; nothing when the signal came before, or a while ago and it is still under way.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.0.clone().now_or_never().is_some() {
            return None;
        }
        let late = async {
            self.0.clone().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = late => None,
        }
    }

    /// Ends with the second signal.
    pub(crate) async fn twice(&self) {
        self.0.clone().await;
        signal().await;
    }
}

async fn signal() {
    if let Err(error) = one_signal().await {
        // Then the system's own handling stays, which ends the process.
        tracing::debug!(%error, "signals cannot be listened for");
        pending::<()>().await;
    }
}

#[cfg(unix)]
async fn one_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn one_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::{Instant, sleep};

    use super::{GRACE, Stop};

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_has_a_while_to_end() {
        let at = Duration::from_secs(60);
        let stop = Stop(sleep(at).boxed().shared());
        assert_eq!(stop.or(ready(1)).await, Some(1));
        let soon = at + GRACE / 2;
        assert_eq!(stop.or(sleep(soon).map(|()| 2)).await, Some(2));
        assert_eq!(stop.or(ready(3)).await, None, "nothing new is begun");
        let stop = Stop(sleep(at).boxed().shared());
        let started = Instant::now();
        assert_eq!(stop.or(pending::<()>()).await, None);
        assert_eq!(started.elapsed(), at + GRACE);
    }
}
