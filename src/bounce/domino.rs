//! Domino and Notes.
//!
//! Words of Domino 5 to 12 (`was not delivered to:` … `because:`), in the server's language; the older SMTP MTA has
//! `Failure Reasons` and `Returned Message` between dashes.

use crate::bounce::address;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::bounce::told::{Finding, Told};

/// Recipients beyond this number are not read: each has a copy of the one reply.
const MAX_RECIPIENTS: usize = 1000;

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    let told = delivered_to(words).or_else(|| failure_reasons(words))?;
    Some(Told {
        recipients: told,
        ..Told::default()
    })
}

fn delivered_to(words: &str) -> Option<Vec<Finding>> {
    let (_, list) = words.split_once("was not delivered to:")?;
    let (list, why) = list.split_once("because:")?;
    let reply = Reply::read(why);
    let told = |recipient| Finding {
        reply: reply.clone(),
        ..Finding::to(recipient)
    };
    Some(address::all(list).take(MAX_RECIPIENTS).map(told).collect())
}

/// `------- Failure Reasons  --------`, and below it a reason and the addresses that it is about.
fn failure_reasons(words: &str) -> Option<Vec<Finding>> {
    let (_, list) = words.split_once("Failure Reasons ")?;
    let list = list.split("Returned Message").next().unwrap_or(list);
    let mut reason = String::new();
    let mut found: Vec<Finding> = Vec::new();
    for line in list
        .lines()
        .skip(1)
        .map(|line| line.trim().trim_matches('-'))
        .filter(|line| !line.is_empty())
    {
        match address::only(line) {
            Some(recipient) => found.push(Finding {
                reply: Reply::read(&reason),
                ..Finding::to(recipient)
            }),
            None => line.clone_into(&mut reason),
        }
    }
    (!found.is_empty()).then_some(found)
}
