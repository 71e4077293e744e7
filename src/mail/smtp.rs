//! The SMTP client.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use crate::domain::ids::MailId;
use crate::domain::mail_server::{MailSecurity, MailServer};
use crate::mail::words::Words;

/// A step of the conversation may take so long, and all of it: less than the pause before the next try.
const MAX_STEP: Duration = Duration::from_secs(20);
const MAX_CONVERSATION: Duration = Duration::from_secs(60);

/// Answers that are about the way in to the server and not about the mail: authentication is required, or failed (RFC 4954, section 6;
/// RFC 3207).
const ABOUT_THE_WAY_IN: [u16; 4] = [530, 534, 535, 538];

/// A mail was not handed over.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct NotSent {
    pub(crate) words: String,
    /// The server refuses this mail, now and ever.
    pub(crate) is_final: bool,
}

impl NotSent {
    fn last(words: impl ToString) -> Self {
        Self { words: words.to_string(), is_final: true }
    }

    fn late() -> Self {
        let words = format!("the server did not finish within {} seconds", MAX_CONVERSATION.as_secs());
        Self { words, is_final: false }
    }
}

impl From<lettre::transport::smtp::Error> for NotSent {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let is_about_the_mail = !error.status().is_some_and(|code| ABOUT_THE_WAY_IN.contains(&code.into()));
        Self { words: error.to_string(), is_final: error.is_permanent() && is_about_the_mail }
    }
}

/// Hands mails to the configured server.
pub(crate) struct Mailer {
    client: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What stands behind the @ of Message-IDs.
    domain: String,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer")
    }
}

impl Mailer {
    pub(crate) fn new(server: &MailServer) -> Result<Self, NotSent> {
        let address: Address = server.from.address.as_str().parse().map_err(NotSent::last)?;
        let domain = server.from.domain().to_owned();
        let parameters = || TlsParameters::new(server.host.clone());
        let tls = match server.security {
            MailSecurity::Tls => Tls::Wrapper(parameters()?),
            MailSecurity::StartTls => Tls::Required(parameters()?),
            MailSecurity::Plain => Tls::None,
        };
        let mut client = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(MAX_STEP))
            .hello_name(ClientId::Domain(domain.clone()));
        if let Some((user, password)) = &server.login {
            client = client.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Self { client: client.build(), from: Mailbox::new(server.from.name.clone(), address), domain })
    }

    /// Whether the server lets this program in: connects, encrypts, signs in, and sends nothing.
    pub(crate) async fn check(&self) -> Result<(), NotSent> {
        let is_in = timeout(MAX_CONVERSATION, self.client.test_connection()).await.map_err(|_| NotSent::late())??;
        if is_in { Ok(()) } else { Err(NotSent { words: "the server does not answer NOOP".into(), is_final: false }) }
    }

    /// Hands a mail over. It has the same Message-ID each time, so that a mail that comes twice can be told.
    pub(crate) async fn send(&self, to: &str, id: MailId, words: &Words) -> Result<(), NotSent> {
        let message = self.message(to, id, words)?;
        timeout(MAX_CONVERSATION, self.client.send(message)).await.map_err(|_| NotSent::late())??;
        Ok(())
    }

    fn message(&self, to: &str, id: MailId, words: &Words) -> Result<Message, NotSent> {
        let to: Address = to.parse().map_err(NotSent::last)?;
        let (text, html) = (words.text().map_err(NotSent::last)?, words.html().map_err(NotSent::last)?);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(words.subject.as_ref())
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(NotSent::last)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Mailer;
    use crate::domain::ids::MailId;
    use crate::domain::mail_server::{MailSecurity, MailServer};
    use crate::mail::words::Words;

    fn mailer() -> Mailer {
        let (host, from) = ("localhost".to_owned(), "Reasoner <noreply@example.com>".parse().unwrap());
        Mailer::new(&MailServer { host, port: 25, security: MailSecurity::Plain, login: None, from }).unwrap()
    }

    // holds issue 18, section 1: CR/LF impossible in headers, Auto-Submitted, stable Message-ID
    #[test]
    fn headers_say_that_a_program_wrote_it_and_take_no_line_breaks() {
        let words = Words::of_test("https://hooks.example.com", "2026-11-30T20:15:00Z".parse().unwrap());
        let id = MailId(Uuid::from_u128(7));
        let sent = mailer().message("maya@example.com", id, &words).unwrap().formatted();
        let sent = String::from_utf8(sent).unwrap();
        for header in [
            "Auto-Submitted: auto-generated\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>\r\n",
            "From: Reasoner <noreply@example.com>\r\n",
            "To: maya@example.com\r\n",
        ] {
            assert!(sent.contains(header), "{header}: {sent}");
        }
        for to in ["maya@example.com\r\nBcc: eve@example.com", "maya@example.com, eve@example.com", "maya"] {
            assert!(mailer().message(to, id, &words).is_err_and(|error| error.is_final), "{to:?}");
        }
    }
}
