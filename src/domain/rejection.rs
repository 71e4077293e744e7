//! A refused request whose username is known: why, in words for the owner of the credential. The sender is told less.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::ids::CredentialId;
use crate::domain::token_address;

macro_rules! reasons {
    ($($variant:ident = $word:literal, $status:literal $code:literal {
        title: $title:literal, advice: $advice:literal, meaning: $meaning:literal, sender_sees: $sees:literal, remedy: $remedy:literal,
    })*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "its variants are what their names say")]
        pub enum Reason { $($variant,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The word in the database and in addresses.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $word,)* }
            }

            /// The status code that the sender got.
            pub(crate) fn status(self) -> u16 {
                match self { $(Reason::$variant => $status,)* }
            }

            /// The `code` in the problem that the sender got. Whatever is wrong with a password, it is one and the same.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// What happened, as the owner reads it.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Reason::$variant => $title,)* }
            }

            /// What to do about it, in a line.
            pub(crate) fn advice(self) -> &'static str {
                match self { $(Reason::$variant => $advice,)* }
            }

            /// What it means, at length.
            pub(crate) fn meaning(self) -> &'static str {
                match self { $(Reason::$variant => $meaning,)* }
            }

            /// What the sender's log has of it, beside status and code.
            pub(crate) fn sender_sees(self) -> &'static str {
                match self { $(Reason::$variant => $sees,)* }
            }

            /// What to do about it, step by step.
            pub(crate) fn remedy(self) -> &'static str {
                match self { $(Reason::$variant => $remedy,)* }
            }
        }
    };
}

