//! TODO

use serde::Deserialize;

/// `[html]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HtmlWords {}
