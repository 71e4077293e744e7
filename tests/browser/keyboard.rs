//! Nothing but keys: every control on the way is reached with Tab, shows that it has the focus, and answers to Enter, Space, the
//! arrows and Escape.

use thirtyfour::prelude::*;

use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit, WEBHOOKS};

/// No page has more controls than this before the one that is wanted.
const MOST_TABS: usize = 60;

/// Where the focus is: on the page itself, or on a control that shows a ring, alone or through its label or row.
const FOCUS: &str = "
    const focused = document.activeElement;
    if (!focused || focused === document.body) return 'nothing has the focus';
    const near = [focused, ...(focused.labels ?? []), focused.closest('tr'), focused.closest('.search')];
    const looks = near.filter(Boolean).flatMap(node => [null, '::before', '::after'].map(p => getComputedStyle(node, p)));
    const ringed = looks.some(look =>
        (look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 1) || look.boxShadow !== 'none');
    const box = focused.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const name = focused.outerHTML.slice(0, 200);
    if (!ringed) return 'no ring: ' + name;
    if (!inside) return 'out of sight: ' + name;
    const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const covered = middle && !focused.contains(middle) && !middle.contains(focused) && box.width > 2
        && !(middle.closest('label')?.contains(focused));
    return covered ? 'covered by ' + middle.outerHTML.slice(0, 100) + ': ' + name : '';
";

struct Keys<'a>(&'a Visit);

