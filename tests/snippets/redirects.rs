//! Addresses that redirect, as a proxy does with plain HTTP: most clients turn the POST into a GET there and leave the credentials
//! out, so that the event is lost. Nobody may take what comes back for success, neither our programs nor other people's.

use std::process::Output;

use crate::senders::{EVENT, THE_PROMISED_LINE, short};
use crate::stage::{Stage, has_powershell};
use crate::support::nginx::start_nginx;
use crate::support::running::{Running, free_address};
use crate::support::workplace::said;

/// A stage with a real proxy in front that answers instead of handing requests on.
struct Detour {
    stage: Stage,
    /// Addresses that answer with these redirects to the server.
    redirects: [(u16, String); 3],
    /// An address where somebody else answers everything with 200.
    foreign: String,
    _nginx: Running,
}

impl Detour {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let redirects = [301, 302, 308].map(|status| (status, free_address()));
        let foreign = free_address();
        let mut servers: String = redirects
            .iter()
            .map(|(status, address)| format!("server {{ listen {address}; return {status} {}; }}\n", stage.line.url))
            .collect();
        servers += &format!("server {{ listen {foreign}; default_type text/html; return 200 '<p>It works!</p>'; }}\n");
        let nginx = start_nginx(&stage.place, &servers, &foreign).await;
        let redirects = redirects.map(|(status, address)| (status, format!("http://{address}/")));
        Self { stage, redirects, foreign: format!("http://{foreign}/"), _nginx: nginx }
    }

    fn every_address(&self) -> Vec<String> {
        let redirects = self.redirects.iter().map(|(_, address)| address);
        redirects.chain([&self.foreign]).cloned().collect()
    }

    /// That nothing was sent to where the redirects lead, and nothing is stored.
    async fn assert_nothing_arrived(&self, what: &str) {
        assert!(self.stage.line.passages().is_empty(), "{what} follows a redirect");
        assert!(self.stage.bodies().await.is_empty(), "{what}");
    }
}

async fn delivers_nothing_through_a_redirect(id: &str) {
    if id.ends_with("-ps1") && !has_powershell("The sender in PowerShell at an address that redirects") {
        return;
    }
    let mut detour = Detour::set().await;
    detour.stage.write("event.json", EVENT);
    for (status, address) in detour.redirects.clone() {
        detour.stage.change_endpoint(&address);
        let output = detour.stage.run(id, &["event.json"]).await;
        assert_eq!(output.status.code(), Some(77), "{status}: {}", said(&output));
        let told = format!("the address redirects to {}", detour.stage.line.url);
        let told = said(&output).contains("not stored") && said(&output).contains(&told);
        assert!(told, "{status}: {}", said(&output));
    }
    detour.stage.change_endpoint(&detour.foreign.clone());
    let output = detour.stage.run(id, &["event.json"]).await;
    let is_told = output.status.code() == Some(77) && said(&output).contains("200");
    assert!(is_told, "200 from somebody else: {}", said(&output));
    detour.assert_nothing_arrived(id).await;
}

macro_rules! senders {
    ($($name:ident: $id:literal)*) => {
        $(
            // holds S3
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                delivers_nothing_through_a_redirect($id).await;
            }
        )*
    };
}

