//! Programs that go on until they are asked to end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A program that was started, and is asked to end at the end.
pub struct Running(Child);

impl Running {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits for a line of the start-up card and gives back the rest of it.
    pub fn card(&mut self, name: &str) -> String {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let value = lines.find_map(|line| line.trim().strip_prefix(name).map(|rest| rest.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        value.expect("the program starts")
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Starts a script of shell in a directory, without anything of ours in its environment but what is given.
pub fn start(directory: &Path, script: &str, environment: &[(&str, &str)]) -> Running {
    let mut command = Command::new("bash");
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    command.args(["-c", script]).current_dir(directory).env_clear().env("PATH", path).envs(environment.iter().copied());
    Running(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap())
}

/// Ports that systems hand out to nobody by themselves: who asks for any port, as most tests do, gets a higher one.
const PORTS: Range<u16> = 12_000..32_000;

/// An address for a program that has to be told where to listen. Nobody listens there, and nobody else gets it before the program does.
pub fn free_address() -> String {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Other test programs beside this one begin elsewhere.
    let first = (std::process::id() % u32::from(PORTS.end - PORTS.start)) as u16;
    loop {
        let port = PORTS.start + (first + TAKEN.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap().to_string();
        }
    }
}
