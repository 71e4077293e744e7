//! The SMTP server that mails are handed to, and who they come from, as the configuration has them.

use std::str::FromStr;

use crate::domain::email::Email;
use crate::domain::secret::Secret;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// From the first byte.
    Tls,
    /// STARTTLS before anything else, or nothing is sent.
    StartTls,
    /// Not at all.
    Plain,
}

/// A server, and what it is told.
#[derive(Clone, Debug)]
pub struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: MailSecurity,
    /// Username and password, where it wants them.
    pub(crate) login: Option<(String, Secret)>,
    pub(crate) from: MailFrom,
}

/// `noreply@example.com`, or `Reasoner Webhooks <noreply@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFrom {
    pub(crate) name: Option<String>,
    pub(crate) address: Email,
}

impl FromStr for MailFrom {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = text.trim().strip_suffix('>').and_then(|text| text.split_once('<'));
        let (name, address) = named.map_or((None, text), |(name, address)| (Some(name.trim()), address));
        if name.is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(());
        }
        Ok(Self { name: name.map(str::to_owned), address: address.parse().map_err(|_| ())? })
    }
}

impl MailFrom {
    /// What stands behind the @.
    pub(crate) fn domain(&self) -> &str {
        self.address.as_str().rsplit('@').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::MailFrom;

    #[test]
    fn who_mails_come_from_is_an_address_with_or_without_a_name() {
        let from = |text: &str| text.parse::<MailFrom>().map(|from| (from.name, from.address.to_string()));
        let named = (Some("Reasoner Webhooks".to_owned()), "noreply@example.com".to_owned());
        assert_eq!(from("Reasoner Webhooks <noreply@example.com>"), Ok(named));
        assert_eq!(from(" noreply@example.com "), Ok((None, "noreply@example.com".to_owned())));
        for wrong in ["", "noreply", "<noreply@example.com>", "A\r\nBcc: x <a@example.com>", "A <a@example.com"] {
            assert_eq!(from(wrong), Err(()), "{wrong}");
        }
    }
}
