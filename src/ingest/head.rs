//! The request head as ingest reads it.
//!
//! What comes before the body, and what it says: whose request it is, what the body will be, and what the sender calls it.

use crate::domain::basic_auth::{self, BasicCredentials};
use crate::domain::digest::sha256;
use crate::domain::event::{IdempotencyKey, MAX_IDEMPOTENCY_KEY_BYTES, MAX_KEPT_TEXT_BYTES};
use crate::domain::ids::RequestId;
use crate::domain::malformed_credentials::{self, MalformedCredentials};
use crate::domain::network::Sender;
use crate::domain::sender_settings::HeaderName;

/// What came before the body.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Head<'a> {
    pub sender: Sender,
    /// Name, in lower case, and value, in the order of arrival.
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub query: Option<&'a str>,
    /// The secret in the path, where there is one in place of credentials.
    pub token: Option<&'a str>,
    /// Whether the method is PUT; else it is POST.
    pub is_put: bool,
    /// A body follows, and nothing says how long it is.
    pub lacks_length: bool,
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

    /// All values of a header, as texts.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.values(name).map(|value| clipped(&String::from_utf8_lossy(value))).collect()
    }

    /// Whether a header is there more than once. Of two that differ, a proxy may have looked at the other.
    pub(super) fn repeats(&self, name: &str) -> bool {
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

    /// The key of `Idempotency-Key`; where there is none, the header that the credential has events stored once by, whatever the body;
    /// where there is none either, that of `webhook-id`, under which another body is another event. Too long a key, or two of one name
    /// that differ, are refused rather than ignored: their sender believes that a repetition is harmless.
    pub(crate) fn idempotency_key(
        &self,
        once_by: Option<&HeaderName>,
        body: &[u8],
    ) -> Result<Option<IdempotencyKey>, &'static str> {
        for (name, with_body) in [("idempotency-key", false), ("webhook-id", true)] {
            if with_body
                && let Some(name) = once_by
                && let Some(value) = self.values(name.as_str()).find(|value| !value.is_empty())
            {
                return Ok(Some(once(name, value)));
            }
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

/// The key of an event that is stored once by a header: the same for every body.
fn once(name: &HeaderName, value: &[u8]) -> IdempotencyKey {
    // No header has a byte of zero, so it is no key of a request either.
    let digest = sha256(&[name.as_str().as_bytes(), b"\0", value].concat());
    IdempotencyKey { key: [b"\0once", &digest[..]].concat(), body_sha256: [0; 32], with_body: false }
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
        Head { sender, headers, query: None, token: None, is_put: false, lacks_length: false, request_id: RequestId(1) }
    }

    #[test]
    fn a_key_of_either_name_counts_and_too_long_a_key_is_refused() {
        let key = |headers: &[(&str, &str)]| head(headers).idempotency_key(None, b"{}").map(|k| k.map(|k| k.key));
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[("webhook-id", "msg_1")]), Ok(Some(b"msg_1".to_vec())));
        assert_eq!(key(&[("webhook-id", "a"), ("idempotency-key", "a")]), Ok(Some(b"a".to_vec())));
        assert_eq!(key(&[("webhook-id", "msg_1"), ("idempotency-key", "")]), Ok(Some(b"msg_1".to_vec())));
        assert_eq!(key(&[("webhook-id", "msg_1"), ("idempotency-key", "a")]), Ok(Some(b"a".to_vec())));
        assert!(key(&[("webhook-id", "a"), ("webhook-id", "b")]).is_err());
        assert!(key(&[("idempotency-key", "a"), ("idempotency-key", "b")]).is_err());
        assert!(key(&[("idempotency-key", &"k".repeat(255))]).is_ok());
        assert!(key(&[("idempotency-key", &"k".repeat(256))]).is_err());
        let with_body = |name: &str| head(&[(name, "a")]).idempotency_key(None, b"1").unwrap().unwrap().for_this_body();
        assert!(with_body("idempotency-key").is_none());
        let other = with_body("webhook-id").unwrap();
        assert!(other.key.len() <= 255 && other.for_this_body().is_none(), "once is enough");
    }
}
