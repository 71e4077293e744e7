//! Who takes answers slowly, or opens many connections, takes nothing from others.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;

use crate::metrics::Scrape;
use crate::support::actors::Person;
use crate::support::postgres;
use crate::support::server::TestServer;
use crate::support::wire::Wire;

const PATIENCE: Duration = Duration::from_secs(60);

async fn stage(change: impl FnOnce(&mut Config)) -> TestServer {
    let with_metrics = |options: &mut Options| options.metrics_bind = Some("127.0.0.1:0".to_owned());
    TestServer::start_from(postgres::new_database().await, with_metrics, change).await
}

async fn scrape(server: &TestServer) -> Scrape {
    let address = server.application().metrics_address.unwrap();
    Scrape::read(&reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap())
}

async fn let_go(server: &TestServer, why: &str) -> f64 {
    let series = format!("reasoner_connections_let_go_total{{listener=\"public\",why=\"{why}\"}}");
    scrape(server).await.value(&series)
}

async fn wait_until_let_go(server: &TestServer, why: &str) {
    let waiting = async {
        while let_go(server, why).await < 1.0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("nobody is let go: {why}"));
}

/// Somebody for whom the system keeps little: what is not taken stays on the other side.
async fn narrow(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    socket.connect(server.url.trim_start_matches("http://").parse().unwrap()).await.unwrap()
}

/// Events with large bodies, and where one of them can be read as it came.
async fn large_body(server: &TestServer, owner: &Person) -> String {
    let sender = server.sender(owner).await;
    format!("/events/{}/body", sender.store(format!("\"{}\"", "x".repeat(1_000_000))).await)
}

// holds N6
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_little_now_and_then_is_let_go_all_the_same() {
    let server = stage(|config| config.connections.write_deadline = Duration::from_secs(2)).await;
    let bob = server.pro("bob@example.com").await;
    let path = large_body(&server, &bob).await;
    let cookie = server.cookie("bob@example.com").await;
    let mut slow = narrow(&server).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    slow.write_all(request.as_bytes()).await.unwrap();
    // A tenth of the least rate, in steps that are shorter than the deadline.
    let reading = tokio::spawn(async move {
        let mut some = [0; 400];
        while let Ok(1..) = slow.read(&mut some).await {
            sleep(Duration::from_millis(500)).await;
        }
    });
    wait_until_let_go(&server, "slow").await;
    reading.abort();
    assert_eq!(bob.get(&path).await.bytes().await.unwrap().len(), 1_000_002, "others take it as before");
}

// holds N6
#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_until_the_answer_before_it_is_taken() {
    const REQUESTS: usize = 40;
    let server = stage(|_| ()).await;
    let bob = server.pro("bob@example.com").await;
    let path = large_body(&server, &bob).await;
    let cookie = server.cookie("bob@example.com").await;
    let answers =
        async || scrape(&server).await.value("reasoner_http_responses_total{listener=\"public\",class=\"2xx\"}");
    let before = answers().await;
    let mut slow = narrow(&server).await;
    let one = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    slow.write_all(one.repeat(REQUESTS).as_bytes()).await.unwrap();
    let waits = async || scrape(&server).await.value("reasoner_unwritten_answer_bytes");
    let waiting = async {
        while waits().await == 0.0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the first answer is made");
    sleep(Duration::from_millis(500)).await;
    assert_eq!(answers().await, before + 1.0, "the first is answered, and none of the others");
    assert!(waits().await < 1_001_000.0);

    // All come in the end, whole, and one after the other.
    let mut wire = Wire::from(slow);
    for number in 0..REQUESTS {
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.body.len()), (200, 1_000_002), "{number}");
    }
    assert_eq!(waits().await, 0.0);
}