senders! {
    the_curl_sender_takes_no_redirect_for_success: "deliver-sh"
    the_python_sender_takes_no_redirect_for_success: "deliver-py"
    the_node_sender_takes_no_redirect_for_success: "deliver-mjs"
    the_go_sender_takes_no_redirect_for_success: "deliver-go"
    the_php_sender_takes_no_redirect_for_success: "deliver-php"
    the_ruby_sender_takes_no_redirect_for_success: "deliver-rb"
    the_java_sender_takes_no_redirect_for_success: "deliver-java"
    the_csharp_sender_takes_no_redirect_for_success: "deliver-cs"
    the_powershell_sender_takes_no_redirect_for_success_where_there_is_powershell: "deliver-ps1"
}

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn no_short_example_takes_a_redirect_for_success() {
    let mut detour = Detour::set().await;
    let (status, redirecting) = detour.redirects[0].clone();
    for (id, _) in short() {
        detour.stage.change_endpoint(&redirecting);
        let output = detour.stage.run(id, &[]).await;
        assert!(id == THE_PROMISED_LINE || !output.status.success(), "{id} fails: {}", said(&output));
        let is_told = said(&output).contains(&status.to_string()) || said(&output).contains("redirect");
        assert!(is_told && !said(&output).contains("\"ok\""), "{id}: {}", said(&output));

        // What curl alone gets it shows, and whoever reads it sees that it is none of ours.
        detour.stage.change_endpoint(&detour.foreign.clone());
        let output = detour.stage.run(id, &[]).await;
        assert!(id.ends_with("-sh") || !output.status.success(), "{id}, 200 from somebody else: {}", said(&output));
    }
    detour.assert_nothing_arrived("a short example").await;
}

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn no_shell_example_takes_a_redirect_for_success() {
    let mut detour = Detour::set().await;
    let password = detour.stage.sender.password.clone();
    std::fs::create_dir(detour.stage.directory().join("outbox")).unwrap();
    detour.stage.write("outbox/1.json", EVENT);
    detour.stage.write("events.ndjson", "1\n2\n");
    detour.stage.write("event.json", EVENT);
    for address in detour.every_address() {
        detour.stage.change_endpoint(&address);
        let stage = &detour.stage;
        stage.save("deliver-sh");
        for id in ["outbox-sh", "batch-sh"] {
            let output = stage.run(id, &[]).await;
            assert_eq!(output.status.code(), Some(77), "{id} at {address}: {}", said(&output));
        }
        assert_eq!(stage.names("outbox"), ["1.json"], "it stays where it is");

        let output = stage.run("retry-sh", &[]).await;
        assert_eq!(output.status.code(), Some(1), "{address}: {}", said(&output));
        let file = stage.save("workflow-yml");
        let step = format!("require 'yaml'; puts YAML.load_file('{file}')['jobs']['tell']['steps'][0]['run']");
        stage.write("step.sh", stage.command(&["ruby", "-e", &step], "").await.stdout);
        let numbered = ["env", "GITHUB_RUN_ID=17", "bash", "-e", "step.sh"];
        let output = stage.command(&numbered, &password).await;
        assert!(!output.status.success(), "the workflow at {address}: {}", said(&output));

        if address != detour.foreign {
            stage.write(".webhook-netrc", stage.block("netrc-txt").replace("rwp_…", &password));
            let output = stage.run_with("", "netrc-sh", &[]).await;
            assert_eq!(output.status.code(), Some(47), "{address}: {}", said(&output));
        }
    }
    detour.assert_nothing_arrived("a shell example").await;
}

/// Clients that follow redirects by themselves, as people write them: the address is their first argument, and they print the
/// status that they end with.
const FOLLOWERS: [(&str, &str); 6] = [
    (
        "follow.sh",
        "curl --silent --location --user \"$LOGIN\" --header 'Content-Type: application/json' --data '{}' \\
         --output answer --write-out '%{http_code}' \"$1\"",
    ),
    (
        "follow.py",
        "import base64, os, sys, urllib.error, urllib.request
login = base64.b64encode(os.environ['LOGIN'].encode()).decode()
headers = {'Authorization': 'Basic ' + login, 'Content-Type': 'application/json'}
try:
    print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], b'{}', headers)).status)
