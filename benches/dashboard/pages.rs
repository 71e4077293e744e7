//! Pages that must not get slower, the overview, and what pages weigh.

use std::time::Duration;

use anyhow::Result;
use reasoner_webhooks::domain::event::EventId;

use crate::program::Program;
use crate::reader::{CurrentUser, usual_times};
use crate::report::Bound::AtMost;
use crate::report::{Report, ms};
use crate::seed::{Seeded, connect};

const MAX_PAGE_BYTES: usize = 60_000;
const MAX_OVERVIEW: Duration = Duration::from_millis(20);

/// A program, and what it has.
pub type Stage<'a> = (&'a Program, &'a Seeded, u64);

/// The addresses that must not get slower, over many events and over few in turn: the machine is not always as fast.
pub async fn pages(report: &mut Report, many: Stage<'_>, few: Stage<'_>) -> Result<()> {
    report.head("Pages, in the middle of 101 times");
    let (reader, other_reader) = (CurrentUser::sign_in(many.0).await?, CurrentUser::sign_in(few.0).await?);
    let (paths, other_paths) = (addresses(many).await?, addresses(few).await?);
    for ((what, path), (_, other_path)) in paths.iter().zip(&other_paths) {
        let [one, other] = usual_times([(&reader, path), (&other_reader, other_path)]).await?;
        report.ratio(what, &ms(one), &ms(other), one.as_secs_f64() / other.as_secs_f64(), AtMost(1.5));
    }
    Ok(())
}

/// The four of them.
pub async fn addresses((program, seeded, events): Stage<'_>) -> Result<[(&'static str, String); 4]> {
    let client = connect(program.database_url()).await?;
    let nth = async |number: u64| -> Result<uuid::Uuid> {
        let sql = "select id from events where account_id = $1 order by id desc limit 1 offset $2";
        Ok(client.query_one(sql, &[&program.account.0, &i64::try_from(number)?]).await?.get(0))
    };
    // Few events have no page 1,000: theirs is the one before the last.
    let far = (999 * 50).min(events - 100);
    let middle = seeded.began + (seeded.week_start - seeded.began) / 2;
    let sql = "select id from events where account_id = $1 and id > $2 order by id limit 1";
    let bound = EventId::first_of(middle).0;
    let one: uuid::Uuid = client.query_one(sql, &[&program.account.0, &bound]).await?.get(0);
    Ok([
        ("first page", "/events".to_owned()),
        ("next page", format!("/events?before={}", nth(49).await?)),
        ("page 1,000", format!("/events?before={}", nth(far - 1).await?)),
        ("one event", format!("/events/{one}")),
    ])
}

/// The bars of a month, from the counts alone, as an open page asks for them again and again.
pub async fn overview(report: &mut Report, program: &Program) -> Result<()> {
    report.head("Overview, in the middle of 101 times");
    let reader = CurrentUser::sign_in(program).await?;
    let [took] = usual_times([(&reader, "/events/overview?overview=30d")]).await?;
    report.time("30 days of bars, totals and senders", took, MAX_OVERVIEW);
    Ok(())
}

/// What a browser that has nothing yet takes over the wire.
pub async fn weights(report: &mut Report, stage: Stage<'_>) -> Result<()> {
    let (program, ..) = stage;
    let event = addresses(stage).await?[3].1.clone();
    let comparison = format!("{event}/comparison");
    let reader = CurrentUser::sign_in(program).await?;
    report.head("Over the wire, with an empty cache");
    let pages = [
        "/events",
        &event,
        &comparison,
        "/events/rejections",
        "/events/deletion",
        "/settings/integrations/webhooks",
        "/settings/account",
        "/settings/events",
        "/docs/webhooks/quick-start",
        "/docs/webhooks/advanced-usage",
        "/docs/webhooks/search",
    ];
    for path in pages {
        let (bytes, others) = reader.weight(path).await?;
        let words = format!("{:.1} KB, {} requests to others", bytes as f64 / 1e3, others.len());
        report.figure(path, &words, "≤ 60 KB, none", bytes <= MAX_PAGE_BYTES && others.is_empty());
    }
    Ok(())
}