reasons! {
    WrongPassword = "wrong_password", 401 "unauthorized" {
        title: "Wrong password",
        advice: "Right username, wrong password. Check which password this sender has.",
        meaning: "The username is this credential’s, but the password isn’t and never was one of its passwords.",
        sender_sees: "The same answer as for an unknown username or an expired password.",
        remedy: "Compare the first 8 characters of the sender’s password with those on the credential’s page. If they are the same, the \
                 rest was cut off or changed on the way into the sender, often by quoting. If nobody knows the password any more, rotate \
                 the credential. From an address that isn’t yours, somebody is guessing: a password has 131 secret bits, so that can’t succeed.",
    }
    MalformedCredentials = "malformed_credentials", 401 "unauthorized" {
        title: "Credentials can’t be read",
        advice: "Correct how this sender writes its Authorization header.",
        meaning: "A username of yours is in the Authorization header, but the header isn’t HTTP Basic as it has to be, or something stands \
                  around the password that doesn’t belong to it.",
        sender_sees: "The same answer as for a wrong password.",
        remedy: "The line says what is wrong. Let the HTTP client make the header: it has a setting for a username and a password. Where \
                 you make it yourself, encode username:password with printf, since echo adds a line break, and put Basic and a space in front.",
    }
    ExpiredPassword = "expired_password", 401 "unauthorized" {
        title: "Password has expired",
        advice: "Give this sender the current password; where there is none, rotate the credential first.",
        meaning: "Either the credential was rotated, the overlap is over, and this sender still uses the password from before; or the \
                  password had an expiry date, which has come.",
        sender_sees: "The same answer as for a wrong password.",
        remedy: "Give this sender the current password. If nobody kept it, or none works, rotate once more, with an overlap for the senders \
                 that are up to date already. Its events are held for 7 days, unless you switched that off: accept them on the credential’s page.",
    }
    RevokedPassword = "revoked_password", 401 "unauthorized" {
        title: "Password is revoked",
        advice: "Somebody still uses a password that was stopped. Update that sender.",
        meaning: "The password or token address is right, but it was stopped, or its whole credential was revoked. It never works again.",
        sender_sees: "The same answer as for a wrong password.",
        remedy: "Look at the address. If it’s one of your senders, give it a password that works. If it isn’t, the password has leaked, \
                 and revoking it was right: find out where it was exposed. The audit trail says who stopped it and when.",
    }
    CredentialDisabled = "credential_disabled", 401 "unauthorized" {
        title: "Credential is disabled",
        advice: "Enable the credential if this sender should work again.",
        meaning: "The password is right, but somebody in your account has disabled the credential.",
        sender_sees: "The same answer as for a wrong password.",
        remedy: "Enable the credential on its page if this sender should work again; its password stays the same. If not, \
                 switch the sender off.",
    }
    AddressNotAllowed = "address_not_allowed", 401 "unauthorized" {
        title: "Address isn’t allowed",
        advice: "This credential accepts events from chosen networks only. Add this address in its sender settings, if it is yours.",
        meaning: "The password is right, but the credential’s sender settings name the networks that it accepts events from, and this \
                  address is in none of them.",
        sender_sees: "The same answer as for a wrong password.",
        remedy: "If the address is yours, add it in the credential’s sender settings. A proxy that isn’t trusted shows up with its own \
                 address: then set TRUSTED_PROXIES. If the address isn’t yours, the password has leaked: rotate the credential.",
    }
    ProRequired = "pro_required", 403 "pro_required" {
        title: "Account isn’t on Pro",
        advice: "Events are accepted again as soon as the account is back on Pro.",
        meaning: "The password is right, but the account isn’t on the Pro plan, and webhooks are part of Pro.",
        sender_sees: "The detail says that the account’s plan doesn’t include webhooks.",
        remedy: "Put the account back on Pro. Credentials and passwords stay as they are and work at once. Senders that retry lose nothing.",
    }
    MethodNotAllowed = "method_not_allowed", 405 "method_not_allowed" {
        title: "PUT isn’t accepted",
        advice: "Have the sender POST, or accept PUT from it in its sender settings.",
        meaning: "The password is right, but the request is a PUT, and the credential’s sender settings don’t accept PUT.",
        sender_sees: "The detail says that the endpoint takes POST.",
        remedy: "Set the method to POST in the sender. If it can only PUT, turn on PUT in the credential’s sender settings.",
    }
    StorageFull = "storage_full", 507 "storage_full" {
        title: "Storage is full",
        advice: "Delete events, or have the oldest ones deleted for new ones: see Settings, Stored events.",
        meaning: "The password is right, but the account stores as many events, or bytes, as it may, so this one wasn’t stored.",
        sender_sees: "The detail says that the account’s storage is full. Retry-After asks for a pause of a minute.",
        remedy: "Under Settings, Stored events, delete what you no longer need, or choose that the oldest events are deleted for new ones. \
                 Your administrator can raise the limit. Senders that retry lose nothing; room is noticed within a minute.",
    }
    UnsupportedMediaType = "unsupported_media_type", 415 "unsupported_media_type" {
        title: "Content type is not JSON",
        advice: "Set Content-Type: application/json in the sender.",
        meaning: "The Content-Type header is missing, isn’t JSON or is there twice.",
        sender_sees: "The detail says which header is wrong and what it has to be.",
        remedy: "Set the header Content-Type: application/json in the sender.",
    }
    UnsupportedEncoding = "unsupported_encoding", 415 "unsupported_media_type" {
        title: "Body is compressed",
        advice: "Switch off compression of requests in the sender.",
        meaning: "The Content-Encoding header says that the body is compressed, and the endpoint takes uncompressed bodies only.",
        sender_sees: "The detail says which encoding it was.",
        remedy: "Switch off compression of requests in the sender, or take the header Content-Encoding away where nothing is compressed.",
    }
    LengthRequired = "length_required", 411 "length_required" {
        title: "Length of the body is missing",
        advice: "Have the sender send Content-Length, or a chunked body.",
        meaning: "The request says neither how long its body is nor that it comes in chunks, so the server can’t tell where it ends.",
        sender_sees: "The detail says which headers are missing. The connection is closed.",
        remedy: "Don’t remove the Content-Length header that the HTTP library sets. A program that writes to a socket itself has to send it.",
    }
    UriTooLong = "uri_too_long", 414 "uri_too_long" {
        title: "Address is too long",
        advice: "Send the data in the body, not in the address.",
        meaning: "The address of the request is longer than 64,999 bytes, so it wasn’t looked at.",
        sender_sees: "The detail says that the address is too long.",
        remedy: "Send the data in the body as JSON. The query string of an address is for a few words.",
    }
    WrongPath = "wrong_path", 404 "not_found" {
        title: "Sent to another address",
        advice: "Send to the endpoint exactly, with nothing after its slash.",
        meaning: "Username and password are right, but the request went to another address of this server, so nothing was stored.",
        sender_sees: "The detail names the endpoint.",
        remedy: "Enter the endpoint as the Webhooks page shows it. Some libraries add a path of their own to a base URL: switch that off, or \
                 use another one.",
    }
    InvalidJson = "invalid_json", 400 "invalid_json" {
        title: "Not valid JSON",
        advice: "Correct the sender’s JSON at that place.",
        meaning: "The body isn’t JSON as RFC 8259 has it, or isn’t UTF-8.",
        sender_sees: "The detail says at which line and column, and what is wrong there.",
        remedy: "Look at that place in the sender’s JSON. Most often it was put together by hand: a comma after the last element, \
                 single quotes, NaN, or a line break inside a string. Let a JSON library write it.",
    }
    BodyTooLarge = "body_too_large", 413 "body_too_large" {
        title: "Body is too large",
        advice: "Split it up.",
        meaning: "The body is larger than the limit of this server.",
        sender_sees: "The detail says what the limit is.",
        remedy: "Split lists into several events, and send links instead of files. Compression doesn’t help: it is refused too.",
    }
    BodyTimeout = "body_timeout", 408 "body_timeout" {
        title: "Body didn’t arrive in time",
        advice: "The sender started a request and was too slow to finish it.",
        meaning: "The whole body has to arrive within 10 seconds, or at 8 KB a second or faster and within 120 seconds, and it didn’t; or the \
                  sender hung up before its end.",
        sender_sees: "The detail says how much of the body arrived in which time. A sender that hung up has nothing in its log but its own time-out.",
        remedy: "Now and then it is the network, and a retry fixes it. If it happens each time, the sender starts the request before it \
                 has the data, or announces a larger Content-Length than it sends.",
    }
    IdempotencyConflict = "idempotency_conflict", 422 "idempotency_conflict" {
        title: "Idempotency key reused with a different body",
        advice: "The sender reuses keys for different events. Make a new key for each.",
        meaning: "This credential has sent another body with the same idempotency key in the last 7 days. That one is stored, this one isn’t.",
        sender_sees: "The detail says what is wrong with the key.",
        remedy: "Give each event a key of its own, such as its id in the sender’s database. A retry has to send the same bytes as before: \
                 a time made at each attempt makes it another body.",
    }
}

