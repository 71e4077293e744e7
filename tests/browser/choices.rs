//! What is chosen shows itself, what is long breaks, and what is wanted is near: in forced colours, in narrow windows, by keyboard
//! (issue 16, section 5).

use std::collections::BTreeSet;

use serde_json::json;
use thirtyfour::prelude::*;

use crate::camera::{Screen, set_screen};
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit, WEBHOOKS};

async fn resize(visit: &Visit, width: u64) {
    let screen = Screen { suffix: "", scheme: "light", width, height: 844, mobile: width < 500 };
    set_screen(&visit.browser, &screen).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forced_colours_show_what_is_chosen() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let id = server.sender(&maya).await.store("{}").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    visit.browser.cdp("Emulation.setEmulatedMedia", forced).await.unwrap();
    let differs = "const colour = css => getComputedStyle(document.querySelector(css)).backgroundColor;
        return ['.segmented', '.site-nav'].map(group => colour(group + ' [aria-current]') !== colour(group + ' a:not([aria-current])'))";
    visit.go("/events").await;
    assert_eq!(visit.ask(differs).await, json!([true, true]), "what is chosen has a background of its own");
    visit.go(&format!("/events/{id}")).await;
    let lines = "return [...document.querySelectorAll('.tabs > label')].map(label => getComputedStyle(label).borderBottomColor)";
    let lines = visit.ask(lines).await;
    let lines: Vec<&str> = lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines.len() == 3 && lines[0] != lines[1] && lines[1] == lines[2], "one tab is underlined: {lines:?}");
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_theme_is_a_choice_of_three_and_medium_words_are_bold() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    for (theme, words) in [("dark", "Dark theme"), ("light", "Light theme"), ("null", "Match system")] {
        visit.press("summary.account").await;
        assert_eq!(visit.count("[name=theme]").await, 3);
        visit.press_words("form[action='/theme'] button", words).await;
        let chosen = "return String(document.documentElement.dataset.theme ?? null)";
        visit.until(theme, async || (visit.ask(chosen).await == theme).then_some(())).await;
        visit.arrive("/events").await;
        let pressed = visit.ask("return document.querySelector('[name=theme][aria-pressed=true]').textContent").await;
        assert_eq!(pressed.as_str().unwrap().trim(), words);
    }
    // A weight of 500 is the regular one of many systems.
    let weight = "return getComputedStyle(document.querySelector('.btn')).fontWeight";
    assert_eq!(visit.ask(weight).await, "600");
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_names_and_addresses_scroll_nothing_sideways() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = maya.create_credential(&"Lagerverwaltungssystem".repeat(4)[..60]).await;
    let id = sender.store("{}").await;
    maya.post("/settings/account/name", &[("name", &"Hafenversorgungsgesellschaft".repeat(2))]).await;
    let email = format!("{}@harborsupply.example", "m".repeat(60));
    maya.post("/settings/account/email", &[("email", &email)]).await;
    let credential = maya.credential_id(&sender.username).await;
    maya.post(&format!("{WEBHOOKS}/credentials/{credential}/disabling"), &[]).await;
    let visit = Visit::begin(&server).await;
    visit.go("/login").await;
    visit.fill("#email", &email).await;
    visit.fill("#password", crate::support::server::PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive("/events").await;
    let wide = "return [document.documentElement, ...document.querySelectorAll('.panel-box')]
        .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.tagName + box.className)";
    for width in [1024, 390, 320] {
        resize(&visit, width).await;
        for path in [
            "/settings/audit",
            "/events",
            &format!("/events/{id}"),
            WEBHOOKS,
            &format!("{WEBHOOKS}?rename={credential}"),
            &format!("{WEBHOOKS}/credentials/{credential}/sender-settings"),
            "/settings/account",
            "/settings/sessions",
            "/settings/api-tokens/new",
            "/settings/consumers/new",
        ] {
            visit.go(path).await;
            assert_eq!(visit.ask(wide).await, json!([]), "{path} at {width}");
        }
    }
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_event_is_four_keys_away_and_each_link_has_a_name() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    for n in 0..10 {
        sender.store(format!(r#"{{"type":"invoice.paid","n":{n}}}"#)).await;
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    for key in [Key::Tab, Key::Tab, Key::Enter, Key::Tab] {
        visit.action_chain().send_keys(key).perform().await.unwrap();
    }
    assert_eq!(visit.ask("return document.activeElement.matches('tbody tr:first-child a')").await, true);
    let names =
        visit.ask("return [...document.querySelectorAll('.events-table tbody a')].map(a => a.textContent)").await;
    let names: BTreeSet<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(names.len() == 10 && names.iter().all(|name| name.contains("invoice.paid")), "{names:?}");
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_the_first_account_is_seen_and_judged_while_it_is_typed() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;
    visit.goto(server.application().setup_link().await.unwrap().unwrap()).await.unwrap();
    visit.fill("#email", MAYA).await;
    visit.fill("#password", "tide").await;
    visit.read("#password-strength", "8 more needed").await;
    visit.press("[data-reveal]").await;
    assert_eq!(visit.attribute("#password", "type").await, "text");
    visit.press("main form button.primary").await;
    visit.read("#password-error", "at least 12 characters").await;
    assert_eq!(visit.see("#email").await.prop("value").await.unwrap().unwrap(), MAYA, "what was typed is kept");
    assert_eq!(visit.see("#password").await.prop("value").await.unwrap().unwrap(), "", "but for the password");
    visit.fill("#password", "seven quiet otters read").await;
    visit.read("#password-strength", "Strong").await;
    // The same of the next one, in the account.
    visit.press("main form button.primary").await;
    visit.see("nav").await;
    visit.go("/settings/account").await;
    visit.fill("#new", "tide").await;
    visit.read("#new-strength", "8 more needed").await;
    visit.press("[data-reveal=new]").await;
    assert_eq!(visit.attribute("#new", "type").await, "text");
    visit.end_after(&[422]).await;
    server.stop().await;
}
