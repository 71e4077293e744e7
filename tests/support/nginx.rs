//! nginx in front of the program.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::running::{Running, start};
use crate::support::workplace::{Workplace, said};

/// Starts nginx with blocks of `server`, and waits until it takes connections at `address`.
pub async fn start_nginx(place: &Workplace, servers: &str, address: &str) -> Running {
    let here = place.directory().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}/{name};\n"))
        .concat();
    place.write(
        "nginx.conf",
        format!(
            "daemon off;\npid {here}/nginx.pid;\nerror_log {here}/proxy.log warn;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{servers}\n}}\n"
        ),
    );
    let words = ["nginx", "-t", "-c", &format!("{here}/nginx.conf")];
    let check = place.command(&words, &[], "scripts/ensure-languages").await;
    assert!(check.status.success(), "{}", said(&check));
    let mut nginx = start(place.directory(), &format!("exec nginx -c {here}/nginx.conf"), &[]);
    for _ in 0..600 {
        assert!(!nginx.has_ended(), "nginx has ended: {}", place.read("proxy.log"));
        if TcpStream::connect(address).await.is_ok() {
            return nginx;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nginx takes no connections at {address}: {}", place.read("proxy.log"));
}