except urllib.error.HTTPError as error:
    print(error.code)",
    ),
    (
        "follow.mjs",
        "const login = Buffer.from(process.env.LOGIN).toString('base64');
const headers = { 'Authorization': `Basic ${login}`, 'Content-Type': 'application/json' };
console.log((await fetch(process.argv[2], { method: 'POST', body: '{}', headers })).status);",
    ),
    (
        "follow.php",
        "<?php
$login = base64_encode(getenv('LOGIN'));
$headers = \"Authorization: Basic $login\\r\\nContent-Type: application/json\";
$http = ['method' => 'POST', 'content' => '{}', 'header' => $headers, 'ignore_errors' => true];
file_get_contents($argv[1], false, stream_context_create(['http' => $http]));
foreach ($http_response_header as $line) {
    if (str_starts_with($line, 'HTTP/')) $status = explode(' ', $line)[1];
}
echo $status;",
    ),
    (
        "Follow.java",
        "import java.net.*;
import java.util.Base64;

class Follow {
    public static void main(String[] args) throws Exception {
        var connection = (HttpURLConnection) new URL(args[0]).openConnection();
        var login = Base64.getEncoder().encodeToString(System.getenv(\"LOGIN\").getBytes());
        connection.setRequestProperty(\"Authorization\", \"Basic \" + login);
        connection.setRequestProperty(\"Content-Type\", \"application/json\");
        connection.setDoOutput(true);
        connection.getOutputStream().write(\"{}\".getBytes());
        System.out.println(connection.getResponseCode());
    }
}",
    ),
    (
        "follow.go",
        "package main

import (
	\"fmt\"
	\"net/http\"
	\"os\"
	\"strings\"
)

func main() {
	request, _ := http.NewRequest(\"POST\", os.Args[1], strings.NewReader(\"{}\"))
	username, password, _ := strings.Cut(os.Getenv(\"LOGIN\"), \":\")
	request.SetBasicAuth(username, password)
	request.Header.Set(\"Content-Type\", \"application/json\")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.StatusCode)
}",
    ),
];

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn clients_whose_post_a_redirect_turns_into_get_end_with_405() {
    let detour = Detour::set().await;
    for (file, program) in FOLLOWERS {
        detour.stage.write(file, program);
        for (status, address) in &detour.redirects[..2] {
            let output = follow(&detour.stage, file, address).await;
            let ended = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert_eq!(ended, "405", "{file} after {status}: {}", said(&output));
        }
    }
    let passages = detour.stage.line.passages();
    assert_eq!(passages.len(), 2 * FOLLOWERS.len(), "they all follow");
    let answer = detour.stage.read("answer");
    assert!(answer.contains("POST") && answer.contains("redirect"), "the sender reads why: {answer}");

    // The line that many have in a script: its exit status is all that is looked at.
    let script = "curl -fsL --user \"$0\" -H 'Content-Type: application/json' -d '{}' \"$1\"";
    for (status, address) in &detour.redirects {
        let output = detour.stage.command(&["sh", "-c", script, &login(&detour.stage), address], "").await;
        assert_eq!(output.status.code(), Some(22), "after {status}: {}", said(&output));
    }
    assert!(detour.stage.bodies().await.is_empty());
}

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn behind_308_a_post_stays_a_post_and_is_stored_or_refused_as_such() {
    let detour = Detour::set().await;
    let (_, address) = &detour.redirects[2];
    // As the documentation says: these two don't repeat the password at the new address.
    for (file, program) in FOLLOWERS.into_iter().filter(|(file, _)| ["follow.sh", "follow.mjs"].contains(file)) {
        detour.stage.write(file, program);
        let output = follow(&detour.stage, file, address).await;
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "401", "{file}: {}", said(&output));
    }
    // This one does.
    let wget = "wget --quiet --output-document=- --auth-no-challenge --user=\"${0%%:*}\" --password=\"${0#*:}\" \
                --header='Content-Type: application/json' --post-data='{}' \"$1\"";
    let output = detour.stage.command(&["sh", "-c", wget, &login(&detour.stage), address], "").await;
    assert!(said(&output).contains("\"status\":\"ok\""), "{}", said(&output));
    assert_eq!(detour.stage.bodies().await, ["{}"]);
}

fn login(stage: &Stage) -> String {
    format!("{}:{}", stage.sender.username, stage.sender.password)
}

/// Runs one of those that follow.
async fn follow(stage: &Stage, file: &str, address: &str) -> Output {
    let run: &[&str] = match file.rsplit_once('.').unwrap().1 {
        "sh" => &["bash"],
        "py" => &["python3"],
        "mjs" => &["node"],
        "go" => &["go", "run"],
        other => &[other],
    };
    let login = format!("LOGIN={}", login(stage));
    stage.command(&[&["env", &login], run, &[file, address]].concat(), "").await
}
