//! The searches of the documentation, asked of the events that stand beside them.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::stage::Stage;
use crate::support::actors::between;
use crate::support::docs::text_of;
use crate::support::workplace::stdout;

/// The rows of a table whose first cell has a mark, each with the text of its cells.
fn rows(page: &str, mark: &str) -> Vec<Vec<String>> {
    let rows = page.split("<tr role=\"row\">").skip(1).map(|row| row.split("</tr>").next().unwrap());
    let cells =
        |row: &str| row.split("<td").skip(1).map(|cell| text_of(between(cell, ">", "</td>"))).collect::<Vec<String>>();
    rows.filter(|row| row.contains(mark)).map(cells).collect()
}

/// A stage on which the events of the page were received, the first one with the header that the page names, and their ids.
async fn set() -> (Stage, String, Vec<String>) {
    let stage = Stage::set().await;
    let page = stage.you.page("/docs/webhooks/search").await;
    let mut ids = Vec::new();
    for (event, kind) in stage.block("searched-json").lines().zip(["push", "issues", "issues"]) {
        let request = stage.sender.request().header("X-GitHub-Event", kind).body(event.to_owned());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let stored: serde_json::Value = answer.json().await.unwrap();
        ids.push(stored["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3);
    (stage, page, ids)
}

fn address(search: &str) -> String {
    format!("/events?q={}", utf8_percent_encode(search, NON_ALPHANUMERIC))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_search_finds_what_stands_beside_it() {
    let (stage, page, ids) = set().await;
    let find = async |search: &str| -> BTreeSet<usize> {
        let found = stage.you.page(&address(search)).await;
        (1..=ids.len()).filter(|number| found.contains(&format!("data-id=\"{}\"", ids[number - 1]))).collect()
    };
    let examples = rows(&page, "data-search");
    assert!(examples.len() > 10, "{examples:?}");
    for example in &examples {
        let [search, _, finds] = example.as_slice() else { panic!("{example:?}") };
        let numbers = finds.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let expected: BTreeSet<usize> = numbers.map(|number| number.parse().unwrap()).collect();
        assert_eq!(expected.is_empty(), finds == "no event", "{finds}");
        assert_eq!(find(search).await, expected, "{search}");
    }
    // The language itself is told with searches that mean something to the same events.
    let grammar: Vec<String> =
        page.split("<dt><code>").skip(1).map(|part| text_of(part.split("</code>").next().unwrap())).collect();
    assert!(grammar.len() > 4 && grammar.iter().any(|search| search.contains(" contains ")), "{grammar:?}");
    for search in &grammar {
        assert!(!find(search).await.is_empty(), "{search}");
    }
    let panel = stage.you.page("/events").await;
    assert!(grammar.iter().all(|search| text_of(&panel).contains(search)), "the panel of the page says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_explained_as_it_stands_there() {
    let (stage, page, _) = set().await;
    let mistakes = rows(&page, "data-wrong");
    assert!(mistakes.len() > 2, "{mistakes:?}");
    for mistake in &mistakes {
        let [search, column, words] = mistake.as_slice() else { panic!("{mistake:?}") };
        let answer = stage.you.get(&address(search)).await;
        assert_eq!(answer.status(), 422, "{search}");
        let page = answer.text().await.unwrap();
        let shown = text_of(page.split("id=\"q-error\"").nth(1).unwrap());
        assert!(
            shown.contains(words.as_str()) && shown.to_lowercase().contains(&format!("{column}:")),
            "{search}: {shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_time_is_understood() {
    let (stage, page, ids) = set().await;
    let times = rows(&page, "data-time");
    assert!(times.len() > 3, "{times:?}");
    for time in &times {
        let list = stage.you.page(&format!("/events?{}", time[0])).await;
        // They were received just now: after all that is said of the past, and not before it.
        assert_eq!(list.contains(&ids[0]), time[0].starts_with("since"), "{time:?}");
        assert!(page.contains(&format!("href=\"/events?{}\"", time[0])), "{time:?} leads elsewhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_the_same_searches() {
    let (stage, _, ids) = set().await;
    let block = stage.block("query-sh");
    // The last command waits for events until it is interrupted.
    let (reading, tail) = block.split_once("# Those that are yet to come").unwrap();
    stage.write("query.sh", reading);
    let listed = stdout(&stage.command(&["bash", "query.sh"], "").await);
    assert!(listed.contains(&ids[0]) && !listed.contains(&ids[1]), "{listed}");
    let table = stage.read("stock.csv");
    let columns = ["SKU-12345,25,Warehouse B", "SKU-777,5.0,Warehouse A"];
    assert!(columns.iter().all(|row| table.contains(row)) && table.lines().count() == 3, "{table}");

    let command = tail.lines().last().unwrap();
    stage.write("tail.sh", format!("timeout --signal=INT 20 {command} | head -n 1"));
    // It tells of what comes after it has begun, which nobody but itself knows: so there is always more.
    let sending = async {
        loop {
            stage.sender.store(r#"{"tags": ["late", "urgent"]}"#).await;
        }
    };
    let tailed = tokio::select! {
        tailed = stage.command(&["bash", "tail.sh"], "") => tailed,
        () = sending => unreachable!("it goes on for ever"),
    };
    assert!(stdout(&tailed).contains("urgent"), "{}", stdout(&tailed));
}
