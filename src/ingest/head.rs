//! The request head as ingest reads it.
//!
//! What comes before the body, and what it says: whose request it is, what the body will be, and what the sender calls it.

use crate::domain::basic_auth::{self, BasicCredentials};
use crate::domain::digest::sha256;
use crate::domain::event::{IdempotencyKey, MAX_IDEMPOTENCY_KEY_BYTES, MAX_KEPT_TEXT_BYTES};
use crate::domain::ids::RequestId;
use crate::domain::malformed_credentials::{self, MalformedCredentials};
use crate::domain::network::Sender;

/// What came before the body.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Head<'a> {
    pub sender: Sender,
    /// Name, in lower case, and value, in the order of arrival.
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub query: Option<&'a str>,
    pub request_id: RequestId,
}

impl<'a> Head<'a> {
    fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The first value of a header, as a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.values(name).next().map(|value| clipped(&String::from_utf8_lossy(value)))
    }

    /// Whether a header is there more than once. Of two that differ, a proxy may have looked at the other.
    fn repeats(&self, name: &str) -> bool {
        self.values(name).nth(1).is_some()
    }

    /// Whether there is any `Authorization` header at all, even an empty or malformed one.
    pub(crate) fn has_authorization(&self) -> bool {
        self.values("authorization").next().is_some()
    }

    /// The credentials of exactly one `Authorization` header.
    pub fn authorization(&self) -> Option<BasicCredentials> {
        if self.repeats("authorization") {
            return None;
        }
        basic_auth::parse(self.values("authorization").next()?)
    }

    /// What is wrong with how the credentials came, where a username of ours can be read in them.
    pub(crate) fn malformed_credentials(&self) -> Option<MalformedCredentials> {
        malformed_credentials::diagnose(self.values("authorization"))
    }

    /// How long the body is said to be, in bytes.
    pub(crate) fn announced_size(&self) -> Option<u64> {
        std::str::from_utf8(self.values("content-length").next()?).ok()?.trim().parse().ok()
    }

    /// Whether it neither says how long the body is nor that it comes in chunks: then what follows cannot be told from another request.
    pub(crate) fn lacks_length(&self) -> bool {
        self.values("content-length").chain(self.values("transfer-encoding")).next().is_none()
    }

    /// The content type, if it says JSON and nothing is compressed; else what is wrong, for both ends.
    pub fn media_type(&self) -> Result<String, NotJson> {
        for (name, shown) in [("content-type", "Content-Type"), ("content-encoding", "Content-Encoding")] {
            if self.repeats(name) {
                return Err(NotJson::kind(format!("{shown} is there more than once; send it once")));
            }
        }
        for encoding in self.values("content-encoding") {
            let encoding = String::from_utf8_lossy(encoding.trim_ascii());
            if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
                let problem = format!("Content-Encoding is {:?}; send the body uncompressed", clipped(&encoding));
                return Err(NotJson { problem, is_encoding: true });
            }
        }
        let Some(input) = self.text("content-type") else {
            return Err(NotJson::kind("Content-Type is missing; it has to be application/json".to_owned()));
        };
        let essence = input.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let structured =
            essence.strip_prefix("application/").is_some_and(|name| name.len() > 5 && name.ends_with("+json"));
        if essence == "application/json" || essence == "text/json" || structured {
            Ok(input)
        } else {
            Err(NotJson::kind(format!("Content-Type is {input:?}; it has to be application/json")))
        }
    }

    /// The key of `Idempotency-Key`; where there is none, that of `webhook-id`, under which another body is another event. Too long a
    /// key, or two of one name that differ, are refused rather than ignored: their sender believes that a repetition is harmless.
    pub(crate) fn idempotency_key(&self, body: &[u8]) -> Result<Option<IdempotencyKey>, &'static str> {
        for (name, with_body) in [("idempotency-key", false), ("webhook-id", true)] {
            let mut input = self.values(name).filter(|value| !value.is_empty());
            let Some(key) = input.next() else { continue };
            if input.any(|other| other != key) {
                return Err("there are two idempotency keys, and they differ");
            }
            if key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
                return Err("the idempotency key is longer than 255 bytes");
            }
            return Ok(Some(IdempotencyKey { key: key.to_vec(), body_sha256: sha256(body), with_body }));
        }
        Ok(None)
    }
}

