//! The SMTP server of a test, and the mails that it has taken.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reasoner_webhooks::config::options::Options;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::actors::between;
use crate::support::server::TestServer;

/// Who signs in to a server that wants it.
pub const LOGIN: &str = "hooks:ca/na ry";
pub const PUBLIC_URL: &str = "http://localhost:7777";

/// The authority of a test, and the certificate of `localhost` that it vouches for.
const MAKE: &str = r"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Authority of the tests' -keyout ca.key -out ca.pem \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out certificate.pem
";

pub struct Inbox {
    place: TempDir,
    server: Child,
    pub port: u16,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Inbox {
    /// Takes whatever comes, without TLS.
    pub async fn open() -> Self {
        Self::start(tempfile::tempdir().unwrap(), ["", "", ""]).await
    }

    /// Takes what comes after STARTTLS and AUTH.
    pub async fn guarded() -> Self {
        let place = tempfile::tempdir().unwrap();
        let made = Command::new("bash").args(["-c", MAKE]).current_dir(place.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (file("certificate.pem"), file("key.pem"));
        Self::start(place, [&certificate, &key, LOGIN]).await
    }

    async fn start(place: TempDir, guard: [&str; 3]) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/mail/bin/python");
        std::fs::create_dir(place.path().join("mails")).unwrap();
        std::fs::write(place.path().join("mode"), "accept").unwrap();
        let mut command = Command::new(&python);
        command.arg(here.join("tests/mail/server.py")).arg(place.path()).args(guard).stdin(Stdio::null());
        let server = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error}. This installs what is needed: scripts/ensure-mail-server", python.display())
        });
        let mut inbox = Self { place, server, port: 0 };
        inbox.port = eventually(|| std::fs::read_to_string(inbox.place.path().join("port")).ok()?.parse().ok()).await;
        inbox
    }

    pub fn authority(&self) -> String {
        self.place.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// How it answers from now on; see `server.py`.
    pub fn answer(&self, mode: &str) {
        let new = self.place.path().join("new-mode");
        std::fs::write(&new, mode).unwrap();
        std::fs::rename(new, self.place.path().join("mode")).unwrap();
    }

    /// A program with mail.
    pub fn options(&self) -> impl Fn(&mut Options) {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        move |options| {
            options.smtp_url = Some(url.clone());
            options.mail_from = Some("Reasoner Webhooks <noreply@hooks.example>".to_owned());
            options.public_url = Some(PUBLIC_URL.to_owned());
            options.host_names = Some("127.0.0.1".to_owned());
        }
    }

    pub async fn server(&self) -> TestServer {
        TestServer::start_with(self.options()).await
    }

    /// All that it took, in this order.
    pub fn mails(&self) -> Vec<Mail> {
        let entries = std::fs::read_dir(self.place.path().join("mails")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| Mail(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())).collect()
    }

    /// The last mail to an address about something, when there are so many of these.
    pub async fn nth(&self, count: usize, to: &str, subject: &str) -> Mail {
        let of = |mail: &Mail| mail.to() == to && mail.subject() == subject;
        eventually(|| {
            let mails: Vec<Mail> = self.mails().into_iter().filter(of).collect();
            (mails.len() >= count).then(|| mails.into_iter().last().unwrap())
        })
        .await
    }

    pub async fn first(&self, to: &str, subject: &str) -> Mail {
        self.nth(1, to, subject).await
    }
}

/// Waits until there is something.
pub async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_500 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not come about")
}

/// A mail as it arrived.
#[derive(Clone, Debug)]
pub struct Mail(pub Value);

impl Mail {
    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap()
    }

    pub fn subject(&self) -> &str {
        self.header("Subject")
    }

    pub fn id(&self) -> &str {
        self.header("Message-ID")
    }

    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }

    /// Purpose and token of the link in it, which is the same in the text and in HTML.
    pub fn link(&self) -> (String, String) {
        let link = between(self.text(), &format!("{PUBLIC_URL}/links/"), "\n");
        let (purpose, token) = link.trim().split_once("?token=").unwrap();
        assert!(self.0["html"].as_str().unwrap().contains(&format!("/links/{purpose}?token={token}\"")), "{self:?}");
        (purpose.to_owned(), token.to_owned())
    }
}
