//! A client in TypeScript, made of the description, which has to please a linter first.

use std::os::unix::fs::symlink;

use crate::schemathesis::all;
use crate::support::api_program::Program;
use crate::support::server::TestServer;
use crate::support::workplace::{Workplace, stdout};
use crate::tools::{INSTALLER, beside};

// holds issue 17, section 4: the description linted, a client compiled strictly and run
#[tokio::test(flavor = "multi_thread")]
async fn a_client_made_of_the_description_does_what_it_says() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let token = Program::with(&server, &alice, &all()).await.token;
    let place = Workplace::new();
    for name in ["redocly.yaml", "tsconfig.json", "package.json", "walk.ts", "node_modules"] {
        symlink(beside("client").join(name), place.directory().join(name)).unwrap();
    }
    let description = reqwest::get(format!("{}/api/v1/openapi.json", server.url)).await.unwrap();
    place.write("api.json", description.bytes().await.unwrap());
    let quiet = ("REDOCLY_TELEMETRY", "off");
    let environment =
        [("SERVER", server.url.as_str()), ("TOKEN", &token), quiet, ("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")];
    for words in [
        &["node_modules/.bin/redocly", "lint", "api.json"][..],
        &["node_modules/.bin/openapi-typescript", "api.json", "--output", "api.d.ts"],
        &["node_modules/.bin/tsc", "--strict", "--preserveSymlinks", "--project", "."],
        &["node", "walk.js"],
    ] {
        stdout(&place.command(words, &environment, INSTALLER).await);
    }
}
