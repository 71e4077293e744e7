//! What is wrong with an `Authorization` header that is not HTTP Basic as it has to be, or whose password has something around it that
//! does not belong to it: for the owner of the username in it, if there is one. Its sender hears nothing of it.

use base64::Engine;

use crate::domain::basic_auth::{BASE64, MAX_HEADER_BYTES};
use crate::domain::credential::Username;
use crate::domain::secret::Secret;

/// How the password of a credential begins, by which it is known in the place of a username.
const PASSWORD_PREFIX: &str = "rwp_";

/// A username that could be read all the same, and what is wrong.
#[derive(Debug)]
pub(crate) struct MalformedCredentials {
    pub(crate) username: Username,
    /// What the password is without what stands around it.
    pub(crate) password: Secret,
    pub(crate) problem: &'static str,
}

/// Looks at the values of all `Authorization` headers. `None` where no username of ours can be read, or nothing is wrong with the form.
pub(crate) fn diagnose<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Option<MalformedCredentials> {
    let headers: Vec<&[u8]> = headers.take(3).collect();
    let first = *headers.first()?;
    if first.len() > MAX_HEADER_BYTES {
        return None;
    }
    let (pair, form) = pair_of(std::str::from_utf8(first).ok()?)?;
    let (username, password, content) = parts_of(&pair)?;
    let repeated = match headers.get(1) {
        None => None,
        Some(second) if *second == first => Some("the Authorization header is there twice: send it once"),
        Some(_) => Some("there are two Authorization headers, and they differ: send one"),
    };
    let problem = repeated.or(form).or(content)?;
    Some(MalformedCredentials { username, password, problem })
}

/// The text that should be `username:password`, and what is wrong with how it came.
fn pair_of(header: &str) -> Option<(Secret, Option<&'static str>)> {
    let bare = header.trim();
    let value = without_quotes(bare);
    let quoted = (value.len() < bare.len())
        .then_some("quotes stand around the value of the Authorization header: take them away");
    let (name, rest) = value.split_at_checked("authorization:".len()).unwrap_or(("", value));
    let (value, named) = match name.eq_ignore_ascii_case("authorization:") {
        true => {
            (rest.trim_start(), Some("the value of the Authorization header repeats its name: it begins with Basic"))
        }
        false => (value, None),
    };
    let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or(("", value));
    let rest = rest.trim();
    let (decoded, wrong) = if scheme.eq_ignore_ascii_case("Basic") {
        match decoded(rest) {
            Some(pair) => (Some(pair), None),
            None if rest.contains(':') => {
                (Some(rest.to_owned()), Some("username:password is not encoded: Base64 of it has to follow Basic"))
            }
            None => {
                let joined: String = rest.split_ascii_whitespace().collect();
                (decoded(&joined), Some("the Base64 after Basic is broken by a space"))
            }
        }
    } else if scheme.eq_ignore_ascii_case("Bearer") {
        let pair = decoded(rest).unwrap_or_else(|| rest.to_owned());
        (Some(pair), Some("the scheme is Bearer: it has to be Basic, with Base64 of username:password"))
    } else {
        let glued = value.split_at_checked("Basic".len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"));
        match glued.and_then(|(_, rest)| decoded(rest.trim_start_matches(':'))) {
            Some(pair) => (Some(pair), Some("there is no space after Basic")),
            None => {
                let pair = decoded(value).unwrap_or_else(|| value.to_owned());
                (
                    Some(pair),
                    Some("the scheme is missing: put Basic and a space in front of Base64 of username:password"),
                )
            }
        }
    };
    Some((Secret::new(decoded?), quoted.or(named).or(wrong)))
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text).ok()?).ok()
}

/// Username and password, without what stands around them, and what is wrong there.
fn parts_of(pair: &Secret) -> Option<(Username, Secret, Option<&'static str>)> {
    let text = pair.reveal();
    if let Ok(username) = trimmed(text).trim_end_matches(':').parse() {
        return Some((username, Secret::new(String::new()), Some("the password is missing: encode username:password")));
    }
    let (left, right) = text.split_once(':')?;
    let (name, password) = (trimmed(left), trimmed(right));
    if name.starts_with(PASSWORD_PREFIX)
        && let Ok(username) = password.parse()
    {
        return Some((username, Secret::new(name.to_owned()), Some("username and password are in each other’s place")));
    }
    let problem = match (name.len() < left.len(), password.len() < right.len()) {
        (_, true) => Some(around_password(right)),
        (true, false) => Some("spaces, quotes or a line break stand around the username: take them away"),
        (false, false) => None,
    };
    Some((name.parse().ok()?, Secret::new(password.to_owned()), problem))
}