impl Rejection {
    /// Whether the sender had its secret in the address.
    pub(crate) fn is_by_token_address(&self) -> bool {
        self.hint.as_deref().is_some_and(|hint| hint.starts_with(token_address::KIND.prefix))
    }

    /// What happened, as a title.
    pub(crate) fn title(&self) -> &'static str {
        match self.reason {
            Reason::RevokedPassword if self.is_by_token_address() => "Token address is revoked",
            reason => reason.title(),
        }
    }

    /// What to do, in one line.
    pub(crate) fn advice(&self) -> &'static str {
        match self.reason {
            Reason::RevokedPassword if self.is_by_token_address() => {
                "Somebody still posts to a token address that was revoked. Update that sender."
            }
            reason => reason.advice(),
        }
    }
}

impl Reason {
    /// Whether a reader who looks for a text, in any case, means this reason.
    pub(crate) fn mentions(self, text: &str) -> bool {
        let text = text.to_lowercase();
        [self.as_str(), self.title(), self.advice()].iter().any(|words| words.to_lowercase().contains(&text))
            || self.status().to_string() == text
    }
}

/// The text names no reason.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a reason for a rejection")]
pub struct UnknownReason(String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Reason::ALL.iter().copied().find(|r| r.as_str() == text).ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// A refused request as it goes into the database. Never the body, never what was tried as a password.
#[derive(Clone, Debug)]
pub(crate) struct NewRejection {
    pub(crate) credential_id: CredentialId,
    pub(crate) at: Timestamp,
    pub(crate) reason: Reason,
    /// The password's public part, when the password was one of ours.
    pub(crate) hint: Option<String>,
    /// What exactly, for the owner: the place in the JSON, the content type that was sent. A line for each of several.
    pub(crate) detail: Option<String>,
    pub(crate) remote_ip: IpAddr,
    pub(crate) user_agent: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    /// How many requests this stands for.
    pub(crate) count: u32,
}

/// How many different details of repeats are kept.
pub(crate) const MAX_DETAILS: usize = 5;

impl NewRejection {
    /// Counts a repeat into this one. Its detail is kept if it is another one, on a line of its own.
    pub(crate) fn add(&mut self, repeat: NewRejection) {
        self.count = self.count.saturating_add(repeat.count);
        let (Some(known), Some(new)) = (&mut self.detail, &repeat.detail) else {
            self.detail = self.detail.take().or(repeat.detail);
            return;
        };
        if known.lines().count() < MAX_DETAILS && !known.lines().any(|line| line == new) {
            known.push('\n');
            known.push_str(new);
        }
    }
}

/// A refused request as its owner sees it; repeats within a second are one of these.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) id: uuid::Uuid,
    pub(crate) at: Timestamp,
    pub(crate) credential_id: CredentialId,
    pub(crate) credential_name: String,
    pub(crate) username: String,
    pub(crate) reason: Reason,
    pub(crate) hint: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) remote_ip: IpAddr,
    pub(crate) user_agent: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) count: u32,
}

