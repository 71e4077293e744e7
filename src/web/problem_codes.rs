//! The codes of problems: all that a sender can be told in place of a 200. What is said with a code is in `problem`; what it means
//! and what to do is on the page about errors, which has a place for each.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $retry:ident, $title:literal;)*) => {
        /// The `code` of a problem. It stays the same for ever; titles and details may be reworded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "its variants are what their names say")]
        pub enum Code { $($variant,)* }

        impl Code {
            /// In the order of their status.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The word in the answer, and the anchor on the page about errors.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            pub(crate) fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status,)* }
            }

            pub(crate) fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// Whether the same request may be accepted later.
            pub(crate) fn retry(self) -> Retry {
                match self { $(Code::$variant => Retry::$retry,)* }
            }
        }
    };
}

/// Whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    Yes,
    /// As long as `Retry-After` says.
    AfterWaiting,
}

codes! {
    BadRequest = "bad_request", BAD_REQUEST, No, "Bad request";
    InvalidJson = "invalid_json", BAD_REQUEST, No, "Not valid JSON";
    InvalidQuery = "invalid_query", BAD_REQUEST, No, "Query not understood";
    InvalidCursor = "invalid_cursor", BAD_REQUEST, No, "Cursor not understood";
    Unauthorized = "unauthorized", UNAUTHORIZED, No, "Unauthorized";
    InvalidToken = "invalid_token", UNAUTHORIZED, No, "API token not accepted";
    HttpsRequired = "https_required", FORBIDDEN, No, "HTTPS required";
    ProRequired = "pro_required", FORBIDDEN, No, "Pro plan required";
    InsufficientScope = "insufficient_scope", FORBIDDEN, No, "The token may not do this";
    ActionRequired = "action_required", FORBIDDEN, No, "Sign in first";
    NotFound = "not_found", NOT_FOUND, No, "Not found";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, No, "Method not allowed";
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, Yes, "Body not received in time";
    HeadTimeout = "head_timeout", REQUEST_TIMEOUT, Yes, "Request not received in time";
    Conflict = "conflict", CONFLICT, No, "Conflicts with the current state";
    OverlapRunning = "overlap_running", CONFLICT, No, "Two passwords work already";
    StillUsed = "still_used", CONFLICT, No, "The old password is still used";
    LengthRequired = "length_required", LENGTH_REQUIRED, No, "Length of the body is missing";
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, No, "Changed meanwhile";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, No, "Body is too large";
    UriTooLong = "uri_too_long", URI_TOO_LONG, No, "Address is too long";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, No, "Unsupported content type or encoding";
    IdempotencyConflict = "idempotency_conflict", UNPROCESSABLE_ENTITY, No, "Idempotency key conflict";
    InvalidFields = "invalid_fields", UNPROCESSABLE_ENTITY, No, "Fields not understood";
    TooManyFailures = "too_many_failures", TOO_MANY_REQUESTS, AfterWaiting, "Too many failures";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, AfterWaiting, "Too many requests";
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, No, "Headers are too large";
    Internal = "internal", INTERNAL_SERVER_ERROR, Yes, "Server error";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, AfterWaiting, "Unavailable";
    // 507, because what is wrong passes: senders that retry at 5xx keep the event, while most give one up at 403, and 429 blames their pace.
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, AfterWaiting, "Storage is full";
}
