//! TODO

use serde::Deserialize;

/// `[xlsx]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct XlsxWords {}
