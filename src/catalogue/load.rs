//! Reads the catalogue's files, lays a user's own file over them, and makes them ready to be asked.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::catalogue::addresses::{RoleEntry, Roles};
use crate::catalogue::engine::Builder;
use crate::catalogue::lists::List;
use crate::catalogue::pattern::Compile;
use crate::catalogue::providers::{Hosting, Receiver};
use crate::catalogue::rules::{EntryError, RuleEntry};
use crate::catalogue::verdict::Judge;
use crate::catalogue::ways::Way;
use crate::catalogue::{Catalogue, Error, ids};
use crate::event::Zone;

/// The facts and rules that come with the program. The order of the rules is the order in which they are tried.
const BUILT_IN: [(&str, &str); 20] = [
    ("lists.toml", include_str!("lists.toml")),
    ("providers.toml", include_str!("providers.toml")),
    ("ways.toml", include_str!("ways.toml")),
    ("rules/addresses.toml", include_str!("rules/addresses.toml")),
    (
        "rules/receiver-fault.toml",
        include_str!("rules/receiver-fault.toml"),
    ),
    ("rules/microsoft.toml", include_str!("rules/microsoft.toml")),
    ("rules/google.toml", include_str!("rules/google.toml")),
    ("rules/yahoo.toml", include_str!("rules/yahoo.toml")),
    ("rules/america.toml", include_str!("rules/america.toml")),
    ("rules/europe.toml", include_str!("rules/europe.toml")),
    ("rules/asia.toml", include_str!("rules/asia.toml")),
    ("rules/japan.toml", include_str!("rules/japan.toml")),
    ("rules/filters.toml", include_str!("rules/filters.toml")),
    ("rules/traps.toml", include_str!("rules/traps.toml")),
    ("rules/programs.toml", include_str!("rules/programs.toml")),
    ("rules/blocks.toml", include_str!("rules/blocks.toml")),
    ("rules/names.toml", include_str!("rules/names.toml")),
    ("rules/status.toml", include_str!("rules/status.toml")),
    ("rules/phrases.toml", include_str!("rules/phrases.toml")),
    ("rules/codes.toml", include_str!("rules/codes.toml")),
];

/// What one file of the catalogue may hold; the user's own file has the same form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) list: Vec<Spanned<List>>,
    default_zones: Vec<Zone>,
    never_listed: BTreeMap<Ipv4Addr, String>,
    pub(crate) receiver: Vec<Spanned<Receiver>>,
    pub(crate) sender: Vec<Spanned<Hosting>>,
    pub(crate) way: Vec<Spanned<Way>>,
    pub(crate) role: Vec<RoleEntry>,
    pub(crate) rule: Vec<RuleEntry>,
    pub(crate) name: Vec<RuleEntry>,
}

/// A file with the text that its errors point into.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) file: File,
    compile: Compile,
}

pub(crate) fn load(user_file: Option<&Path>) -> Result<Catalogue, Error> {
    let mut sources = Vec::new();
    for (name, text) in BUILT_IN {
        sources.push(read(Path::new(name), text.to_owned(), Compile::WhenNeeded)?);
    }
    if let Some(path) = user_file {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
            file: path.to_owned(),
            source,
        })?;
        let own = read(path, text, Compile::AtOnce)?;
        ids::refuse_twins(&own)?;
        for source in &mut sources {
            give_way(&mut source.file, &own.file);
        }
        // A user's rules are tried first.
        sources.insert(0, own);
    }
    ids::refuse_strangers(&sources)?;
    assemble(sources)
}

fn read(path: &Path, text: String, compile: Compile) -> Result<Source, Error> {
    let file = toml::from_str(&text).map_err(|source| Error::Malformed {
        file: path.to_owned(),
        source,
    })?;
    Ok(Source {
        path: path.to_owned(),
        text,
        file,
        compile,
    })
}

/// Takes out what a user's file has under the same id.
fn give_way(file: &mut File, own: &File) {
    let differ = |a: &List, b: &List| a.id != b.id;
    file.list.retain(|list| {
        own.list
            .iter()
            .all(|other| differ(other.get_ref(), list.get_ref()))
    });
    file.receiver.retain(|receiver| {
        own.receiver
            .iter()
            .all(|other| other.get_ref().id != receiver.get_ref().id)
    });
    file.sender.retain(|company| {
        own.sender
            .iter()
            .all(|other| other.get_ref().id != company.get_ref().id)
    });
    file.way
        .retain(|way| own.way.iter().all(|other| other.get_ref().id != way.get_ref().id));
    file.role.retain(|role| {
        own.role
            .iter()
            .all(|other| other.id.get_ref() != role.id.get_ref())
    });
    file.rule.retain(|rule| {
        own.rule
            .iter()
            .all(|other| other.id.get_ref() != rule.id.get_ref())
    });
    file.name.retain(|rule| {
        own.name
            .iter()
            .all(|other| other.id.get_ref() != rule.id.get_ref())
    });
    file.never_listed
        .retain(|code, _| !own.never_listed.contains_key(code));
    if !own.default_zones.is_empty() {
        file.default_zones.clear();
    }
}

fn assemble(sources: Vec<Source>) -> Result<Catalogue, Error> {
    let code_pattern = |source| Error::Pattern {
        file: PathBuf::from("addresses.rs"),
        source,
    };
    let mut lists: Vec<List> = Vec::new();
    let (mut default_zones, mut never_listed) = (Vec::new(), BTreeMap::new());
    let (mut receivers, mut hosting, mut ways) = (Vec::new(), Vec::new(), Vec::new());
    let mut builder = Builder::default();
    let mut roles = Roles::new().map_err(code_pattern)?;
    for Source {
        path,
        text,
        file,
        compile,
    } in sources
    {
        for role in &file.role {
            roles.add(&path, &text, role, compile)?;
        }
        for (rules, has_reason) in [(file.rule, true), (file.name, false)] {
            for rule in rules {
                if rule.reason.is_some() != has_reason {
                    let wrong = if has_reason {
                        "a [[rule]] needs a reason; what only names the list is a [[name]]"
                    } else {
                        "a [[name]] has no reason; what says why the mail failed is a [[rule]]"
                    };
                    let at = rule.id.span().start;
                    return Err(EntryError::at(&path, &text, at, rule.id.get_ref(), wrong.to_owned()).into());
                }
                builder.add(&path, &text, rule, compile)?;
            }
        }
        lists.extend(file.list.into_iter().map(Spanned::into_inner));
        default_zones.extend(file.default_zones);
        never_listed.extend(file.never_listed);
        receivers.extend(file.receiver.into_iter().map(Spanned::into_inner));
        hosting.extend(file.sender.into_iter().map(Spanned::into_inner));
        ways.extend(file.way.into_iter().map(Spanned::into_inner));
    }
    // The last one stays: what a user says of a zone, whichever list of ours has it.
    let from_ours = lists.iter().rev();
    let zones = from_ours.flat_map(|list| list.zones.iter().map(|entry| entry.clone().of(list)));
    Ok(Catalogue {
        zones: zones.map(|facts| (facts.zone.clone(), facts)).collect(),
        judge: Judge::new(builder.build()?, roles)?,
        lists,
        default_zones,
        never_listed,
        receivers,
        hosting,
        ways,
    })
}
