//! Which clients take a password in the address: what the documentation says of each is tried.

use reasoner_webhooks::web::docs::tools::addresses::{CLIENTS, InAddress};

use crate::scene::{Scene, Way};
use crate::support::workplace::said;

const PYTHON: &str = "$SENDERS_PYTHON/bin/python3";
const NODE: &str = "ln -sf $SENDERS_NODE/node_modules . && node";
const CSHARP: &str = "compile() { mcs -r:System.Net.Http.dll -out:send.exe \"$1\" && mono send.exe; } && compile";

/// The name that the documentation has for each, its program, the end of the file's name, and what runs it.
const PROGRAMS: [(&str, &str, &str, &str); 18] = [
    ("curl", include_str!("addresses/curl.sh"), "sh", "bash -e"),
    ("wget", include_str!("addresses/wget.sh"), "sh", "bash -e"),
    ("HTTPie", include_str!("addresses/httpie.sh"), "sh", "bash -e"),
    ("Python requests", include_str!("addresses/requests.py"), "py", PYTHON),
    ("Python httpx", include_str!("addresses/httpx.py"), "py", PYTHON),
    ("Python aiohttp", include_str!("addresses/aiohttp.py"), "py", PYTHON),
    ("Python urllib", include_str!("addresses/urllib.py"), "py", PYTHON),
    ("Node fetch", include_str!("addresses/fetch.mjs"), "mjs", NODE),
    ("Node axios", include_str!("addresses/axios.mjs"), "mjs", NODE),
    ("Node got", include_str!("addresses/got.mjs"), "mjs", NODE),
    ("Node superagent", include_str!("addresses/superagent.mjs"), "mjs", NODE),
    ("PHP streams", include_str!("addresses/streams.php"), "php", "php"),
    ("PHP Guzzle", include_str!("addresses/guzzle.php"), "php", "php"),
    ("Ruby Net::HTTP", include_str!("addresses/net_http.rb"), "rb", "ruby"),
    ("Perl LWP", include_str!("addresses/lwp.pl"), "pl", "perl"),
    ("Go net/http", include_str!("addresses/main.go"), "go", "go run"),
    ("Java HttpClient", include_str!("addresses/Main.java"), "java", "java"),
    ("C# HttpClient (Mono)", include_str!("addresses/main.cs"), "cs", CSHARP),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_treat_a_password_in_the_address_as_documented() {
    let scene = Scene::set(Way::Directly).await;
    for (name, says) in CLIENTS {
        let (_, program, end, run) = PROGRAMS.into_iter().find(|(known, ..)| *known == name).unwrap();
        let file = format!("client.{end}");
        scene.place.write(&file, program.replace("{{ address }}", &scene.address()));
        let (refused, stored) = (scene.outcomes("unauthorized"), scene.bodies().await.len());
        let output = scene.run(&format!("{run} {file}")).await;
        let (refused, stored) = (scene.outcomes("unauthorized") - refused, scene.bodies().await.len() - stored);
        let does = match (refused, stored) {
            (_, 1) => InAddress::Sends,
            (1.., 0) => InAddress::Drops,
            _ => InAddress::Refuses,
        };
        assert_eq!(does, says, "{name}: {}", said(&output));
        assert_eq!(output.status.success(), does == InAddress::Sends, "{name}: {}", said(&output));
    }
}
