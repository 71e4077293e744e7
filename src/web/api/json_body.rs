//! JSON request bodies: read within a bound, and checked field by field.

use std::fmt;
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::web::api::errors::ApiError;

/// The largest body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// A body that is one JSON object.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_none_or(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case("application/merge-patch+json")
        });
        let read = web::Bytes::from_request(request, payload);
        async move {
            let body = read.await.map_err(|error| match error.as_error() {
                Some(PayloadError::Overflow) => ApiError::BodyTooLarge,
                _ => ApiError::InvalidJson("the body could not be read to its end".to_owned()),
            })?;
            if !is_json {
                return Err(ApiError::UnsupportedMediaType);
            }
            // Who has nothing to say need not say it.
            let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
            parse(body).map(Self)
        }
        .boxed_local()
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(parsed) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        // The field says where.
        let place = format!(" at line {} column {}", inner.line(), inner.column());
        let words = inner.to_string();
        let problem = words.strip_suffix(&place).unwrap_or(&words);
        if inner.is_data() { ApiError::field(&path, problem) } else { ApiError::InvalidJson(words) }
    })?;
    json.end().map_err(|error| ApiError::InvalidJson(error.to_string()))?;
    Ok(parsed)
}

/// What is read from a JSON object, and not from an array of its fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(OfObject(PhantomData))
    }
}

struct OfObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfObject<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, fields: M) -> Result<Object<T>, M::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

/// A field that is an object, where it is there.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(field)?.map(|Object(read)| read))
}

/// A field that may be absent, which leaves things as they are, or `null`, which removes something.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}