// holds N6
#[tokio::test(flavor = "multi_thread")]
async fn where_too_much_waits_to_be_taken_the_slowest_are_let_go() {
    let server = stage(|config| config.connections.max_unwritten_bytes = 2_500_000).await;
    let bob = server.pro("bob@example.com").await;
    let path = large_body(&server, &bob).await;
    let cookie = server.cookie("bob@example.com").await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    let mut slow = Vec::new();
    for _ in 0..6 {
        let mut one = narrow(&server).await;
        one.write_all(request.as_bytes()).await.unwrap();
        slow.push(one);
    }
    wait_until_let_go(&server, "room").await;
    let most = scrape(&server).await.value("reasoner_unwritten_answer_max_bytes");
    assert!(scrape(&server).await.value("reasoner_unwritten_answer_bytes") <= most);
    assert_eq!(bob.get(&path).await.bytes().await.unwrap().len(), 1_000_002, "who takes it gets all of it");
}

/// An address of this machine that is not loopback, if it has one.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: it is only asked which address would send.
    socket.connect("192.0.2.77:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

// holds N6
#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections_and_others_go_on() {
    let Some(ip) = own_address() else {
        eprintln!("left out: this machine has no address but loopback");
        return;
    };
    let server = stage(|config| {
        config.bind = "0.0.0.0:0".parse().unwrap();
        config.connections.max_of_an_address = 3;
    })
    .await;
    let address = SocketAddr::new(ip, server.application().address.port());
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::open(address).await.unwrap();
        assert_eq!(wire.get("/healthz").await.unwrap().status, 200);
        held.push(wire);
    }
    let mut refused = Wire::open(address).await.unwrap();
    let answer = refused.next_answer().await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after"), answer.header("connection")), (503, "10", "close"));
    assert!(
        answer.body.contains("\"code\":\"unavailable\"") && answer.body.contains("your address"),
        "{}",
        answer.body
    );
    assert_eq!(refused.rest().await.0, "");
    assert_eq!(let_go(&server, "address").await, 1.0);

    let local = SocketAddr::new("127.0.0.1".parse().unwrap(), address.port());
    assert_eq!(
        Wire::open(local).await.unwrap().get("/healthz").await.unwrap().status,
        200,
        "this machine is not counted"
    );
    held.pop();
    let waiting = async {
        loop {
            let mut wire = Wire::open(address).await.unwrap();
            if wire.get("/healthz").await.is_ok_and(|answer| answer.status == 200) {
                break;
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("a place that was given back is another's");
}

// holds N6, A4
#[tokio::test(flavor = "multi_thread")]
async fn for_a_connection_that_is_refused_no_idle_one_of_others_ends() {
    const PLACES: usize = 10;
    let Some(ip) = own_address() else {
        eprintln!("left out: this machine has no address but loopback");
        return;
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let server = stage(|config| {
        config.bind = "0.0.0.0:0".parse().unwrap();
        config.connections.max_connections = PLACES * workers;
        config.connections.max_of_an_address = 1;
        config.connections.keep_alive = Duration::from_secs(600);
    })
    .await;
    let address = SocketAddr::new(ip, server.application().address.port());
    let local = SocketAddr::new("127.0.0.1".parse().unwrap(), address.port());
    let mut of_address = Wire::open(address).await.unwrap();
    assert_eq!(of_address.get("/healthz").await.unwrap().status, 200);
    let mut idle = Vec::new();
    // Some fewer than would have the idlest end.
    for _ in 0..(PLACES - 2) * workers - 1 {
        let mut wire = Wire::open(local).await.unwrap();
        assert_eq!(wire.get("/healthz").await.unwrap().status, 200);
        idle.push(wire);
    }
    // And some more.
    for _ in 0..3 {
        let mut refused = Vec::new();
        for _ in 0..2 * workers {
            refused.push(Wire::open(address).await.unwrap());
        }
        for wire in &mut refused {
            assert_eq!(wire.next_answer().await.unwrap().status, 503);
        }
    }
    for wire in &mut idle {
        assert_eq!(wire.get("/healthz").await.unwrap().status, 200);
    }
}
