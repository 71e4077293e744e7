//! One clock (issue 16, section 2): every time on the pages is in the zone that the reader chose, relative or absolute, with both zones
//! behind it. Pages write times in one way alone, so these go over all of them.

use reqwest::Client;
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::access::pages;
use crate::support::server::{PASSWORD, TestServer};

/// What stands on pages in UTC for everybody: until when days are counted and kept.
const IN_UTC: [&str; 2] = ["00:00 UTC", "at 00:00 UTC on"];

/// The pages of an account that has had some of everything, but for the documentation, whose examples are of no reader's.
struct Reader {
    client: Client,
    url: String,
    session: String,
    paths: Vec<String>,
}

/// Alice, signed in with a browser whose cookies a test sends itself.
pub async fn session(server: &TestServer) -> (Client, String) {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let form = format!("email=alice%40example.com&password={}", PASSWORD.replace(' ', "%20"));
    let request = client.post(format!("{}/login", server.url)).header("Sec-Fetch-Site", "same-origin");
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.unwrap();
    let session = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    (client, session)
}

impl Reader {
    async fn of(server: &TestServer) -> Self {
        let alice = server.pro("alice@example.com").await;
        let sender = server.sender(&alice).await;
        sender.with_password("x").status().await;
        let event = sender.store("{\"a\": 1}").await;
        sender.store("{\"a\": 2}").await;
        let paths =
            pages().filter(|path| !path.starts_with("/docs") && !path.contains("export") && *path != "/events/live");
        let mut paths: Vec<String> = paths.map(|path| path.replace("{event}", &event)).collect();
        paths.retain(|path| !path.contains('{'));
        let now = server.now();
        for more in [
            format!("/events?since={now}&until={now}"),
            "/events?q=a%20exists".to_owned(),
            "/events?overview=30d&since=7d".to_owned(),
            format!("/events?peek={event}"),
            format!("/events/{event}?peek=1"),
            format!("/events/selection/deletion?id={event}"),
            "/events/rejections?group=address".to_owned(),
            format!("/events/deletion?since={now}"),
        ] {
            paths.push(more.replace(':', "%3A"));
        }
        let (client, session) = session(server).await;
        Self { client, url: server.url.clone(), session, paths }
    }

    /// Every page as a reader sees it whose browser sends these cookies: its path and its markup without the frame.
    async fn pages(&self, cookies: &str) -> Vec<(String, String)> {
        let mut pages = Vec::new();
        for path in &self.paths {
            let request = self.client.get(format!("{}{path}", self.url));
            let answer = request.header(COOKIE, format!("{}; {cookies}", self.session)).send().await.unwrap();
            let status = answer.status().as_u16();
            let page = answer.text().await.unwrap();
            assert_eq!(status, 200, "{path}: {page}");
            let main = page.split_once("<main").map_or(page.as_str(), |(_, main)| main).to_owned();
            pages.push((path.clone(), main));
        }
        pages
    }
}

/// What stands between the tags.
fn text(markup: &str) -> String {
    let mut text: String =
        markup.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| format!("{text} ")).collect();
    for allowed in IN_UTC {
        text = text.replace(allowed, "");
    }
    text
}

fn titles(markup: &str) -> impl Iterator<Item = &str> {
    markup.split("<time ").skip(1).map(|time| time.split_once(" title=\"").unwrap().1.split('"').next().unwrap())
}

/// The spans such as `3 min ago` and `21 h left`.
fn relative(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_relative = |three: &&[&str]| {
        three[0].chars().all(|c| c.is_ascii_digit())
            && ["s", "min", "h", "d"].contains(&three[1])
            && ["ago", "left"].iter().any(|word| three[2].starts_with(word))
    };
    words.windows(3).filter(is_relative).map(|three| three.join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_time_on_every_page_is_in_the_reader_s_zone_with_utc_behind_it() {
    let server = TestServer::start().await;
    let reader = Reader::of(&server).await;
    let mut times = 0;
    for (path, page) in reader.pages("zone=Asia%2FTokyo").await {
        let text = text(&page);
        for (at, _) in text.match_indices("UTC") {
            assert!(text[at..].starts_with("UTC+9"), "{path}: …{}", &text[at.saturating_sub(40)..at + 3]);
        }
        for title in titles(&page) {
            let (there, utc) = title.split_once('\n').unwrap_or_else(|| panic!("{path}: {title}"));
            assert!(there.ends_with(" UTC+9") && utc.ends_with(" UTC"), "{path}: {title}");
            times += 1;
        }
    }
    assert!(times > 20, "{times} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_chose_utc_reads_it_everywhere_with_the_own_zone_behind_it() {
    let server = TestServer::start().await;
    let reader = Reader::of(&server).await;
    for (path, page) in reader.pages("zone=Asia%2FTokyo; clock=utc").await {
        assert!(!text(&page).contains("UTC+"), "{path}");
        for title in titles(&page) {
            assert!(title.contains(" UTC\n") && title.ends_with(" UTC+9"), "{path}: {title}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_chose_absolute_times_finds_no_relative_one() {
    let server = TestServer::start().await;
    let reader = Reader::of(&server).await;
    server.pass(jiff::SignedDuration::from_secs(130));
    let mut found = 0;
    for (path, page) in reader.pages("zone=Asia%2FTokyo").await {
        let relative = relative(&text(&page));
        let marked = page.matches(" data-relative").count();
        assert!(relative.len() <= marked, "{path} has a relative time that does not go on: {relative:?}");
        found += relative.len();
    }
    assert!(found > 10, "{found} relative times");
    for (path, page) in reader.pages("zone=Asia%2FTokyo; times=absolute").await {
        let relative = relative(&text(&page));
        assert!(relative.is_empty() && !page.contains("just now"), "{path}: {relative:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_chose_of_times_is_kept_without_script() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let page = alice.page("/events").await;
    assert!(page.contains("name=\"clock\" value=\"local\" aria-pressed=\"true\""), "{page}");
    for (field, value, usual) in [("clock", "utc", "local"), ("times", "absolute", "relative")] {
        let answer = alice.post("/theme", &[(field, value), ("return_to", "/events?since=7d")]).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/events?since=7d".parse().unwrap())
        );
        let chosen = format!("name=\"{field}\" value=\"{value}\" aria-pressed=\"true\"");
        assert!(alice.page("/settings/sessions").await.contains(&chosen), "on every page");
        alice.post("/theme", &[(field, usual)]).await;
        assert!(!alice.page("/events").await.contains(&chosen));
    }
    let answer = alice.post("/theme", &[("clock", "nonsense"), ("theme", "dark")]).await;
    let cookies: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("theme=dark")), "{cookies:?}");
    assert!(!cookies.iter().any(|cookie| cookie.contains("nonsense")), "{cookies:?}");
}
