//! The program that is measured: the real one, in a process of its own, over a PostgreSQL that the bench started and looks into.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;
use reasoner_webhooks::app::create_account::{NewAccount, create_account};
use reasoner_webhooks::app::credential_act::CredentialAct;
use reasoner_webhooks::app::installation_keys::installation_keys;
use reasoner_webhooks::app::issue_credential::issue_credential;
use reasoner_webhooks::app::revoke_credential::revoke_credential;
use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::domain::account::Plan;
use reasoner_webhooks::domain::account_password::NewPassword;
use reasoner_webhooks::domain::audit::Act;
use reasoner_webhooks::domain::credential::Username;
use reasoner_webhooks::domain::credential_password::{CredentialPassword, RANDOM_CHARS};
use reasoner_webhooks::domain::ids::{AccountId, CredentialId};
use reasoner_webhooks::domain::installation::InstallationKeys;
use reasoner_webhooks::domain::secret::Secret;
use reasoner_webhooks::hashing::Hasher;
use reasoner_webhooks::store::connection::pool::Store;

/// A process that ends with the bench, also when that fails.
pub struct Process(pub Child);

impl Process {
    /// Asks it to end, and waits until it has.
    pub fn end(mut self) -> Result<ExitStatus> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        Ok(self.0.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.0.kill();
    }
}

/// Who has the account of the bench.
pub const EMAIL: &str = "bench@example.com";
pub const PASSWORD: &str = "seven quiet otters read the tide table";

/// An account beside that of the bench.
pub struct Neighbour {
    pub account: AccountId,
    /// Of a sender that may send.
    pub authorization: String,
}

/// A running program.
pub struct Program {
    database_url: String,
    process: Process,
    pub store: Store,
    pub keys: InstallationKeys,
    pub account: AccountId,
    /// Of ingest, and of the pages.
    pub url: String,
    metrics: String,
    /// Of a sender that may send.
    pub authorization: String,
}

impl Program {
    /// Over a database with a current schema.
    pub async fn start(database_url: &str) -> Result<Self> {
        let store = Store::open(database_url).await?;
        let keys = installation_keys(&store, &[], Clock::system().now()).await?;
        let account = account(&store, EMAIL).await?;
        let authorization = sender(&store, &keys, account, "Bench").await?.1;
        let metrics_address = free_address()?;
        let process = Command::new(env!("CARGO_BIN_EXE_reasoner-webhooks"))
            .args(["serve", "--bind", "127.0.0.1:0", "--metrics-bind", &metrics_address])
            .args(["--database-url", database_url])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut process = Process(process);
        let card = BufReader::new(process.0.stdout.take().context("no standard output")?);
        let mut lines = card.lines();
        let ingest = lines.find_map(|line| line.ok()?.trim().strip_prefix("Ingest").map(|url| url.trim().to_owned()));
        let url = ingest.context("the program did not say where it listens")?;
        // Whoever closes a pipe that is still written to ends the writer.
        std::thread::spawn(move || lines.count());
        let metrics = format!("http://{metrics_address}/metrics");
        let database_url = database_url.to_owned();
        Ok(Self { database_url, process, store, keys, account, url, metrics, authorization })
    }

    /// Another account on Pro, with a sender.
    pub async fn add_account(&self, email: &str) -> Result<Neighbour> {
        let account = account(&self.store, email).await?;
        let authorization = sender(&self.store, &self.keys, account, "Neighbour").await?.1;
        Ok(Neighbour { account, authorization })
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// What floods send, by what is wrong with it.
    pub async fn floods(&self) -> Result<Vec<(&'static str, String)>> {
        let (id, revoked) = sender(&self.store, &self.keys, self.account, "Revoked").await?;
        let on = CredentialAct { store: &self.store, account: self.account, id, act: &act() };
        revoke_credential(on).await.map_err(|e| anyhow::anyhow!("{e}"))?;
        let mut rng = rand::rng();
        let mut letters = || [(); RANDOM_CHARS].map(|()| rng.random_range(0..62));
        let nobody: Username = "rw_nobody00".parse()?;
        // Only the installation's own key makes a password for a name that nobody has; it is the dearest thing to refuse.
        let unknown = basic(nobody, CredentialPassword::from_random(&self.keys.checksum, &nobody, letters()).secret());
        let forged = basic(nobody, CredentialPassword::from_random(b"another key", &nobody, letters()).secret());
        Ok(vec![("forged", forged), ("revoked", revoked), ("unknown", unknown)])
    }

    /// Has every credential accept batches.
    pub async fn accept_batches(&self) -> Result<()> {
        self.execute("update credentials set batches = true").await
    }

    /// Changes rows by hand.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        Ok(self.client().await?.batch_execute(sql).await?)
    }

    async fn client(&self) -> Result<tokio_postgres::Client> {
        let (client, connection) =
            tokio_postgres::connect(self.database_url(), tokio_postgres::NoTls).await.context("connecting")?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn stored_events(&self) -> Result<u64> {
        let client = self.client().await?;
        let row = client.query_one("select count(*) from events", &[]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0))?)
    }

    pub fn argon2_runs(&self) -> Result<u64> {
        let output = Command::new("curl").args(["-fsS", &self.metrics]).output().context("curl is missing")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("reasoner_argon2_runs_total{pool=\"senders\"} "));
        Ok(line.with_context(|| format!("no such metric in {text}"))?.trim().parse()?)
    }

    /// From here on the most memory is counted anew.
    pub fn forget_peak_memory(&self) -> Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.process.0.id()), "5")?)
    }

    /// The most memory that the program held, as the kernel counts it.
    pub fn peak_memory_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))
            .context("peak memory is only known on Linux")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
    }

    /// The memory that it holds.
    pub fn memory_kib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    pub fn stop(self) -> Result<()> {
        ensure!(self.process.end()?.success(), "the program did not end well");
        Ok(())
    }
}

async fn account(store: &Store, email: &str) -> Result<AccountId> {
    let password = Secret::new(PASSWORD.to_owned());
    let new = NewAccount {
        email: email.parse()?,
        name: None,
        plan: Plan::Pro,
        password: NewPassword::check(password, &[])?,
        password_expires_at: None,
        is_set_up: false,
    };
    let (account, _) = create_account(store, &Hasher::new(1, 1), new, &act()).await?;
    Ok(account)
}

/// A credential, and the `Authorization` header that it sends.
async fn sender(
    store: &Store,
    keys: &InstallationKeys,
    account: AccountId,
    name: &str,
) -> Result<(CredentialId, String)> {
    let id = CredentialId(uuid::Uuid::new_v4());
    let on = CredentialAct { store, account, id, act: &act() };
    let issued = issue_credential(on, (&Hasher::new(1, 1), keys), (name.parse()?, None), None, None).await?;
    let username: Username = issued.username.as_str().parse()?;
    Ok((id, basic(username, issued.password.secret())))
}

fn basic(username: Username, password: &Secret) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.reveal())))
}

fn act() -> Act {
    Act::on_command_line(Clock::system().now())
}

fn free_address() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