impl Keys<'_> {
    async fn press(&self, key: impl Into<TypingData>) {
        self.0.action_chain().send_keys(key).perform().await.unwrap();
    }

    async fn check_focus(&self) {
        assert_eq!(self.0.ask(FOCUS).await, "", "{}", self.0.path().await);
    }

    async fn is_on(&self, css: &str) -> bool {
        self.0.ask(&format!("return document.activeElement.matches({css:?})")).await == true
    }

    /// Goes on with Tab until a control has the focus; each on the way must show that it has it.
    async fn tab_to(&self, css: &str) {
        for _ in 0..MOST_TABS {
            if self.is_on(css).await {
                return;
            }
            self.press(Key::Tab).await;
            self.check_focus().await;
        }
        panic!("{css} is not reached with Tab on {}", self.0.path().await);
    }

    /// Waits for a control to have the focus without a key.
    async fn finds_focus_on(&self, css: &str) {
        self.0.until(&format!("focus on {css}"), async || self.is_on(css).await.then_some(())).await;
        self.check_focus().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_on_the_way_to_a_rotated_password_answers_to_the_keyboard() {
    let server = TestServer::start().await;
    server.create_account(MAYA, "pro").await;
    let visit = Visit::begin(&server).await;
    let keys = Keys(&visit);

    sign_in(&visit, &keys).await;
    generate(&visit, &keys).await;
    open_and_close(&visit, &keys).await;
    rotate(&visit, &keys).await;

    assert_eq!(server.number("select count(*) from credential_secrets").await, 2);
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}

async fn sign_in(visit: &Visit, keys: &Keys<'_>) {
    visit.go("/login").await;
    keys.finds_focus_on("#email").await;
    keys.press(MAYA).await;
    keys.tab_to("#password").await;
    keys.press(PASSWORD).await;
    keys.tab_to("[name=remember]").await;
    keys.press(" ").await;
    assert!(!visit.see("[name=remember]").await.is_selected().await.unwrap());
    keys.tab_to("form button").await;
    keys.press(Key::Enter).await;
    visit.arrive("/events").await;
}

async fn generate(visit: &Visit, keys: &Keys<'_>) {
    keys.tab_to(".skip-link").await;
    assert!(visit.shows(".skip-link").await);
    keys.tab_to(".site-nav a[href^='/settings']").await;
    keys.press(Key::Enter).await;
    visit.arrive(WEBHOOKS).await;
    keys.tab_to("#name").await;
    keys.press("Inventory system").await;
    keys.tab_to("main form button").await;
    keys.press(" ").await;
    visit.see("#password").await;
    keys.tab_to("[data-copy='#password']").await;
    keys.press(" ").await;
    visit.see("[data-copy='#password'][data-copied]").await;
    keys.check_focus().await;
    keys.tab_to("a[data-saved]").await;
    keys.press(Key::Enter).await;
    visit.see(".cred").await;
}

async fn open_and_close(visit: &Visit, keys: &Keys<'_>) {
    // The link before led to the credential, which is where Tab would go on.
    visit.go(WEBHOOKS).await;
    keys.tab_to("a[href='?new=1']").await;
    keys.press(Key::Enter).await;
    visit.see("dialog:modal").await;
    keys.finds_focus_on("dialog #name").await;
    keys.press(Key::Tab).await;
    keys.check_focus().await;
    keys.press(Key::Escape).await;
    keys.finds_focus_on("a[href='?new=1']").await;
    visit.until("the dialog has gone", async || (visit.count("dialog").await == 0).then_some(())).await;

    keys.tab_to(".cred details.menu > summary").await;
    keys.press(Key::Enter).await;
    visit.see(".cred details.menu[open]").await;
    keys.press(Key::Down).await;
    keys.finds_focus_on(".cred .menu-list a[href^='/events']").await;
    keys.press(Key::Up).await;
    keys.finds_focus_on(".cred .menu-list a.danger").await;
    keys.press(Key::Enter).await;
    visit.see("dialog:modal").await;
    keys.press(Key::Escape).await;
    // The link is hidden with its menu, so the focus goes back to what opens the menu.
    keys.finds_focus_on(".cred details.menu > summary").await;
    keys.press(Key::Enter).await;
    visit.see(".cred details.menu[open]").await;
    keys.press(Key::Escape).await;
    keys.finds_focus_on(".cred details.menu:not([open]) > summary").await;

    keys.press("?").await;
    visit.see("dialog:modal #shortcuts-title").await;
    keys.finds_focus_on("dialog button").await;
    keys.press(Key::Escape).await;
    keys.finds_focus_on(".cred details.menu > summary").await;
}

async fn rotate(visit: &Visit, keys: &Keys<'_>) {
    visit.open_credential().await;
    keys.tab_to(".cred a.btn[href^='?rotate=']").await;
    keys.press(Key::Enter).await;
    visit.see("dialog:modal").await;
    keys.finds_focus_on("#keep-24h").await;
    keys.press(Key::Up).await;
    keys.finds_focus_on("#keep-1h").await;
    assert!(visit.shows("dialog .outcome[data-for='1h']").await);
    keys.press(Key::Up).await;
    keys.finds_focus_on("#keep-now").await;
    assert!(visit.shows("dialog button.danger").await, "the consequence shows in the button");
    keys.press(Key::Down).await;
    keys.finds_focus_on("#keep-1h").await;
    keys.tab_to("dialog form button").await;
    keys.press(Key::Enter).await;
    visit.read("h1", "New password for Inventory system").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_keys_search_and_walk_through_the_events() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store(r#"{"order": 1}"#).await;
    let newest = sender.store(r#"{"order": 2}"#).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    let keys = Keys(&visit);

    visit.see(".events-table tbody a").await;
    keys.press("/").await;
    keys.finds_focus_on("#q").await;
    // While somebody types, letters are letters.
    keys.press("jl?").await;
    assert_eq!(visit.see("#q").await.value().await.unwrap().as_deref(), Some("jl?"));
    visit.go("/events").await;
    visit.see(".events-table tbody a").await;
    keys.press("j").await;
    keys.finds_focus_on(".events-table tbody tr:first-child a").await;
    keys.press(Key::Enter).await;
    visit.read("#peek .tree", "2").await;
    keys.finds_focus_on("#peek").await;
    keys.press("o").await;
    visit.arrive(&format!("/events/{newest}")).await;
    keys.press("g").await;
    keys.press("s").await;
    visit.arrive(WEBHOOKS).await;
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}