fn around_password(password: &str) -> &'static str {
    let has = |chars: &[char]| password.starts_with(chars) || password.ends_with(chars);
    if has(&['\n', '\r']) {
        "a line break follows the password: use printf, or echo -n"
    } else if has(&['"', '\'']) {
        "quotes stand around the password: take them away"
    } else {
        "a space stands before or after the password: take it away"
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\'')
}

fn without_quotes(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::{any, prop, proptest};

    use super::diagnose;

    const USERNAME: &str = "rw_a1b2c3d4";
    const PASSWORD: &str = "rwp_7GqT0123456789abcdefABCDEF012345";

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    fn told(headers: &[&str]) -> Option<&'static str> {
        let found = diagnose(headers.iter().map(|header| header.as_bytes()))?;
        assert_eq!((found.username.as_str(), found.password.reveal()), (USERNAME, PASSWORD), "{headers:?}");
        Some(found.problem)
    }

    // holds C10
    #[test]
    fn each_mistake_is_told_by_its_name() {
        let pair = format!("{USERNAME}:{PASSWORD}");
        let encoded = BASE64_STANDARD.encode(&pair);
        for (header, words) in [
            (basic(&format!("{pair}\n")), "a line break follows the password: use printf, or echo -n"),
            (basic(&format!("{pair}\r\n")), "a line break follows"),
            (basic(&format!("{pair} ")), "a space stands before or after the password"),
            (basic(&format!("{USERNAME}: {PASSWORD}")), "a space stands before or after the password"),
            (basic(&format!("{USERNAME}:\"{PASSWORD}\"")), "quotes stand around the password"),
            (basic(&format!("\"{pair}\"")), "quotes stand around the password"),
            (basic(&format!(" {pair}")), "around the username"),
            (basic(&format!("{PASSWORD}:{USERNAME}")), "in each other’s place"),
            (format!("Basic {pair}"), "is not encoded"),
            (format!("Bearer {pair}"), "the scheme is Bearer"),
            (format!("Bearer {encoded}"), "the scheme is Bearer"),
            (encoded.clone(), "the scheme is missing"),
            (pair.clone(), "the scheme is missing"),
            (format!("Basic{encoded}"), "no space after Basic"),
            (format!("Basic {} {}", &encoded[..20], &encoded[20..]), "broken by a space"),
            (format!("\"Basic {encoded}\""), "quotes stand around the value"),
            (format!("Authorization: Basic {encoded}"), "repeats its name"),
        ] {
            let problem = told(&[&header]).unwrap_or_else(|| panic!("nothing about {words}"));
            assert!(problem.contains(words), "{problem} is not {words}");
        }
        let right = basic(&pair);
        assert_eq!(told(&[&right]), None);
        assert!(told(&[&right, &right]).unwrap().contains("twice"));
        assert!(told(&[&right, "Basic x"]).unwrap().contains("differ"));
        let alone = diagnose([basic(USERNAME).as_bytes()].into_iter()).unwrap();
        assert!(alone.problem.contains("the password is missing"));
    }

    // holds C10
    #[test]
    fn without_a_username_of_ours_nothing_is_told() {
        for header in [
            "",
            "Basic",
            "Bearer abc",
            "Basic !!!",
            "Digest username=\"rw_a1b2c3d4\"",
            &basic("admin:x\n"),
            &"x".repeat(9_000),
        ] {
            assert!(diagnose([header.as_bytes()].into_iter()).is_none(), "{header}");
        }
        assert!(diagnose(std::iter::empty()).is_none());
    }

    proptest! {
        // holds C15
        #[test]
        fn no_bytes_make_it_panic(header in prop::collection::vec(any::<u8>(), 0..128), text in any::<String>()) {
            let _ = diagnose([header.as_slice()].into_iter());
            let _ = diagnose([[b"Basic ", header.as_slice()].concat().as_slice()].into_iter());
            let _ = diagnose([basic(&text).as_bytes(), text.as_bytes()].into_iter());
        }
    }
}
