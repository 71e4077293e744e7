//! Searches through what lies in weeks that are over.

use std::time::Duration;

use anyhow::Result;

use crate::program::Program;
use crate::reader::CurrentUser;
use crate::report::Report;
use crate::seed::{Seeded, rare_word};

const RARE_WORDS_ASKED: u64 = 10;
/// `data.order.priority = "critical"`
const FIELD_SEARCH: &str = "data.order.priority%20%3D%20%22critical%22";

/// A word that one event has, and a field that one in a thousand has, each for the first time.
pub async fn searches(report: &mut Report, program: &Program, seeded: &Seeded) -> Result<()> {
    let reader = CurrentUser::sign_in(program).await?;
    report.head("Search, the first time that something is asked for");
    let (mut slowest, mut found) = (Duration::ZERO, 0);
    for number in 0..RARE_WORDS_ASKED {
        let path = format!("/events?q={}&until={}", rare_word(number), seeded.week_start);
        slowest = slowest.max(reader.first_time(&path).await?);
        // A search that stopped before it was through answers in time too, and finds nothing.
        found += reader.page(&path).await?.matches("data-id=\"").count();
    }
    report.time("a word of one event, in weeks that are over, the slowest", slowest, Duration::from_millis(500));
    let words = format!("{found} of {RARE_WORDS_ASKED}");
    report.figure("of these words were found", &words, "all", found as u64 == RARE_WORDS_ASKED);

    let path = format!("/events?q={FIELD_SEARCH}&until={}", seeded.week_start);
    let took = reader.first_time(&path).await?;
    let found = reader.page(&path).await?.matches("data-id=\"").count();
    report.time("a field that 1 event in 1,000 has", took, Duration::from_millis(300));
    report.figure("of its events on that page", &found.to_string(), "some", found > 0);
    Ok(())
}
