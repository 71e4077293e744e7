//! The filters beside the search field: time ranges, which every reader means in a zone of their own, and credentials.

use jiff::tz::TimeZone;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::domain::time::in_zone;

use crate::support::actors::between;
use crate::support::server::TestServer;

fn ids(page: &str) -> Vec<&str> {
    page.split("data-id=\"").skip(1).map(|part| &part[..36]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_from_the_form_becomes_an_address_that_means_the_same_to_everybody() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let session = server.cookie("alice@example.com").await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let in_zone = async |path: &str, zone: &str| {
        let request = client.get(format!("{}{path}", server.url)).header("Cookie", format!("{session}; zone={zone}"));
        request.send().await.unwrap()
    };
    let form = "?since=custom&from=2026-11-20T10:30&until=";
    for (list, rest) in [("/events", ""), ("/events/rejections", ""), ("/events/rejections", "&group=address")] {
        let answer = in_zone(&format!("{list}{form}{rest}"), "Asia%2FTokyo").await;
        assert_eq!(answer.status(), 303, "{list}");
        let address = answer.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(address, format!("{list}?since=2026-11-20T01:30:00.000Z{rest}"));
        let page = in_zone(&address, "Asia%2FTokyo").await.text().await.unwrap();
        assert!(page.contains("value=\"2026-11-20T10:30\" title=\"20 Nov 2026, 01:30:00 UTC\""), "{page}");
        assert!(page.contains("<span class=\"faint\">Asia/Tokyo</span>"));
        let page = in_zone(&address, "Europe%2FBerlin").await.text().await.unwrap();
        assert!(page.contains("value=\"2026-11-20T02:30\""), "the same moment on a colleague's clock");
    }
    let utc = alice.get(&format!("/events{form}")).await;
    assert_eq!(utc.headers()["location"], "/events?since=2026-11-20T10:30:00.000Z", "without a zone it is UTC");
    for odd in ["Nowhere", "..%2F..%2Fetc%2Fpasswd", "%FF"] {
        let answer = in_zone(&format!("/events{form}"), odd).await;
        assert_eq!(answer.headers()["location"], "/events?since=2026-11-20T10:30:00.000Z", "{odd}");
    }

    let chosen = in_zone("/events?since=custom", "Asia%2FTokyo").await;
    assert_eq!(chosen.status(), 200, "without script the times are typed on the next page");
    assert!(chosen.text().await.unwrap().contains("<fieldset class=\"range\" data-custom-range>"));
    for list in ["/events", "/events/rejections"] {
        let wrong =
            in_zone(&format!("{list}?since=custom&from=20.11.2026&until=2026-11-21T08:00"), "Asia%2FTokyo").await;
        assert_eq!(wrong.status(), 422, "{list}");
        let page = wrong.text().await.unwrap();
        assert!(
            page.contains("value=\"20.11.2026\" title=\"\" aria-invalid=\"true\" aria-describedby=\"range-error\""),
            "{page}"
        );
        assert!(page.contains("value=\"2026-11-21T08:00\""), "what could be read is kept");
        assert!(page.contains("<p class=\"error\" id=\"range-error\">") && page.contains("is not a time"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_the_reader_s_own_with_utc_behind_them() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let (first, second) = (sender.store("1").await, sender.store("2").await);
    let session = server.cookie("alice@example.com").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let received = first.parse::<EventId>().unwrap().received_at();
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let own = in_zone("%a %-d %b %Y, %H:%M:%S%.3f UTC+9", received, &tokyo);
    let title = [
        in_zone("%-d %b %Y, %H:%M:%S UTC+9", received, &tokyo),
        in_zone("%-d %b %Y, %H:%M:%S UTC", received, &TimeZone::UTC),
    ]
    .join("\n");
    for path in [format!("/events/{first}"), format!("/events/{second}/comparison"), "/events/deletion".to_owned()] {
        let request =
            client.get(format!("{}{path}", server.url)).header("Cookie", format!("{session}; zone=Asia%2FTokyo"));
        let page = request.send().await.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("title=\"{title}\">{own}</time>")), "{path}: {page}");
        assert!(alice.page(&path).await.contains(" UTC</time>"), "{path}: where no zone is known");
    }
    let request =
        client.get(format!("{}/events", server.url)).header("Cookie", format!("{session}; zone=Asia%2FTokyo"));
    let page = request.send().await.unwrap().text().await.unwrap();
    let pager = between(&page, "aria-label=\"Pages of events\">", "</span>");
    assert!(pager.ends_with("UTC+9") && between(pager, "title=\"", "\"").ends_with(" UTC"), "{pager}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_named_by_its_username_or_its_id() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let (one, other, foreign) = (server.sender(&alice).await, server.sender(&alice).await, server.sender(&bob).await);
    let (stored, _) = (one.store(r#"{"n": 1}"#).await, other.store(r#"{"n": 2}"#).await);
    let id = alice.credential_id(&one.username).await;
    for said in [&id, &one.username, &id.to_uppercase()] {
        let page = alice.page(&format!("/events?credential={said}")).await;
        assert_eq!(ids(&page), std::slice::from_ref(&stored), "{said}");
        assert!(page.contains(&format!("<option value=\"{}\" selected>", one.username)), "the form shows it");
        assert!(page.contains(&format!("/events/live?credential={}", one.username)), "and links say the username");
        let export = alice.page(&format!("/events/export?credential={said}")).await;
        assert!(export.lines().count() == 1 && export.contains(&stored), "{export}");
        assert!(alice.page(&format!("/events/rejections?credential={said}")).await.contains("selected"));
        assert_eq!(alice.get(&format!("/events/live?credential={said}")).await.status(), 200);
    }
    let of_bob = bob.credential_id(&foreign.username).await;
    for strange in [of_bob.as_str(), "00000000-0000-7000-8000-000000000000", "rw_unknown1"] {
        for list in ["/events", "/events/rejections"] {
            let answer = alice.get(&format!("{list}?credential={strange}")).await;
            assert_eq!(answer.status(), 422, "{list} {strange}");
            let page = answer.text().await.unwrap();
            assert!(page.contains(&format!("You have no credential with the username or ID {strange}.")), "{page}");
        }
        assert_eq!(alice.get(&format!("/events/export?credential={strange}")).await.status(), 400, "{strange}");
    }
}