/// Why a body is not taken for JSON, in words for both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct NotJson {
    pub problem: String,
    /// It is compressed, whatever its type is.
    pub is_encoding: bool,
}

impl NotJson {
    fn kind(problem: String) -> Self {
        Self { problem, is_encoding: false }
    }
}

/// A text as long as it is kept.
pub(crate) fn clipped(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_KEPT_TEXT_BYTES);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::Head;
    use crate::domain::ids::RequestId;
    use crate::domain::network::Sender;

    fn head<'a>(headers: &[(&'a str, &'a str)]) -> Head<'a> {
        let sender = Sender { ip: [127, 0, 0, 1].into(), https: None };
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        Head { sender, headers, query: None, request_id: RequestId(1) }
    }

    #[test]
    fn json_is_said_in_several_ways() {
        for fine in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
            "application/vnd.api+json;v=1",
            "text/json",
            "Text/JSON; charset=utf-8",
        ] {
            assert!(head(&[("content-type", fine)]).media_type().is_ok(), "{fine}");
        }
        for other in [
            "text/plain",
            "",
            "application/jsonx",
            "application/+json",
            "text/jsonx",
            "application/x-www-form-urlencoded",
            "json",
        ] {
            assert!(head(&[("content-type", other)]).media_type().is_err(), "{other}");
        }
        assert!(head(&[]).media_type().is_err());
    }

    #[test]
    fn compressed_bodies_are_refused() {
        let json = ("content-type", "application/json");
        for none in ["identity", "", " ", "Identity"] {
            assert!(head(&[json, ("content-encoding", none)]).media_type().is_ok(), "{none:?}");
        }
        for encoding in ["gzip", "br", "identity, gzip", "deflate"] {
            let problem = head(&[json, ("content-encoding", encoding)]).media_type().unwrap_err();
            assert!(problem.is_encoding, "{encoding}");
        }
    }

    #[test]
    fn what_the_body_is_can_be_said_once() {
        let json = ("content-type", "application/json");
        assert!(head(&[json, json]).media_type().is_err());
        assert!(head(&[json, ("content-type", "text/plain")]).media_type().is_err());
        assert!(head(&[("content-type", "application/json, text/plain")]).media_type().is_err());
        let none = ("content-encoding", "identity");
        assert!(head(&[json, none, none]).media_type().is_err());
        assert!(head(&[json, none, ("content-encoding", "gzip")]).media_type().is_err());
    }

    #[test]
    fn a_key_of_either_name_counts_and_too_long_a_key_is_refused() {
        let key = |headers: &[(&str, &str)]| head(headers).idempotency_key(b"{}").map(|k| k.map(|k| k.key));
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[("webhook-id", "msg_1")]), Ok(Some(b"msg_1".to_vec())));
        assert_eq!(key(&[("webhook-id", "a"), ("idempotency-key", "a")]), Ok(Some(b"a".to_vec())));
        assert_eq!(key(&[("webhook-id", "msg_1"), ("idempotency-key", "")]), Ok(Some(b"msg_1".to_vec())));
        assert_eq!(key(&[("webhook-id", "msg_1"), ("idempotency-key", "a")]), Ok(Some(b"a".to_vec())));
        assert!(key(&[("webhook-id", "a"), ("webhook-id", "b")]).is_err());
        assert!(key(&[("idempotency-key", "a"), ("idempotency-key", "b")]).is_err());
        assert!(key(&[("idempotency-key", &"k".repeat(255))]).is_ok());
        assert!(key(&[("idempotency-key", &"k".repeat(256))]).is_err());
        let with_body = |name: &str| head(&[(name, "a")]).idempotency_key(b"1").unwrap().unwrap().for_this_body();
        assert!(with_body("idempotency-key").is_none());
        let other = with_body("webhook-id").unwrap();
        assert!(other.key.len() <= 255 && other.for_this_body().is_none(), "once is enough");
    }
}
