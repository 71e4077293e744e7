//! The page weight budget.
//!
//! What a page weighs, compressed, with its style, scripts and pictures: at most 60 KB. A sender can send what no compression makes
//! short, so a page that shows such a thing is made again with less of it until it is light. Nothing on these pages is a secret that
//! their length could tell.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use flate2::Compression;

use crate::web::assets;
use crate::web::errors::PageError;
use crate::web::middleware::gzip::gzip;

/// The most that a page may weigh, in bytes. What is left of 60 KB is for the heads of the answers.
const MAX_BYTES: usize = 58_000;

/// A page as an answer, with as much as makes it light: while it is not, something is taken away, until nothing can be.
pub async fn html_light<T: Template>(
    template: &mut T,
    mut take_away: impl AsyncFnMut(&mut T) -> Result<bool, PageError>,
) -> Result<HttpResponse, PageError> {
    loop {
        let (page, is_light) = weigh(template.render()?).await?;
        if is_light || !take_away(template).await? {
            return Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page));
        }
    }
}

/// Gives back a page, and whether it is light enough. Compressing takes time, so it is done beside the workers, and only where it
/// decides.
async fn weigh(page: String) -> Result<(String, bool), PageError> {
    let room = MAX_BYTES.saturating_sub(files(&page).iter().map(|name| assets::weight(name)).sum());
    if page.len() <= room {
        return Ok((page, true));
    }
    let compress = move || {
        let bytes = gzip(page.as_bytes(), Compression::default()).map_or(usize::MAX, |compressed| compressed.len());
        (page, bytes <= room)
    };
    web::block(compress).await.map_err(|_| PageError::Internal)
}

/// The files that a page names, each once. Text of others has no quotes of HTML, so it names none.
fn files(page: &str) -> BTreeSet<&str> {
    page.split("\"/static/").skip(1).filter_map(|rest| rest.split(['"', '#']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::{files, weigh};
    use crate::web::assets;

    #[test]
    fn a_file_that_is_named_twice_is_loaded_once() {
        let icons = assets::address("icons.svg");
        let page = format!("<use href=\"{icons}#a\"/><use href=\"{icons}#b\"/>&#34;/static/x");
        assert_eq!(files(&page).len(), 1);
        assert!(files(&page).iter().all(|name| assets::weight(name) > 500));
    }

    #[actix_web::test]
    async fn what_compression_makes_short_is_light_and_noise_is_not() {
        assert!(weigh("a".repeat(1 << 20)).await.unwrap().1);
        let mut state = 1_u64;
        let noise = (0..100_000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + (state >> 33) as u8 % 90)
        });
        assert!(!weigh(noise.collect()).await.unwrap().1);
    }
}
