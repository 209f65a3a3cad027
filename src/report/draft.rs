//! TODO

use serde::Deserialize;

/// `[draft]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftWords {}
