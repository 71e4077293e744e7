//! What in the head of a request is confidential, by its name or by what it looks like. It is kept masked.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// What stands for a confidential value.
pub const MASK: &str = "[masked]";

/// Headers whose value is a secret.
pub const NAMES: &[&str] =
    &["x-api-key", "api-key", "apikey", "x-password", "password", "x-auth-key", "x-functions-key"];
/// So ends the name of a header whose value is a secret, or with what follows the hyphen is all of the name.
pub const ENDINGS: &[&str] = &[
    "-token",
    "-secret",
    "-password",
    "-authorization",
    "-signature",
    "-signature-256",
    "-hmac-sha256",
    "-jwt-assertion",
    "-api-key",
    "-subscription-key",
];
/// Parameters of a query string whose value is a secret, and so are those that end in one of them after `_` or `-`.
pub const PARAMETERS: &[&str] =
    &["token", "password", "passwd", "pwd", "secret", "api_key", "apikey", "authorization", "signature", "sig", "jwt"];

/// Our own passwords and tokens begin so, and have so many letters and digits after that. A part of one is masked as well.
const OWN_PREFIXES: [&str; 2] = ["rwp_", "rwt_"];
const OWN_CHARS: usize = 16;
/// What the base64 of a username of ours begins with.
const ENCODED_USERNAME: &str = "cndf";

/// Whether the value of a header with this name, in lower case, is confidential whatever it is.
pub(crate) fn is_confidential_name(name: &str) -> bool {
    NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending) || name == &ending[1..])
}

/// Whether a value looks like a secret, whatever it is called.
pub(crate) fn looks_confidential(value: &str) -> bool {
    has_scheme(value) || has_own_secret(value) || has_own_pair(value) || has_jwt(value)
}

/// A query string without the values of its confidential parameters.
pub(crate) fn without_secrets(query: &str) -> String {
    let masked = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let (plain_name, plain_value) = (decoded(name).to_lowercase(), decoded(value));
        let is_secret = !value.is_empty() && is_confidential_parameter(&plain_name);
        match is_secret || looks_confidential(&plain_value) {
            // A name that is a secret is one that somebody put into the wrong place.
            _ if has_own_secret(&plain_name) => MASK.to_owned(),
            true if name.is_empty() => MASK.to_owned(),
            true => format!("{name}={MASK}"),
            false => pair.to_owned(),
        }
    };
    query.split('&').map(masked).collect::<Vec<_>>().join("&")
}

fn is_confidential_parameter(name: &str) -> bool {
    PARAMETERS.iter().any(|known| {
        let before = name.strip_suffix(known);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['_', '-', '.']))
    })
}

fn decoded(text: &str) -> std::borrow::Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// `Basic …` or `Bearer …`.
fn has_scheme(value: &str) -> bool {
    let scheme = value.trim_start().split(' ').next().unwrap_or_default();
    let is_scheme = scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("bearer");
    is_scheme && value.trim().len() > scheme.len()
}

fn has_own_secret(value: &str) -> bool {
    let value = value.as_bytes();
    OWN_PREFIXES.iter().any(|prefix| {
        memchr::memmem::find_iter(value, prefix).any(|at| {
            let rest = &value[at + prefix.len()..];
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count() >= OWN_CHARS
        })
    })
}

/// A username and a password of ours in base64, as `Authorization` has them.
fn has_own_pair(value: &str) -> bool {
    memchr::memmem::find_iter(value.as_bytes(), ENCODED_USERNAME).any(|at| {
        let encoded: String =
            value[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "+/".contains(*c)).collect();
        // Whole groups of four, so that a part of it is found as well.
        let whole = &encoded[..encoded.len() / 4 * 4];
        BASE64_STANDARD_NO_PAD.decode(whole).is_ok_and(|bytes| has_own_secret(&String::from_utf8_lossy(&bytes)))
    })
}

/// Three parts in base64 with dots between them, of which the first two are JSON objects.
fn has_jwt(value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    value.contains("eyJ")
        && value.split(|c| !is_part(c)).any(|word| {
            let parts: Vec<&str> = word.split('.').collect();
            matches!(parts.as_slice(), [head, claims, _] if head.starts_with("eyJ") && claims.starts_with("eyJ"))
                || matches!(parts.as_slice(), [head, _, _, _, _] if head.starts_with("eyJ"))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{is_confidential_name, looks_confidential, without_secrets};

    const PASSWORD: &str = "rwp_7GqT0123456789abcdefABCDEF012345";

    // holds C5
    #[test]
    fn names_are_known_whole_or_by_their_end() {
        for name in [
            "x-api-key",
            "x-password",
            "x-gitlab-token",
            "token",
            "x-client-secret",
            "x-forwarded-authorization",
            "x-hub-signature",
            "x-hub-signature-256",
            "x-shopify-hmac-sha256",
            "x-goog-iap-jwt-assertion",
        ] {
            assert!(is_confidential_name(name), "{name}");
        }
        for name in [
            "x-event-key",
            "idempotency-key",
            "x-routing-key",
            "x-keycloak-realm",
            "x-tokens-left",
            "x-secretary",
            "signature-input",
            "mytoken",
        ] {
            assert!(!is_confidential_name(name), "{name}");
        }
    }

    // holds C5
    #[test]
    fn a_secret_is_known_by_what_it_looks_like() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        let pair = "cndfYTFiMmMzZDQ6cndwXzdHcVQwMTIzNDU2Nzg5YWJjZGVmQUJDREVGMDEyMzQ1";
        for value in [
            "Basic dXNlcjpwYXNz",
            "basic x",
            "BEARER abc",
            jwt,
            &format!("jwt={jwt}; path=/"),
            PASSWORD,
            &format!("user:{PASSWORD}"),
            &PASSWORD.replace("rwp_", "rwt_"),
            &PASSWORD[..24],
            pair,
            &format!("x {pair}, y"),
        ] {
            assert!(looks_confidential(value), "{value}");
        }
        for value in [
            "",
            "Basic",
            "basics of",
            "rwp_",
            "rwp_7GqT",
            "rwp_7GqT••••",
            "eyJ",
            "eyJ.x",
            "v1.2.3",
            "application/json",
            "cndf",
        ] {
            assert!(!looks_confidential(value), "{value}");
        }
    }

    // holds C5
    #[test]
    fn a_query_string_keeps_all_but_its_secrets() {
        for (query, kept) in [
            ("", ""),
            ("a=1&token=x&b", "a=1&token=[masked]&b"),
            ("Password=p%20q&pass%77ord=x", "Password=[masked]&pass%77ord=[masked]"),
            ("access_token=1&x-api_key=2&tokens=3", "access_token=[masked]&x-api_key=[masked]&tokens=3"),
            ("token=&event_key=7", "token=&event_key=7"),
            (&format!("who={PASSWORD}&{PASSWORD}&{PASSWORD}=1"), "who=[masked]&[masked]&[masked]"),
            (&format!("{PASSWORD}=Bearer%20x"), "[masked]"),
            ("a=Bearer%20abc", "a=[masked]"),
        ] {
            assert_eq!(without_secrets(query), kept, "{query}");
        }
        assert!(!without_secrets(&format!("x={}", PASSWORD.replace('_', "%5F"))).contains("7GqT"));
    }

    proptest! {
        // holds C5
        #[test]
        fn a_password_of_ours_is_found_in_whatever_stands_around_it(before in any::<String>(), after in any::<String>()) {
            let text = format!("{before}{PASSWORD}{after}");
            assert!(looks_confidential(&text));
            assert!(!without_secrets(&text).contains(PASSWORD));
        }
    }
}
