//! The disk is full. Every user can bring that about for a server of its own by limiting how large its files may grow, which
//! fails as a full disk does; where a disk can be mounted, there is also a small one that really is full. Linux only: elsewhere
//! no process can limit another.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::Response;

use crate::outages::{Outage, Told};
use crate::stage::{Stage, assert_is_503};
use crate::support::private_postgres::{PrivatePostgres, private_directory};

/// The size of a file of the write-ahead log: with less, the server could not even commit what needs no space.
const LIMIT_BYTES: u64 = 16 * 1024 * 1024;
/// Enough for a new cluster and not for much more.
const DISK_OPTIONS: &str = "size=160m,mode=755";

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_grow_are_told_with_503_and_forgotten_when_they_can() {
    let mut outage = Outage::prepare().await;
    fill_events(&outage.stage).await;
    limit_files(&outage.stage.postgres, &LIMIT_BYTES.to_string());
    fill_the_last_page(&outage.stage).await;
    let told = outage.ask_everybody().await;
    told.assert_senders_are_told();
    for answer in [told.page, told.sign_in, told.ready] {
        assert_told_or_served(answer);
    }
    limit_files(&outage.stage.postgres, "unlimited");
    outage.assert_well_again().await;
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_small_disk_that_is_full_is_told_with_503_and_forgotten_when_it_has_room() {
    let Some(disk) = small_disk() else {
        // Nobody but root mounts disks. What everybody can see: files that cannot grow, as above, with larger events.
        let mut outage = Outage::prepare().await;
        fill_events(&outage.stage).await;
        limit_files(&outage.stage.postgres, &LIMIT_BYTES.to_string());
        send_until_full(&outage).await;
        limit_files(&outage.stage.postgres, "unlimited");
        outage.assert_well_again().await;
        return;
    };
    let mut outage = Outage::prepare_on(PrivatePostgres::start_in(&disk).await).await;
    let filler = disk.join("filler");
    take_all_room(&filler);
    send_until_full(&outage).await;
    // A small event may still find room in a page.
    let Told { hot, cold, page, sign_in, ready } = outage.ask_everybody().await;
    for answer in hot.into_iter().chain([cold, page, sign_in, ready]) {
        assert_told_or_served(answer);
    }
    std::fs::remove_file(filler).unwrap();
    // A server that cannot write its log gives up, and is started again by whoever looks after it.
    if outage.stage.postgres.processes().is_empty() {
        outage.stage.postgres.start_again().await;
    }
    outage.assert_well_again().await;
}

/// What needs no room may be served.
fn assert_told_or_served(answer: Response) {
    if !matches!(answer.status().as_u16(), 200 | 303) {
        assert_is_503(&answer);
    }
}

/// Sends large events, which need room at once, until one is refused.
async fn send_until_full(outage: &Outage) {
    for _ in 0..2_000 {
        // Random, so that it cannot be compressed.
        let body: Vec<u8> = (0..50_000).map(|_| rand::random_range(b'a'..=b'z')).collect();
        let body = format!("\"{}\"", String::from_utf8(body).unwrap());
        if outage.acknowledged.note(outage.stage.sender.send(body).await).await == 503 {
            return;
        }
    }
    panic!("there is no end of room");
}

/// Fills the table of the first event until it is as large as files may get, with rows so small that no page has room left for
/// an event from a sender, and none that a vacuum makes.
async fn fill_events(stage: &Stage) {
    stage.query("alter system set autovacuum = off").await;
    stage.query("select pg_reload_conf()").await;
    let copies = "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
                  select account_id, (left(id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, credential_id, remote_ip, \
                  content_type, '[]', '1', 1 \
                  from (select * from events limit 1) as first, generate_series(1, 200000) as n";
    stage.query(copies).await;
    stage.query("checkpoint").await;
    let largest = "select max(pg_relation_size(c.oid)) from pg_class c where relname like 'events_%' and relkind = 'r'";
    let bytes: u64 = crate::stage::only(stage.query(largest).await.remove(0)).parse().unwrap();
    assert!(bytes > LIMIT_BYTES, "{bytes}");
}

/// Fills the last page of the table of the first event too, where a writer that has no page of its own yet finds room, with rows
/// that are smaller than those of senders. For when its file cannot grow any more.
async fn fill_the_last_page(stage: &Stage) {
    let one_by_one = "do $$ begin for n in 1..1000 loop begin \
                      insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
                      select account_id, (left(id::text, 24) || right(gen_random_uuid()::text, 12))::uuid, credential_id, \
                      remote_ip, content_type, '[]', '1', 1 from (select * from events limit 1) as first; \
                      exception when others then if sqlerrm like 'could not extend file%' then return; end if; raise; end; \
                      end loop; raise 'there is no end of room'; end $$";
    stage.query(one_by_one).await;
}

/// Limits how large the files of a server may grow from now on, or lifts the limit.
fn limit_files(postgres: &PrivatePostgres, bytes: &str) {
    let owner = std::fs::metadata(postgres.socket().parent().unwrap()).unwrap();
    // Once more for what was started meanwhile.
    for _ in 0..2 {
        for process in postgres.processes() {
            let mut command = Command::new("prlimit");
            command.args([&format!("--pid={process}"), &format!("--fsize={bytes}:")]).stderr(Stdio::null());
            // In a container, even root is only obeyed by processes of its own; the owner always is.
            if owner.uid() != nix::unistd::geteuid().as_raw() {
                command.uid(owner.uid()).gid(owner.gid());
            }
            // Whatever has ended meanwhile needs no limit. Whether there is one, the test sees by its effect.
            command.status().unwrap();
        }
    }
}

/// A disk of its own in memory, if this user may mount one. The guard of the server that lives there unmounts it.
fn small_disk() -> Option<std::path::PathBuf> {
    let directory = private_directory().keep();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", DISK_OPTIONS, "none"])
        .arg(&directory)
        .stderr(Stdio::null())
        .status();
    if mount.is_ok_and(|status| status.success()) {
        return Some(directory);
    }
    std::fs::remove_dir(&directory).unwrap();
    None
}

/// Writes a file until there is no room for more.
fn take_all_room(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 64 * 1024]).is_ok() {}
}
