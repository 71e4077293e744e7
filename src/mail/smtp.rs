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
use crate::domain::secret::Secret;
use crate::mail::words::Words;

/// A step of the conversation may take so long, and all of it: less than the pause before the next try.
const MAX_STEP: Duration = Duration::from_secs(20);
const MAX_CONVERSATION: Duration = Duration::from_secs(60);

/// What is wrong with the mail or its address, and stays so: the subjects of enhanced status codes (RFC 3463), and those of the first
/// that are about the sender's address. Whatever else a server refuses for good, an operator may mend: the way in, the sender, a policy.
const ABOUT_THE_ADDRESS: u8 = 1;
const ABOUT_THE_SENDER: [u16; 2] = [7, 8];
const MAILBOX_DISABLED: (u8, u16) = (2, 1);
const ABOUT_THE_CONTENT: u8 = 6;
/// Where there is no enhanced code: no such mailbox, not here, not a name of one (RFC 5321, section 4.2.3).
const NO_MAILBOX: [u16; 3] = [550, 551, 553];

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

    /// Without the token of a link, which servers quote that refuse a mail for it.
    pub(crate) fn without(self, token: &Secret) -> Self {
        Self { words: self.words.replace(token.reveal(), "…"), ..self }
    }

    fn late() -> Self {
        let words = format!("the server did not finish within {} seconds", MAX_CONVERSATION.as_secs());
        Self { words, is_final: false }
    }
}

impl From<lettre::transport::smtp::Error> for NotSent {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let said = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let is_final = error.is_permanent() && error.status().is_some_and(|code| stays(code.into(), &said));
        Self { words: error.to_string(), is_final }
    }
}

/// Whether a permanent answer is about the mail. The enhanced code stands before the words of the answer (RFC 2034).
fn stays(code: u16, said: &str) -> bool {
    let mut numbers = said.split_whitespace().next().unwrap_or_default().split('.');
    let class = numbers.next();
    let subject = numbers.next().and_then(|number| number.parse::<u8>().ok());
    let detail = numbers.next().and_then(|number| number.parse::<u16>().ok());
    match (class, subject, detail) {
        (Some("5"), Some(ABOUT_THE_ADDRESS), Some(detail)) => !ABOUT_THE_SENDER.contains(&detail),
        (Some("5"), Some(subject), Some(detail)) => {
            subject == ABOUT_THE_CONTENT || (subject, detail) == MAILBOX_DISABLED
        }
        _ => NO_MAILBOX.contains(&code),
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

    use super::{Mailer, stays};
    use crate::domain::ids::MailId;
    use crate::domain::mail_server::{MailSecurity, MailServer};
    use crate::mail::words::Words;

    fn mailer() -> Mailer {
        let (host, from) = ("localhost".to_owned(), "Reasoner <noreply@example.com>".parse().unwrap());
        Mailer::new(&MailServer { host, port: 25, security: MailSecurity::Plain, login: None, from }).unwrap()
    }

    // holds issue 18, section 1: what an operator may mend ends no mail
    #[test]
    fn an_answer_about_the_mail_ends_it_and_no_other() {
        for (code, said) in
            [(550, "5.1.1 no such mailbox"), (550, "No such user"), (553, "5.1.3 bad"), (550, "5.2.1 off")]
        {
            assert!(stays(code, said), "{code} {said}");
        }
        for (code, said) in [
            (530, "5.7.0 Authentication required"),
            (535, "5.7.8 wrong"),
            (550, "5.7.1 relaying denied"),
            (553, "5.7.1 sender address rejected: not owned by user"),
            (553, "5.1.8 sender"),
            (552, "5.2.2 mailbox full"),
            (554, "no SMTP service here"),
        ] {
            assert!(!stays(code, said), "{code} {said}");
        }
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
