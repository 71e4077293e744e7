//! Searches through what lies in weeks that are over.

use std::time::Duration;

use anyhow::Result;

use crate::program::Program;
use crate::reader::CurrentUser;
use crate::report::Report;
use crate::seed::{Seeded, rare_name, rare_word};

const RARE_WORDS_ASKED: u64 = 10;
/// `data.name = "…"`, and the value between.
const NAME_SEARCH: [&str; 2] = ["data.name%20%3D%20%22", "%22"];
/// `data.order.priority = "critical"`
const FIELD_SEARCH: &str = "data.order.priority%20%3D%20%22critical%22";

/// A word that one event has, a value that one event has, which is stored with escapes, and a field that one in a thousand has, each for the first time.
pub async fn searches(report: &mut Report, program: &Program, seeded: &Seeded) -> Result<()> {
    let reader = CurrentUser::sign_in(program).await?;
    report.head("Search, the first time that something is asked for");
    let asked = |from: u64| from..from + RARE_WORDS_ASKED;
    let by_value = |number: u64| [NAME_SEARCH[0], &encoded(&rare_name(number)), NAME_SEARCH[1]].concat();
    let words: Vec<_> = asked(0).map(rare_word).collect();
    // Others, since what was read for a word would be in memory.
    let values: Vec<_> = asked(RARE_WORDS_ASKED).map(by_value).collect();
    for (what, searches) in [("a word", words), ("a value, stored with escapes,", values)] {
        let (mut slowest, mut found) = (Duration::ZERO, 0);
        for search in &searches {
            let path = format!("/events?q={search}&until={}", seeded.week_start);
            slowest = slowest.max(reader.first_time(&path).await?);
            // A search that stopped before it was through answers in time too, and finds nothing.
            found += reader.page(&path).await?.matches("data-id=\"").count();
        }
        let title = format!("{what} of one event, in weeks that are over, the slowest");
        report.time(&title, slowest, Duration::from_millis(500));
        let all = searches.len();
        report.figure("of these were found", &format!("{found} of {all}"), "all", found == all);
    }

    let path = format!("/events?q={FIELD_SEARCH}&until={}", seeded.week_start);
    let took = reader.first_time(&path).await?;
    let found = reader.page(&path).await?.matches("data-id=\"").count();
    report.time("a field that 1 event in 1,000 has", took, Duration::from_millis(300));
    report.figure("of its events on that page", &found.to_string(), "some", found > 0);
    Ok(())
}

/// A text as an address has it.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
