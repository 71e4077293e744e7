//! Where a program meets the server: an account with a credential, a way to the server, and a directory to run in.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use reasoner_webhooks::web::docs::tools::tool::Setting;
use url::Url;

use crate::authority::{authority, trust};
use crate::support::actors::{Person, Sender};
use crate::support::docs::blocks;
use crate::support::nginx::start_nginx;
use crate::support::running::{Running, free_address, start};
use crate::support::server::TestServer;
use crate::support::workplace::Workplace;

/// What programs send that send a file: bytes that no library would write like this.
pub const EVENT: &str =
    "{\"n\": 1.10,\r\n \"big\": 12345678901234567890, \"name\": \"Gr\u{fc}\u{df}e \\u0041\", \"n\": 2}";

/// How long an event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// How requests come to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Directly,
    BehindNginx,
}

/// What stands for a blank directly, and behind nginx, where the authority has to be named.
const BY_WAY: [(&str, &str, &str); 3] = [
    ("ca_certs", "", "ca_certs=\"{{ ca }}\""),
    ("socat", "TCP:{{ authority }}", "OPENSSL:{{ authority }},cafile={{ ca }}"),
    ("ncat", "{{ host }} {{ port }}", "--ssl-verify --ssl-trustfile {{ ca }} {{ host }} {{ port }}"),
];

pub struct Scene {
    pub server: TestServer,
    pub place: Workplace,
    you: Person,
    sender: Sender,
    way: Way,
    endpoint: Url,
    /// A port that a program may listen on.
    free_port: String,
    _nginx: Option<Running>,
}

impl Scene {
    pub async fn set(way: Way) -> Self {
        let public = free_address().replace("127.0.0.1", "localhost");
        let server = TestServer::start_with(|options| {
            if way == Way::BehindNginx {
                options.ingest_url = Some(format!("https://{public}/"));
                options.trusted_proxies = Some("127.0.0.1".to_owned());
            }
        })
        .await;
        let you = server.pro("you@example.com").await;
        let sender = server.sender(&you).await;
        let place = Workplace::new();
        place.write("event.json", EVENT);
        let nginx = match way {
            Way::Directly => None,
            Way::BehindNginx => Some(documented_nginx(&server, &you, &place, &public).await),
        };
        let endpoint = server.application().state.ingest_url.parse().unwrap();
        let free_port = free_address().rsplit_once(':').unwrap().1.to_owned();
        Self { server, place, you, sender, way, endpoint, free_port, _nginx: nginx }
    }

    /// An example of the documentation, as a reader copies it.
    pub async fn example(&self, page: &str, id: &str) -> String {
        let path = format!("/docs/webhooks/{page}?as={}", self.sender.username);
        let found = blocks(&self.you.page(&path).await).remove(id);
        found.unwrap_or_else(|| panic!("{id} is not on {path}"))
    }

    /// A text with its blanks filled in.
    pub fn fill_in(&self, text: &str) -> String {
        let (host, port) = (self.endpoint.host_str().unwrap(), self.endpoint.port().unwrap());
        let in_authority = |name: &str| authority().join(name).display().to_string();
        let mut text = text.to_owned();
        for (blank, directly, behind_nginx) in BY_WAY {
            let value = if self.way == Way::Directly { directly } else { behind_nginx };
            text = text.replace(&format!("{{{{ {blank} }}}}"), value);
        }
        for (blank, value) in [
            ("endpoint", self.endpoint.to_string()),
            ("username", self.sender.username.clone()),
            ("scheme", self.endpoint.scheme().to_owned()),
            ("host", host.to_owned()),
            ("port", port.to_string()),
            ("authority", format!("{host}:{port}")),
            ("ca", in_authority("ca.pem")),
            ("free_port", self.free_port.clone()),
            ("authority_of_mono", in_authority("mono")),
        ] {
            text = text.replace(&format!("{{{{ {blank} }}}}"), &value);
        }
        text.replace("rwp_…", &self.sender.password)
    }

    /// Gives programs a wrong password from now on.
    pub fn forget_password(&mut self) {
        self.sender = self.sender.with_password("rwp_wrong");
    }

