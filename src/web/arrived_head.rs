//! What the head of a request was like when it arrived, where the HTTP library keeps less: the order of its headers, an offer to go on
//! in another protocol, a target too long to be looked at. The socket sees it (`server/heads.rs`) and the handlers ask for it.

use actix_web::http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};

/// The last letter of a word that the library must not read: of `upgrade` in `Connection`, and of `websocket` in `Upgrade`.
pub(crate) const UNREAD: u8 = b'~';

/// One head, as it arrived.
#[derive(Debug, Default)]
pub(crate) struct ArrivedHead {
    /// The names of the headers in their order, in lower case, a line feed after each.
    pub(crate) names: Vec<u8>,
    /// It offers another protocol, in words that end in [`UNREAD`] until they are restored.
    pub(crate) offers_upgrade: bool,
    /// A body follows, and nothing says how long it is: what comes after it cannot be told from it.
    pub(crate) lacks_length: bool,
    /// The target was longer than is looked at, and the rest of it is gone.
    pub(crate) target_is_cut: bool,
}

impl ArrivedHead {
    /// Puts the words of an offer back, now that the library has not taken it: a server goes on as if it had not been made (RFC 9110,
    /// section 7.8), and who reads the headers finds them as they were sent.
    pub(crate) fn restore(&self, headers: &mut HeaderMap) {
        if !self.offers_upgrade {
            return;
        }
        for name in [CONNECTION, UPGRADE] {
            let values: Vec<HeaderValue> = headers.get_all(&name).map(|value| restored(&name, value)).collect();
            headers.remove(&name);
            for value in values {
                headers.append(name.clone(), value);
            }
        }
    }

    /// The headers of a request in the order in which they arrived.
    pub(crate) fn in_order<'a>(&self, headers: &'a HeaderMap) -> Vec<(&'a str, &'a [u8])> {
        let mut left = unordered(headers);
        let mut ordered = Vec::with_capacity(left.len());
        for name in self.names.split(|byte| *byte == b'\n') {
            if let Some(at) = left.iter().position(|(known, _)| known.as_bytes() == name) {
                ordered.push(left.remove(at));
            }
        }
        ordered.append(&mut left);
        ordered
    }
}

/// The headers of a request, those of one name in the order in which they arrived.
pub(crate) fn unordered(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn restored(name: &HeaderName, value: &HeaderValue) -> HeaderValue {
    let last = if *name == UPGRADE { b't' } else { b'e' };
    let bytes: Vec<u8> = value.as_bytes().iter().map(|byte| if *byte == UNREAD { last } else { *byte }).collect();
    HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| value.clone())
}
