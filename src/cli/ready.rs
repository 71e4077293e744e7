//! `doctor --ready`: asks the program that serves here whether it should be sent requests. For the health check of a container,
//! which has nothing else in it that speaks HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::ended::Ended;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::config::checked::Config;

/// Longer than the program itself waits for its database.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// The answer is a few lines.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// Prints what the program says; it has to be `ready`.
pub(crate) async fn run(config: &Config) -> Result<Ended, CommandError> {
    let address = reachable(config.bind);
    let late = || CommandError::refused(format!("no answer from {address} within {} s", MAX_WAIT.as_secs()));
    let answer = tokio::time::timeout(MAX_WAIT, ask(address)).await.map_err(|_| late())?;
    let answer = answer.map_err(|error| {
        let advice = "is `serve` running, and with the same --bind (BIND)?";
        CommandError::refused(format!("nobody answers at {address} ({error}): {advice}"))
    })?;
    let words = answer.rsplit("\r\n\r\n").next().unwrap_or_default().trim();
    output::say(words)?;
    Ok(if answer.starts_with("HTTP/1.1 200 ") { Ended::Well } else { Ended::FoundProblems })
}

/// Who listens everywhere listens on this machine's own address as well.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn who_listens_everywhere_is_asked_at_home() {
        for (bind, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("10.1.2.3:9", "10.1.2.3:9"),
        ] {
            assert_eq!(reachable(bind.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
