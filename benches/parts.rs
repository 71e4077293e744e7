//! What the parts of a request cost by themselves: recognising the sender, the gate for bodies, the headers that are kept,
//! and what showing and comparing a body of a mebibyte takes.
//!
//! `make bench` runs it.

#[path = "ingest/event_body.rs"]
mod event_body;

use std::hash::RandomState;
use std::hint::black_box;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use reasoner_webhooks::domain::basic_auth;
use reasoner_webhooks::domain::credential::Username;
use reasoner_webhooks::domain::credential_password::{CredentialPassword, RANDOM_CHARS};
use reasoner_webhooks::domain::installation::keyed_digest;
use reasoner_webhooks::domain::payload::Payload;
use reasoner_webhooks::domain::request_headers::scrub;
use reasoner_webhooks::web::json_view::changes::{Values, changes};
use reasoner_webhooks::web::json_view::location::ValueLocation;
use reasoner_webhooks::web::json_view::raw::raw;
use reasoner_webhooks::web::json_view::tree::{TREE_BYTES, tree};

use crate::event_body::EVENT_BODY;

const KEY: [u8; 32] = [7; 32];

criterion_group!(parts, sender, bodies, headers, shown, compared);
criterion_main!(parts);

fn issued() -> (Username, CredentialPassword) {
    let username = Username::from_random([1, 2, 3, 4, 5, 6, 7, 8]);
    (username, CredentialPassword::from_random(&KEY, &username, [9; RANDOM_CHARS]))
}

fn authorization() -> String {
    let (username, password) = issued();
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.secret().reveal())))
}

fn sender(criterion: &mut Criterion) {
    let (username, password) = issued();
    let header = authorization();
    let mut group = criterion.benchmark_group("a verified sender");
    group.bench_function("its header is parsed", |bencher| {
        bencher.iter(|| basic_auth::parse(black_box(header.as_bytes())));
    });
    group.bench_function("its password is recognised by the checksum", |bencher| {
        let said = || password.secret().clone();
        bencher.iter_batched(said, |said| CredentialPassword::recognise(&KEY, &username, said), BatchSize::SmallInput);
    });
    // What stands for argon2 once it has run: the key of the cache that remembers its answer.
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$bm9ib2R5J3MgcGFzc3dvcmQsIG1hdGNoZWQgYnkgbm8";
    group.bench_function("argon2's answer is looked up", |bencher| {
        let parts = [&[1; 16], hash.as_bytes(), password.secret().reveal().as_bytes()];
        bencher.iter(|| keyed_digest(black_box(&KEY), black_box(&parts)));
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a body is checked");
    for times in [1, 48, 3_096] {
        let body = if times == 1 { EVENT_BODY.to_owned() } else { format!("[{}]", vec![EVENT_BODY; times].join(",")) };
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("{} bytes", body.len()), |bencher| {
            let bytes = || body.clone().into_bytes();
            bencher.iter_batched(bytes, |bytes| Payload::check(bytes).is_ok(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn headers(criterion: &mut Criterion) {
    let authorization = authorization();
    let headers: [(&str, &[u8]); 8] = [
        ("host", b"127.0.0.1:8080"),
        ("user-agent", b"python-requests/2.32.3"),
        ("accept", b"*/*"),
        ("accept-encoding", b"gzip, deflate"),
        ("content-type", b"application/json"),
        ("content-length", b"336"),
        ("authorization", authorization.as_bytes()),
        ("x-signature", b"sha256=8b1a9953c4611296a827abf8c47804d7"),
    ];
    criterion
        .bench_function("eight headers are scrubbed", |bencher| bencher.iter(|| scrub(black_box(headers).into_iter())));
}

/// Bodies of a mebibyte: ordinary ones in a list, and the most of everything that hurts.
fn mebibytes() -> [(&'static str, String); 4] {
    const MEBIBYTE: usize = 1 << 20;
    [
        ("ordinary", format!("[{}1]", format!("{EVENT_BODY},").repeat((MEBIBYTE - 3) / (EVENT_BODY.len() + 1)))),
        ("half a million numbers", format!("[{}1]", "1,".repeat(MEBIBYTE / 2 - 2))),
        ("half a million levels", format!("{}{}", "[".repeat(MEBIBYTE / 2), "]".repeat(MEBIBYTE / 2))),
        ("one string", format!("\"{}\"", "x".repeat(MEBIBYTE - 2))),
    ]
}

fn shown(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a body is shown");
    for (name, body) in mebibytes() {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("as a tree: {name}"), |bencher| {
            bencher.iter(|| ValueLocation::top(black_box(&body)).map(|top| tree(&body, &top, 0, TREE_BYTES)));
        });
        group.bench_function(format!("the last piece of it: {name}"), |bencher| {
            bencher.iter(|| raw(black_box(&body), body.len() - 1));
        });
    }
    group.finish();
}

fn compared(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("two bodies are compared");
    for (name, body) in mebibytes() {
        let other = body.replace('1', "2").replace("x\"", "y\"");
        group.throughput(Throughput::Bytes(2 * body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let key = RandomState::new();
                let (old, new) = (Values::read(black_box(&body), &key), Values::read(black_box(&other), &key));
                old.zip(new).map(|(old, new)| changes(&old, &new, 0, 50).counts)
            });
        });
    }
    group.finish();
}
