//! The pictures that `make screenshots` takes: of every page, all of them in the gallery, and those of the README in the README. That
//! the tour shows each page where it says so is found out on the tour, in `barriers.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::camera::{Camera, Extent, SCREENS};
use crate::gallery;
use crate::pictures::{OF_README, Pictures};
use crate::support::actors::{Person, between};
use crate::support::browser::Browser;
use crate::support::routes::routes;
use crate::support::server::TestServer;
use crate::tour::pages::{PAGES, WITHOUT_A_PICTURE};

const README: &str = include_str!("../../README.md");
/// What a reader of the README may have to wait for, each picture.
const MAX_PICTURE_BYTES: usize = 160 * 1024;

#[test]
fn every_address_of_a_page_has_a_picture_or_a_reason_why_not() {
    let routes: Vec<String> =
        routes().into_iter().filter(|(method, _)| *method == "GET").map(|(_, address)| address).collect();
    let told: Vec<&str> = PAGES.iter().chain(&WITHOUT_A_PICTURE).map(|(address, _)| *address).collect();
    for address in &routes {
        assert!(
            told.contains(&address.as_str()),
            "{address} has no picture: show it on the tour and name it in examples/screenshots/tour/pages.rs"
        );
    }
    let unique: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(unique.len(), told.len(), "an address is told of twice: {told:?}");
    for address in told {
        assert!(routes.iter().any(|route| route == address), "{address} is no address any more");
    }
}

/// Whether what comes back for an address is a whole page.
async fn is_page(reader: &Person, path: &str) -> bool {
    let answer = reader.get(path).await;
    assert!(answer.status().as_u16() < 400, "{path} answers {}", answer.status());
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    // The stream of events has no end, and what is no HTML need not be read.
    kind.starts_with("text/html") && answer.text().await.unwrap().contains("<html")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_picture_is_no_page() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let event = server.sender(&alice).await.store("1").await;
    let page = alice.page("/events").await;
    let style = format!("app.{}", between(&page, "/static/app.", "\""));
    for (address, reason) in WITHOUT_A_PICTURE {
        let path = address.replace("{id}", &event).replace("{name}", &style);
        assert!(!is_page(&alice, &path).await, "{address}, which {reason}, is a page");
    }
    for path in ["/events", &format!("/events/{event}")] {
        assert!(is_page(&alice, path).await, "{path}");
    }
}

/// The files that the gallery names, and the names that lie in its directory.
fn named_and_there(directory: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let html = std::fs::read_to_string(directory.join("index.html")).unwrap();
    let attribute = regex::Regex::new(r##"(?:href|src)="([^"#]+)""##).unwrap();
    let named = attribute.captures_iter(&html).map(|found| found[1].to_owned()).collect();
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    (named, files.filter(|name| name != "index.html").collect())
}

/// What the browser loaded, which pictures it could not show, and where links go inside the page.
const GALLERY: &str = "
    const images = [...document.images];
    for (const image of images) image.loading = 'eager';
    const shown = await Promise.all(images.map(image => image.decode().then(() => image.naturalWidth > 0, () => false)));
    return {
        loaded: performance.getEntriesByType('resource').map(({ name }) => name),
        broken: images.filter((_, place) => !shown[place]).map(({ src }) => src),
        images: images.length,
        unnamed: images.filter(({ alt }) => !alt).length,
        lost: [...document.querySelectorAll('a[href^=\"#\"]')].filter(({ hash }) => !document.querySelector(hash)).length,
    };
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gallery_has_every_picture_that_was_taken_and_asks_nobody_else_for_anything() {
    let server = TestServer::start().await;
    let browser = Browser::open().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut pictures = Pictures::new(&browser, directory.path(), directory.path());
    for (path, name, extent) in [
        ("/login", "sign-in", Extent::Page),
        ("/docs/webhooks/errors", "docs-errors", Extent::Page),
        ("/nowhere", "error-404", Extent::Window),
    ] {
        browser.driver.goto(format!("{}{path}", server.url)).await.unwrap();
        pictures.take(name, "A page", extent).await.unwrap();
    }
    gallery::write(directory.path(), &pictures.taken).unwrap();
    let (named, there) = named_and_there(directory.path());
    assert_eq!(named, there, "what the gallery names, and what was written");
    assert_eq!(named.len(), 3 * SCREENS.len());

    browser.console().await.unwrap();
    let place = format!("file://{}/", directory.path().display());
    browser.driver.goto(format!("{place}index.html")).await.unwrap();
    let script = format!("return (async () => {{ {GALLERY} }})()");
    let seen = browser.driver.execute(script, vec![]).await.unwrap().json().clone();
    let loaded: Vec<String> = serde_json::from_value(seen["loaded"].clone()).unwrap();
    assert!(loaded.iter().all(|name| name.starts_with(&place)), "something is asked for elsewhere: {loaded:?}");
    assert_eq!(seen["images"], named.len());
    for nothing in [&seen["broken"], &seen["unnamed"], &seen["lost"]] {
        assert!([&json!([]), &json!(0)].contains(&nothing), "{seen}");
    }
    let console = browser.console().await.unwrap();
    assert!(console.is_empty(), "{console:?}");
    browser.close().await.unwrap();
    server.stop().await;
}

#[test]
fn the_pictures_of_the_readme_are_those_that_are_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(root.join("docs/pictures")).unwrap();
    let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let taken: BTreeSet<String> = OF_README.iter().map(|cut| cut.file.to_owned()).collect();
    let image = regex::Regex::new(r"!\[[^\]]{20,}\]\(docs/pictures/([^)]+)\)").unwrap();
    let shown: BTreeSet<String> = image.captures_iter(README).map(|found| found[1].to_owned()).collect();
    assert_eq!(
        (&files, &shown),
        (&taken, &taken),
        "in docs/pictures and in the README, with words for who cannot see them"
    );
    for cut in &OF_README {
        let bytes = std::fs::read(root.join("docs/pictures").join(cut.file)).unwrap();
        let side = |at: usize| u64::from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()));
        assert_eq!((side(16), side(20)), (SCREENS[0].width, cut.height), "{} is as it was cut", cut.file);
        assert!(bytes.len() < MAX_PICTURE_BYTES, "{} has {} bytes", cut.file, bytes.len());
    }
}
