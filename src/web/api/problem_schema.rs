//! What the description says of problem details, which `problem` writes.

use serde::Serialize;
use utoipa::ToSchema;

/// A problem (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The address of its explanation.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    /// A word that stays the same, such as `invalid_token`.
    code: String,
    detail: String,
    request_id: String,
    /// Where a search went wrong, in characters from 1.
    column: Option<usize>,
    /// Which fields of the body are wrong.
    errors: Option<Vec<FieldError>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldError {
    field: String,
    detail: String,
}