#[cfg(test)]
mod tests {
    use super::{NewRejection, Reason};
    use crate::domain::ids::CredentialId;

    #[test]
    fn every_reason_is_listed_and_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse::<Reason>().unwrap(), *reason);
        }
        assert!("other".parse::<Reason>().is_err());
    }

    // holds C10
    #[test]
    fn every_reason_is_explained_and_no_sender_is_told_which_password_it_was() {
        for reason in Reason::ALL {
            for words in [reason.title(), reason.advice(), reason.meaning(), reason.sender_sees(), reason.remedy()] {
                assert!(words.len() >= 12 && !words.contains("  "), "{}: {words}", reason.as_str());
            }
            assert_eq!(reason.status() == 401, reason.code() == "unauthorized", "{}", reason.as_str());
            // Owners are told more exactly than senders.
            let told = match reason {
                Reason::UnsupportedEncoding => "unsupported_media_type",
                Reason::WrongPath => "not_found",
                other => other.as_str(),
            };
            assert!(reason.code() == "unauthorized" || reason.code() == told);
        }
    }

    // holds C10
    #[test]
    fn repeats_keep_what_was_wrong_with_each_up_to_five() {
        let rejection = |detail: Option<&str>| NewRejection {
            credential_id: CredentialId(uuid::Uuid::nil()),
            at: jiff::Timestamp::UNIX_EPOCH,
            reason: Reason::InvalidJson,
            hint: None,
            detail: detail.map(str::to_owned),
            remote_ip: [127, 0, 0, 1].into(),
            user_agent: None,
            size_bytes: None,
            count: 1,
        };
        let mut first = rejection(None);
        for detail in [Some("a"), Some("b"), None, Some("a"), Some("b"), Some("c"), Some("d"), Some("e"), Some("f")] {
            first.add(rejection(detail));
        }
        assert_eq!((first.count, first.detail.as_deref()), (10, Some("a\nb\nc\nd\ne")));
    }
}
