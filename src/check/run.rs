//! Asks one zone about all its addresses, within the bounds of the run.
//!
//! The resolvers are tried in order. Through each the zone is tested before anything is asked; what one leaves open
//! (no answer, SERVFAIL, REFUSED, or a refusal by the zone) goes to the next. So a zone that is silent costs one test,
//! not one wait for each address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::sleep;

use crate::check::dnsbl::{judge, meaning, query_name};
use crate::check::health::{self, Failure, Family, Health, HealthVerdict, Proof};
use crate::check::plan::Task;
use crate::check::resolver::{Found, Server};
use crate::check::settings::Pace;
use crate::check::{Answer, Listing};
use crate::event::Timestamp;

/// Silences in a row, each of them `tries` long, after which a zone that was well at first is given up.
const SILENCES: u32 = 8;

/// One zone's part of a run.
#[derive(Debug, Default)]
pub(crate) struct ZoneRun {
    pub(crate) listings: Vec<Listing>,
    pub(crate) health: Vec<Health>,
}

/// What is known of one address at one zone.
#[derive(Clone, Debug)]
struct Said {
    answer: Answer,
    text: Option<String>,
    ttl: Option<Duration>,
}

impl Said {
    fn bare(answer: Answer) -> Self {
        Self {
            answer,
            text: None,
            ttl: None,
        }
    }
}

pub(crate) async fn ask(task: Task, servers: Vec<Server>, pace: Pace, now: Timestamp) -> ZoneRun {
    let mut run = ZoneRun::default();
    sleep(pace.jitter.mul_f64(health::chance())).await;
    for family in [Family::Ipv4, Family::Ipv6] {
        // Until something better is known: not asked in time.
        let unasked = |ip: &IpAddr| (*ip, Said::bare(Answer::Timeout));
        let mut open: BTreeMap<IpAddr, Said> = task.of(family).iter().map(unasked).collect();
        let mut settled = Vec::new();
        for server in &servers {
            if open.is_empty() || server.out_of_time() {
                break;
            }
            let verdict = match refused_before(&run.health, server) {
                Some(verdict) => verdict,
                None => health::test(server, &task.name, &task.facts, family).await,
            };
            let proof = verdict.proof(family);
            let (zone, resolver) = (task.zone.clone(), server.name());
            let mut at = Health {
                zone,
                resolver,
                family,
                verdict,
            };
            match proof {
                Ok(proof) => {
                    let sweep = Sweep {
                        server,
                        task: &task,
                        proof,
                        at_once: pace.at_once,
                    };
                    settled.extend(sweep.through(&mut open, &mut at).await);
                }
                Err(answer) => leave_open(&mut open, &answer),
            }
            tracing::debug!(zone = %at.zone, resolver = at.resolver, %family, verdict = %at.verdict);
            let last = at.verdict.is_the_zones();
            run.health.push(at);
            if last {
                break;
            }
        }
        let all = settled.into_iter().chain(open);
        run.listings
            .extend(all.map(|(ip, said)| listing(&task, ip, said, now)));
    }
    run
}

/// How a zone passes its test, through the resolvers in order until one of them is answered.
pub(crate) async fn test(task: Task, servers: &[Server]) -> Vec<Health> {
    let mut all: Vec<Health> = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        if task.of(family).is_empty() {
            continue;
        }
        for server in servers {
            let verdict = match refused_before(&all, server) {
                Some(verdict) => verdict,
                None => health::test(server, &task.name, &task.facts, family).await,
            };
            let is_last = verdict.is_the_zones() || verdict.proof(family).is_ok();
            all.push(Health {
                zone: task.zone.clone(),
                resolver: server.name(),
                family,
                verdict,
            });
            if is_last || server.out_of_time() {
                break;
            }
        }
    }
    all
}

/// A refusal holds for the rest of the run, whichever family it came for.
fn refused_before(health: &[Health], server: &Server) -> Option<HealthVerdict> {
    let mut verdicts = health
        .iter()
        .filter(|at| at.resolver == server.name())
        .map(|at| &at.verdict);
    verdicts
        .find(|verdict| matches!(verdict, HealthVerdict::Refused(_)))
        .cloned()
}

/// The first resolver's word stands, unless it was silence.
fn leave_open(open: &mut BTreeMap<IpAddr, Said>, answer: &Answer) {
    for said in open.values_mut().filter(|said| said.answer == Answer::Timeout) {
        *said = Said::bare(answer.clone());
    }
}

/// The addresses of one zone, asked through one resolver.
struct Sweep<'a> {
    server: &'a Server,
    task: &'a Task,
    proof: Proof,
    at_once: usize,
}

impl Sweep<'_> {
    /// Takes what is settled out of `open`. A refusal, or silence for too long, ends it and goes into the zone's
    /// verdict: what came before stands, what was still asked does not count.
    async fn through(&self, open: &mut BTreeMap<IpAddr, Said>, at: &mut Health) -> Vec<(IpAddr, Said)> {
        let ips: Vec<IpAddr> = open.keys().copied().collect();
        let mut answers = stream::iter(ips)
            .map(|ip| self.one(ip))
            .buffer_unordered(self.at_once);
        let mut settled = Vec::new();
        let mut silences = 0;
        while let Some((ip, said, failure)) = answers.next().await {
            silences = if said.answer == Answer::Timeout {
                silences + 1
            } else {
                0
            };
            if let Answer::Refused(codes) = &said.answer {
                at.verdict = HealthVerdict::Refused(codes.clone());
                leave_open(open, &said.answer);
                break;
            }
            if failure.is_some_and(|failure| failure.may_be_the_resolvers()) {
                open.entry(ip).and_modify(|known| {
                    if known.answer == Answer::Timeout {
                        *known = said;
                    }
                });
            } else {
                open.remove(&ip);
                settled.push((ip, said));
            }
            if self.server.out_of_time() {
                break;
            }
            if silences == SILENCES {
                at.verdict = HealthVerdict::Failed(Failure::Timeout);
                break;
            }
        }
        settled
    }

    async fn one(&self, ip: IpAddr) -> (IpAddr, Said, Option<Failure>) {
        let Ok(name) = query_name(ip, &self.task.name) else {
            return (
                ip,
                Said::bare(Answer::Error("the name to ask is too long".to_owned())),
                None,
            );
        };
        let (said, ttl): (Result<Vec<Ipv4Addr>, Failure>, _) = match self.server.a(&name).await {
            Ok(Found { records, ttl }) => (Ok(records), ttl),
            Err(failure) => (Err(failure), None),
        };
        let answer = judge(&said, &self.task.facts, self.proof);
        let text = match &answer {
            // A listing without its reason is still one, so a TXT that fails is as good as none.
            Answer::Listed(_) => match self.server.txt(&name).await {
                Ok(found) => Some(self.task.shown(found.records.join("; "))).filter(|text| !text.is_empty()),
                Err(failure) => {
                    tracing::debug!(zone = %self.task.zone, %ip, %failure, "no reason");
                    None
                }
            },
            Answer::NotListed
            | Answer::Refused(_)
            | Answer::Timeout
            | Answer::Error(_)
            | Answer::ZoneDead(_) => None,
        };
        (ip, Said { answer, text, ttl }, said.err())
    }
}

fn listing(task: &Task, ip: IpAddr, said: Said, now: Timestamp) -> Listing {
    let Said { answer, text, ttl } = said;
    Listing {
        ip,
        zone: task.zone.clone(),
        blocklist: task.facts.list.clone(),
        meaning: meaning(&answer, &task.facts),
        answer,
        text,
        checked_at: now,
        ttl,
    }
}
