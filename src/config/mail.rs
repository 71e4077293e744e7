//! The options of mail, checked together: none of them is of use without the others.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::options::Options;
use crate::config::values::{WrongValues, is_loopback, switch};
use crate::domain::mail_server::{MailSecurity, MailServer};
use crate::domain::secret::Secret;

const URL: (&str, &str) = ("--smtp-url", "SMTP_URL");
const FROM: (&str, &str) = ("--mail-from", "MAIL_FROM");
const EXAMPLE: &str =
    "write it like smtp://user:password@smtp.example.com:587, or smtps:// for TLS from the first byte";

/// Where mail goes; `None` where there is none, or something is wrong.
pub(crate) fn mail_server(options: &Options, problems: &mut WrongValues) -> Option<MailServer> {
    let plain = problems.take_some("--smtp-plain", "SMTP_PLAIN", options.smtp_plain.as_deref(), switch);
    let url = problems.take_some(URL.0, URL.1, options.smtp_url.as_deref(), smtp_url);
    let from = problems.take_some(FROM.0, FROM.1, options.mail_from.as_deref(), |text| {
        text.parse().map_err(|()| {
            format!("is {text:?}, which is not an address: write it like noreply@example.com or Webhooks <noreply@example.com>")
        })
    });
    let given = |value: &Option<String>| value.as_ref().is_some_and(|text| !text.is_empty());
    if !given(&options.smtp_url) {
        return None;
    }
    if !given(&options.mail_from) {
        problems.add(FROM.0, FROM.1, "is missing while SMTP_URL is set: say whom mail comes from".to_owned());
    }
    if !given(&options.public_url) {
        let problem = "is missing while SMTP_URL is set: links in mails lead to it";
        problems.add("--public-url", "PUBLIC_URL", problem.to_owned());
    }
    let (url, from) = (url?, from?);
    let security = match url.scheme() {
        "smtps" => MailSecurity::Tls,
        _ if plain.unwrap_or_else(|| is_this_machine(&url)) => MailSecurity::Plain,
        _ => MailSecurity::StartTls,
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = url.password().map(|password| Secret::new(decoded(password)));
    Some(MailServer {
        host: url.host_str()?.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(if security == MailSecurity::Tls { 465 } else { 587 }),
        security,
        login: password.map(|password| (decoded(url.username()), password)),
        from,
    })
}

/// Of schemes that it does not know, the library takes addresses for names.
fn is_this_machine(url: &Url) -> bool {
    Url::parse(&format!("http://{}", url.host_str().unwrap_or_default())).is_ok_and(|url| is_loopback(&url))
}

/// The text itself is not repeated: it may contain a password.
fn smtp_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a valid URL ({error}): {EXAMPLE}"))?;
    if !matches!(url.scheme(), "smtp" | "smtps") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("has to start with smtp:// or smtps:// and name a host: {EXAMPLE}"));
    }
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !is_bare {
        return Err(format!("has something behind the host (percent-encode /, ? and # in a password): {EXAMPLE}"));
    }
    if url.username().is_empty() != url.password().is_none() {
        return Err(format!("has a username or a password without the other: {EXAMPLE}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use crate::config::mail::mail_server;
    use crate::config::options::Options;
    use crate::config::values::WrongValues;
    use crate::domain::mail_server::{MailSecurity, MailServer};

    fn check(url: &str, plain: Option<&str>) -> Result<MailServer, String> {
        let options = Options {
            smtp_url: Some(url.to_owned()),
            smtp_plain: plain.map(str::to_owned),
            mail_from: Some("noreply@example.com".to_owned()),
            public_url: Some("https://hooks.example.com".to_owned()),
            ..Options::default()
        };
        let mut problems = WrongValues::default();
        mail_server(&options, &mut problems).filter(|_| problems.is_empty()).ok_or_else(|| problems.to_string())
    }

    // holds issue 18, section 1: STARTTLS is required; plain to loopback only, unless it is asked for
    #[test]
    fn mail_is_encrypted_but_to_this_machine_unless_it_is_asked_for() {
        use MailSecurity::{Plain, StartTls, Tls};
        for (url, plain, security, port) in [
            ("smtp://smtp.example.com", None, StartTls, 587),
            ("smtps://smtp.example.com", None, Tls, 465),
            ("smtps://localhost:2465", Some("true"), Tls, 2465),
            ("smtp://localhost:25", None, Plain, 25),
            ("smtp://127.0.0.1:25", None, Plain, 25),
            ("smtp://[::1]:25", None, Plain, 25),
            ("smtp://localhost:25", Some("false"), StartTls, 25),
            ("smtp://10.0.0.7:25", None, StartTls, 25),
            ("smtp://10.0.0.7:25", Some("true"), Plain, 25),
        ] {
            let server = check(url, plain).unwrap();
            assert_eq!((server.security, server.port), (security, port), "{url}");
        }
    }

    #[test]
    fn a_wrong_address_of_the_mail_server_is_told_without_its_password() {
        let server = check("smtp://hooks%40example.com:can%2Fary@smtp.example.com", None).unwrap();
        let (user, password) = server.login.unwrap();
        assert_eq!((user.as_str(), password.reveal()), ("hooks@example.com", "can/ary"));
        for wrong in [
            "smtp.example.com:587",
            "http://user:canary@smtp.example.com",
            "smtp://user:canary@",
            "smtp://user:canary@smtp.example.com/path",
            "smtp://user:canary@smtp.example.com?tls=none",
            "smtp://user@smtp.example.com",
            "smtp://:canary@smtp.example.com",
        ] {
            let told = check(wrong, None).unwrap_err();
            assert!(told.starts_with("--smtp-url (SMTP_URL) ") && !told.contains("canary"), "{wrong}: {told}");
        }
    }

    #[test]
    fn mail_needs_to_know_whom_it_comes_from_and_where_links_lead() {
        let options = Options { smtp_url: Some("smtp://localhost".to_owned()), ..Options::default() };
        let mut problems = WrongValues::default();
        assert!(mail_server(&options, &mut problems).is_none());
        let told = problems.to_string();
        assert!(
            told.contains("--mail-from (MAIL_FROM) is missing") && told.contains("PUBLIC_URL) is missing"),
            "{told}"
        );
    }
}
