//! Static assets, embedded and content-hashed.
//!
//! Styles, scripts and pictures: part of the program, under names that contain a hash of their content, so that browsers may keep
//! them for ever.

use std::collections::HashMap;
use std::sync::LazyLock;

use flate2::Compression;
use rust_embed::RustEmbed;

use crate::domain::digest::sha256;
use crate::web::middleware::gzip::gzip;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The style sheet of every page: the files in the order that fixes their layers.
const STYLES: [&str; 3] = ["tokens.css", "base.css", "components.css"];
/// The name under which they are served together.
const STYLE_SHEET: &str = "app.css";
/// The scripts of every page; none needs another. A script that few pages have something for is named by their templates.
pub(crate) const SCRIPTS: [&str; 6] = ["copy.js", "time.js", "menu.js", "dialog.js", "filters.js", "keys.js"];

/// One file as it is served.
pub(crate) struct Asset {
    /// `app.0123456789ab.css`.
    hashed_name: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// The same, compressed; nothing where that is no gain.
    pub(crate) gzip: Option<Vec<u8>>,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let file = |name: &str| Files::get(name).map(|file| file.data.into_owned()).unwrap_or_default();
    let mut assets = HashMap::new();
    let sheet: Vec<u8> = STYLES.iter().flat_map(|name| file(name)).collect();
    assets.insert(STYLE_SHEET.to_owned(), Asset::new(STYLE_SHEET, sheet));
    for name in Files::iter().filter(|name| !name.ends_with(".css")) {
        assets.insert(name.to_string(), Asset::new(&name, file(&name)));
    }
    assets
});

impl Asset {
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let digest = sha256(&bytes);
        let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            _ => "application/octet-stream",
        };
        let gzip = gzip(&bytes, Compression::best()).ok().filter(|gzip| gzip.len() < bytes.len());
        Self { hashed_name: format!("{stem}.{hash}.{extension}"), content_type, bytes, gzip }
    }
}

/// The address of a file by its plain name.
pub(crate) fn address(name: &str) -> String {
    match ASSETS.get(name) {
        Some(asset) => format!("/static/{}", asset.hashed_name),
        None => format!("/static/{name}"),
    }
}

/// The file that is served under a name.
pub(crate) fn find(hashed_name: &str) -> Option<&'static Asset> {
    ASSETS.values().find(|asset| asset.hashed_name == hashed_name)
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, Files, SCRIPTS, STYLES};

    #[test]
    fn every_file_that_pages_name_exists() {
        for name in STYLES.iter().chain(&SCRIPTS) {
            assert!(Files::get(name).is_some(), "{name}");
        }
        assert!(ASSETS["app.css"].bytes.starts_with(b"/* Design tokens"));
    }
}
