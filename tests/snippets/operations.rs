//! What the page for operators has: starting behind a proxy, looking after it, saving and restoring.

use std::process::Command;

use reasoner_webhooks::config::checked::Config;
use serde_json::Value;

use crate::stage::{EMAIL, Stage};
use crate::support::nginx::start_nginx;
use crate::support::postgres::empty_database;
use crate::support::running::{free_address, start};
use crate::support::server::options;
use crate::support::workplace::{said, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_of_databases_are_accepted() {
    let stage = Stage::set().await;
    for line in stage.block("database-sh").lines() {
        let script = format!("{line}; printf %s \"$DATABASE_URL\"");
        let address = stdout(&stage.command(&["bash", "-c", &script], "").await);
        assert!(Config::check(options(&address)).is_ok(), "{address}");
        let parsed: tokio_postgres::Config = address.parse().unwrap();
        assert_eq!((parsed.get_dbname(), parsed.get_user()), (Some("webhooks"), Some("reasoner")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_documented_proxy_senders_are_heard_and_their_addresses_known() {
    let stage = Stage::set().await;
    let directory = stage.directory();
    let serve = format!("exec env {}", stage.block("serve-sh").replace("\\\n", " "));
    let metrics_address = free_address();
    let environment = [
        ("BIND", "127.0.0.1:0"),
        ("METRICS_BIND", metrics_address.as_str()),
        ("DATABASE_URL", &stage.server.database_url),
    ];
    let mut program = start(directory, &serve, &environment);
    let ingest = program.card("Ingest");
    assert_eq!(ingest, "https://webhooks.example.com/", "as users are shown it");
    let bound = bound_port(program.id(), &metrics_address);

    let certificate = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=webhooks.example.com \
                       -addext subjectAltName=DNS:webhooks.example.com -keyout key.pem -out certificate.pem";
    stdout(&stage.command(&["sh", "-c", certificate], "").await);
    let (public, plain) = (free_address(), free_address());
    let port = public.rsplit_once(':').unwrap().1;
    let state = stage
        .block("nginx-conf")
        .replace("listen 443", &format!("listen {public}"))
        .replace("listen 80", &format!("listen {plain}"))
        .replace("https://$host", &format!("https://$host:{port}"))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{bound}"))
        .replace("/etc/ssl/webhooks.example.com.pem", "certificate.pem")
        .replace("/etc/ssl/webhooks.example.com.key", "key.pem");
    let _proxy = start_nginx(&stage.place, &state, &public).await;
    port_80_takes_no_event_and_leads_browsers_on(&stage, &plain, port).await;

    // The sender is not at the proxy's own address, which is believed.
    let body = "x".repeat(1_100_000);
    stage.write("large.json", format!("\"{body}\""));
    let send = |data: &str| {
        format!(
            "curl --silent --cacert certificate.pem \
             --interface 127.0.0.2 --resolve webhooks.example.com:{port}:127.0.0.1 https://webhooks.example.com:{port}/ \
             --user {}:$WEBHOOK_PASSWORD --header 'Content-Type: application/json' \
             --header 'X-Forwarded-For: 198.51.100.7' --data {data}",
            stage.sender.username
        )
    };
    let answer = stdout(&stage.command(&["sh", "-c", &send("1")], &stage.sender.password).await);
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["status"], "ok");
    let address = stage.server.query("select host(remote_ip) from events").await;
    assert_eq!(address[0][0].as_deref(), Some("127.0.0.2"), "the proxy's word, and not what the sender claims");
    let answer = stdout(&stage.command(&["sh", "-c", &send("@large.json")], &stage.sender.password).await);
    let problem: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(problem["code"], "body_too_large", "our answer, not the proxy's");
    let noted = stage.read("proxy.log");
    assert!(!noted.contains("buffered to a temporary file"), "no body waits on the proxy's disk: {noted}");

    let metrics = stage.block("metrics-sh").replace("127.0.0.1:9090", &metrics_address);
    let metrics = stdout(&stage.command(&["sh", "-c", &metrics], "").await);
    assert!(metrics.contains("outcome=\"unavailable\""), "{metrics}");
    let page = stage.you.page("/docs/webhooks/operations").await;
    // The log's parts are named like modules, which is no metric.
    for named in page.split("<code>reasoner_").skip(1).filter(|named| !named.starts_with("webhooks::")) {
        let name = format!("\nreasoner_{}", named.split('<').next().unwrap());
        assert!(metrics.contains(&name), "{name} is no metric");
    }
}

/// A POST over plain HTTP fails whatever the client does about redirects; a browser ends at the sign-in page.
async fn port_80_takes_no_event_and_leads_browsers_on(stage: &Stage, plain: &str, port: &str) {
    let plain_port = plain.rsplit_once(':').unwrap().1;
    let curl = format!(
        "curl --silent --show-error --location --cacert certificate.pem --resolve webhooks.example.com:{port}:127.0.0.1 \
         --resolve webhooks.example.com:{plain_port}:127.0.0.1 http://webhooks.example.com:{plain_port}/"
    );
    let post = format!(
        "{curl} --fail-with-body --user {}:$WEBHOOK_PASSWORD --header 'Content-Type: application/json' --data 1",
        stage.sender.username
    );
    let refused = stage.command(&["sh", "-c", &post], &stage.sender.password).await;
    assert_eq!(refused.status.code(), Some(22), "{}", said(&refused));
    assert!(said(&refused).contains("403") && said(&refused).contains("https"), "{}", said(&refused));
    assert!(stage.bodies().await.is_empty());

    let visit = format!(
        "{curl} --header 'Accept: text/html' --output page.html --write-out '%{{http_code}} %{{url_effective}}'"
    );
    let visited = stdout(&stage.command(&["sh", "-c", &visit], "").await);
    assert_eq!(visited, format!("200 https://webhooks.example.com:{port}/login"));
}

/// Where a program listens, besides one address that is known.
fn bound_port(pid: u32, known: &str) -> String {
    let known = known.rsplit_once(':').unwrap().1;
    let inodes: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ports = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]);
        let port = u16::from_str_radix(fields[1].split_once(':')?.1, 16).ok()?.to_string();
        (listens && port != known).then_some(port)
    });
    ports.last().expect("it listens")
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_the_programs_own_database_is_restored_elsewhere_with_the_same_passwords() {
    let stage = Stage::set().await;
    let home = tempfile::Builder::new().prefix("reasoner-backup-").tempdir_in("/tmp").unwrap();
    let directory = home.path();
    std::os::unix::fs::symlink(stage.directory().join("reasoner-webhooks"), directory.join("reasoner-webhooks"))
        .unwrap();
    for path in [directory, &directory.join("data")] {
        std::fs::create_dir_all(path).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(path, open).unwrap();
    }
    let mut program = start(directory, "exec reasoner-webhooks serve", &[("BIND", "127.0.0.1:0")]);
    let url = program.card("Pages");
    let script = format!(
        "set -e; reasoner-webhooks account create {EMAIL} --json >/dev/null
         reasoner-webhooks credential create {EMAIL} System --json > credential.json
         {}
         curl --silent --fail {url} --user \"$(jq -r '.username + \":\" + .password' credential.json)\" \
           --header 'Content-Type: application/json' --data '{{\"kept\": 1.10}}'
         {}",
        stage.block("doctor-sh"),
        stage.block("backup-sh"),
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory)
        .env_clear()
        .env("PATH", format!("{}:{}", directory.display(), std::env::var("PATH").unwrap()))
        .output()
        .unwrap();
    let printed = stdout(&output);
    assert!(printed.contains("ok    fsync is on") && !printed.contains("FAIL"), "{printed}");
    drop(program);

    let elsewhere = empty_database().await;
    let maintenance: tokio_postgres::Config = elsewhere.parse().unwrap();
    let tokio_postgres::config::Host::Unix(socket) = &maintenance.get_hosts()[0] else { panic!("{elsewhere}") };
    // The page makes a database named `webhooks`; here it is another test's neighbour.
    let name = format!("restored_{}", std::process::id());
    let restore = stage.block("restore-sh").replace(" webhooks", &format!(" {name}"));
    let restored = Command::new("bash")
        .args(["-ec", &restore])
        .current_dir(directory)
        .env("PGHOST", socket)
        .env("PGUSER", maintenance.get_user().unwrap())
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", said(&restored));
    let database_url = elsewhere.replace(maintenance.get_dbname().unwrap(), &name);
    let mut again =
        start(directory, "exec reasoner-webhooks serve", &[("BIND", "127.0.0.1:0"), ("DATABASE_URL", &database_url)]);
    let url = again.card("Pages");
    let credential: Value =
        serde_json::from_str(&std::fs::read_to_string(directory.join("credential.json")).unwrap()).unwrap();
    let text = |name: &str| credential[name].as_str().unwrap().to_owned();
    let sender = crate::support::actors::Sender::new(&url, &text("username"), &text("password"));
    assert_eq!(sender.status().await, 200, "the same password works");
    let kept = crate::support::postgres::query(&database_url, "select body from events order by id limit 1").await;
    assert_eq!(kept[0][0].as_deref(), Some("{\"kept\": 1.10}"));
}
