//! A real Chromium, driven through chromedriver. It has a profile of its own, reaches nothing but the server under test, and
//! ends with the value that holds it, also when a test fails. The screenshots use it too, so it gives errors instead of panics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::extensions::cdp::ChromeDevTools;
use thirtyfour::prelude::*;
use thirtyfour::{RequestData, SessionId};

/// How long the browser may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(10);
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const BROWSER_ON_MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const ARGUMENTS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers have a small /dev/shm, and a tab that finds it full crashes.
    "--disable-dev-shm-usage",
    // The server under test is on this machine, whatever the environment says about proxies.
    "--no-proxy-server",
    "--lang=en-US",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--window-size=1280,900",
];

/// A browser with one window.
pub struct Browser {
    // Dropped first: it ends the browser, and then there is no session left for the driver to close.
    process: Chromedriver,
    pub driver: WebDriver,
    /// Where downloads go.
    pub downloads: PathBuf,
    profile: TempDir,
}

/// One line of the browser's console, or what the browser itself wrote there: failed requests, violated policies.
#[derive(Clone, Debug, Deserialize)]
pub struct ConsoleLine {
    /// `SEVERE`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
    /// `console-api`, `network`, `security`, `javascript`, …
    pub source: String,
    pub message: String,
}

impl Browser {
    /// With scripts.
    pub async fn open() -> Result<Self> {
        Self::start(|_| Ok(())).await
    }

    /// As for readers who switched scripts off.
    pub async fn open_without_script() -> Result<Self> {
        let no_script = json!({ "profile.managed_default_content_settings.javascript": 2 });
        Self::start(|capabilities| Ok(capabilities.add_experimental_option("prefs", no_script)?)).await
    }

    /// With scripts, and every task that it runs noted.
    pub async fn open_traced() -> Result<Self> {
        let tasks = json!({ "traceCategories": "toplevel", "enableNetwork": false, "enablePage": false });
        Self::start(|capabilities| {
            capabilities.insert_base_capability(
                "goog:loggingPrefs".to_owned(),
                json!({ "browser": "ALL", "performance": "ALL" }),
            );
            Ok(capabilities.add_experimental_option("perfLoggingPrefs", tasks)?)
        })
        .await
    }

    async fn start(more: impl FnOnce(&mut ChromeCapabilities) -> Result<()>) -> Result<Self> {
        let binary = find_browser()?;
        let profile = tempfile::Builder::new().prefix("reasoner-browser-").tempdir()?;
        let downloads = profile.path().join("downloads");
        std::fs::create_dir(&downloads)?;
        let process = Chromedriver::start(profile.path())?;

        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(&binary.to_string_lossy())?;
        for argument in ARGUMENTS {
            capabilities.add_arg(argument)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().join("profile").display()))?;
        capabilities.insert_base_capability("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        more(&mut capabilities)?;
        // A dialog that nobody expects must fail the test that meets it.
        capabilities.insert_base_capability("unhandledPromptBehavior".to_owned(), json!("ignore"));
        let driver = WebDriver::new(format!("http://127.0.0.1:{}", process.port), capabilities)
            .await
            .context("chromedriver did not start the browser")?;
        let browser = Self { process, driver, downloads, profile };
        let downloads = json!({ "behavior": "allow", "downloadPath": browser.downloads });
        browser.cdp("Browser.setDownloadBehavior", downloads).await?;
        Ok(browser)
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Result<Value> {
        let tools = ChromeDevTools::new(self.driver.handle.clone());
        tools.execute_cdp_with_params(command, parameters).await.with_context(|| command.to_owned())
    }

    /// What was written to the console since the last call.
    pub async fn console(&self) -> Result<Vec<ConsoleLine>> {
        Ok(self.driver.cmd(ReadLog("browser")).await?.value()?)
    }

    /// What was traced since the last call, event by event.
    pub async fn trace(&self) -> Result<Vec<Value>> {
        let lines: Vec<Value> = self.driver.cmd(ReadLog("performance")).await?.value()?;
        let event = |line: &Value| {
            let mut line: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            (line["message"]["method"] == "Tracing.dataCollected").then(|| line["message"]["params"].take())
        };
        Ok(lines.iter().filter_map(event).collect())
    }

    /// Which of the two looks pages take when the reader lets the system decide.
    pub async fn prefer(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.cdp("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Ends the browser and removes its files.
    pub async fn close(self) -> Result<()> {
        let Self { process, driver, profile, .. } = self;
        driver.quit().await?;
        drop(process);
        Ok(profile.close()?)
    }
}

/// A log of the driver, by its name.
#[derive(Debug)]
struct ReadLog(&'static str);

impl FormatRequestData for ReadLog {
    fn format_request(&self, session: &SessionId) -> RequestData {
        RequestData::new(reqwest::Method::POST, format!("/session/{session}/se/log"))
            .add_body(json!({ "type": self.0 }))
    }
}

/// The process that drives the browser, on a port that it found free itself.
struct Chromedriver {
    child: Child,
    port: u16,
    /// Where the browser's profile is, which knows the browser's process.
    directory: PathBuf,
}

impl Chromedriver {
    fn start(directory: &Path) -> Result<Self> {
        let program = find_program("chromedriver").context(missing("chromedriver"))?;
        let mut child = Command::new(program).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("chromedriver has no output")?;
        let mut started = Self { child, port: 0, directory: directory.to_owned() };
        for line in BufReader::new(output).lines() {
            // ChromeDriver was started successfully on port 36263.
            if let Some((_, port)) = line?.split_once("successfully on port ") {
                started.port = port.trim_end_matches('.').parse()?;
                return Ok(started);
            }
        }
        bail!("chromedriver ended before it listened")
    }

    /// Asks for the end of chromedriver and of its browsers.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(END_WITHIN))?;
        write!(stream, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port)?;
        let mut answer = [0; 64];
        stream.read(&mut answer).map(drop)
    }

    /// The browser's process, which Chromium writes into the target of a link, `host-4711`.
    fn browser(&self) -> Option<Pid> {
        let target = std::fs::read_link(self.directory.join("profile/SingletonLock")).ok()?;
        target.to_str()?.rsplit_once('-')?.1.parse().ok().map(Pid::from_raw)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let browser = self.browser();
        // Whatever fails here is ended by force below.
        let _ = self.shut_down();
        let end = Instant::now() + END_WITHIN;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The link is gone when the browser ended by itself, and then its number may be somebody else's.
        if let Some(pid) = browser.filter(|_| self.browser().is_some()) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

fn find_browser() -> Result<PathBuf> {
    let on_macos = Some(PathBuf::from(BROWSER_ON_MACOS)).filter(|path| path.exists());
    BROWSERS.into_iter().find_map(find_program).or(on_macos).context(missing("Chromium"))
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn missing(what: &str) -> String {
    format!("{what} is not on this machine, and the browser tests need it. Run `make test`, which installs it first.")
}