    /// What a file holds as soon as these words are in it, or after some patience.
    pub async fn read_until(&self, file: &str, words: &str) -> String {
        let began = Instant::now();
        loop {
            // A program that was started a moment ago may not have made it yet.
            let text = std::fs::read_to_string(self.place.directory().join(file)).unwrap_or_default();
            if text.contains(words) || began.elapsed() > PATIENCE {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What programs find in their environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.place.environment();
        environment.push(("WEBHOOK_PASSWORD", self.sender.password.clone()));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/senders");
        for (name, directory) in [
            ("SENDERS_NODE", here.join("node")),
            ("SENDERS_NODE_RED", here.join("node-red")),
            ("SENDERS_PYTHON", tools().join("python")),
            ("SENDERS_DAEMONS", tools().join("daemons")),
        ] {
            environment.push((name, directory.display().to_string()));
        }
        if self.way == Way::BehindNginx {
            environment.extend(trust());
            let certificate = authority().join("ca.pem").display().to_string();
            self.place.write(".wgetrc", format!("ca_certificate = {certificate}\n"));
            self.place.write(".wget2rc", format!("ca-certificate = {certificate}\n"));
        }
        environment
    }

    /// The endpoint with the username and the password in it.
    pub fn address(&self) -> String {
        let mut address = self.endpoint.clone();
        address.set_username(&self.sender.username).unwrap();
        address.set_password(Some(&self.sender.password)).unwrap();
        address.to_string()
    }

    /// Runs a line of shell to its end.
    pub async fn run(&self, line: &str) -> Output {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.place.command(&["bash", "-c", line], &environment, "scripts/ensure-senders").await
    }

    /// Starts a program that goes on.
    pub fn start(&self, line: &str) -> Running {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        start(self.place.directory(), line, &environment)
    }

    /// Chooses sender settings, as the documentation says that the program needs them.
    pub async fn accept(&self, settings: &[Setting]) {
        for setting in settings {
            let choice = match setting {
                Setting::AnyContentType => "any_content_type = true",
                Setting::Compressed => "compressed_bodies = true",
                Setting::Batches => "batches = true",
                Setting::Put => "put_as_post = true",
                other => panic!("{other:?} needs a value"),
            };
            self.server.query(&format!("update credentials set {choice}")).await;
        }
    }

    /// The bodies that are stored, oldest first.
    pub async fn bodies(&self) -> Vec<String> {
        let rows = self.server.query("select body from events order by id").await;
        rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    /// The same, as soon as there is one; none, if the program ends before or it takes too long.
    pub async fn first_bodies(&self, program: &mut Running) -> Vec<String> {
        let began = Instant::now();
        loop {
            let has_ended = program.has_ended();
            let bodies = self.bodies().await;
            if !bodies.is_empty() || has_ended || began.elapsed() > PATIENCE {
                return bodies;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many requests had an outcome.
    pub fn outcomes(&self, name: &str) -> u64 {
        let mut outcomes = self.server.application().state.engine.outcomes.counts();
        outcomes.find(|(known, _)| *known == name).unwrap().1
    }
}

/// Where `scripts/ensure-senders` puts what it takes out of packages.
pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/senders")
}

/// The proxy of the documentation, with HTTP/2, between other addresses.
async fn documented_nginx(server: &TestServer, you: &Person, place: &Workplace, public: &str) -> Running {
    let plain = free_address();
    let certificates = authority().display();
    let documented = blocks(&you.page("/docs/webhooks/operations").await).remove("nginx-conf").unwrap();
    let servers = documented
        .replace("listen 443 ssl", &format!("listen {} ssl http2", public.replace("localhost", "127.0.0.1")))
        .replace("listen 80", &format!("listen {plain}"))
        .replace("webhooks.example.com;", "localhost;")
        .replace("/etc/ssl/webhooks.example.com.pem", &format!("{certificates}/certificate.pem"))
        .replace("/etc/ssl/webhooks.example.com.key", &format!("{certificates}/key.pem"))
        .replace("http://127.0.0.1:8080", &server.url);
    assert!(!servers.contains("example.com"), "all is replaced: {servers}");
    start_nginx(place, &servers, &public.replace("localhost", "127.0.0.1")).await
}
