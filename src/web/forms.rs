//! Form parsing, and ids that make submitting twice idempotent.
//!
//! What forms share: fields that are text, and ids that make sending one twice harmless.

use std::future::ready;

use actix_http::h1;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::web::errors::PageError;

/// A form whose every field is UTF-8. The library's own would put U+FFFD in the place of other bytes, and store a name or take a
/// password that nobody has typed.
#[derive(Debug)]
pub(crate) struct Submitted<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Submitted<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, read) = (request.clone(), web::Bytes::from_request(request, payload));
        async move {
            let body = read.await.map_err(|error| match error.as_error() {
                Some(PayloadError::Overflow) => PageError::TooLarge.into(),
                _ => error,
            })?;
            // Bytes that are no UTF-8 stay so whatever stands between fields, which is ASCII: one look at all is enough.
            if percent_decode(&body).decode_utf8().is_err() {
                return Err(PageError::BadRequest("a field is not UTF-8".to_owned()).into());
            }
            // Who has no field to send need not say what the fields would be spelled in.
            if body.is_empty() {
                let empty =
                    web::Query::<T>::from_query("").map_err(|error| PageError::BadRequest(error.to_string()))?;
                return Ok(Self(empty.into_inner()));
            }
            let mut again = Payload::Stream { payload: stream::once(ready(Ok(body))).boxed_local() };
            let form = web::Form::<T>::from_request(&request, &mut again).await?;
            Ok(Self(form.into_inner()))
        }
        .boxed_local()
    }
}

/// A body that has been read, to be read once more.
pub(crate) fn read_again(body: web::Bytes) -> Payload {
    let (_, mut payload) = h1::Payload::create(true);
    payload.unread_data(body);
    payload.into()
}

/// The id that a form carries for the thing it creates; a form without one gets a new id.
pub(crate) fn id_or_new(input: Option<&str>) -> Uuid {
    input.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::new_v4)
}
