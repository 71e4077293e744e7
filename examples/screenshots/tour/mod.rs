//! The way through all pages and states, in the order in which an account lives through them.

mod a_day;
mod account;
mod events;
mod first_run;
pub mod pages;
mod visitors;
mod webhooks;

use std::net::TcpListener;

use anyhow::{Context, Result};
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::server::application::Application;
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::camera::{Camera, Extent, SCREENS, set_screen};
use crate::shop::{MAYA, PASSWORD, Shop};
use crate::tour::pages::Witness;

const WEBHOOKS: &str = "/settings/integrations/webhooks";
const INVENTORY_AGENT: &str = "harbor-inventory/3.8 (+ops@harborsupply.example)";

/// The server of the tour: addresses look real, senders have addresses of their own, and visitors may sign up.
pub fn set_options(options: &mut Options) {
    options.ingest_url = Some("https://hooks.harborsupply.example/".to_owned());
    options.upgrade_url = Some("https://harborsupply.example/plans".to_owned());
    options.trusted_proxies = Some("127.0.0.1/32".to_owned());
    options.signup = "open".to_owned();
    // Links in mails lead to an address that is known beforehand. Nobody takes the mails: they wait.
    if let Ok(free) = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()) {
        options.bind = free.to_string();
        options.public_url = Some(format!("http://{free}"));
        options.smtp_url = Some("smtp://127.0.0.1:9".to_owned());
        options.mail_from = Some("noreply@harborsupply.example".to_owned());
    }
}

struct Tour<'a, C> {
    driver: &'a WebDriver,
    camera: &'a mut C,
    shop: Shop<'a>,
}

/// Shows every page and state to the camera, and fails if a page was left out. `stop_database` is called before the last ones, which show what happens without.
pub async fn take(
    application: &Application,
    database_url: &str,
    browser: &Browser,
    camera: &mut impl Camera,
    stop_database: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let (database, connection) = tokio_postgres::connect(database_url, tokio_postgres::NoTls).await?;
    // It ends with the database, and an error then is expected.
    let connection = tokio::spawn(connection);
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let url = format!("http://{}", application.address);
    let shop = Shop { state: &application.state, url, client, database };
    let mut witness = Witness::new(camera, &browser.driver);
    let mut tour = Tour { driver: &browser.driver, camera: &mut witness, shop };
    set_screen(browser, &SCREENS[0]).await?;

    tour.first_run(application).await?;
    let inventory = tour.first_credential().await?;
    let account = tour.shop.account_of(MAYA).await?;
    let event = tour.fill(account, &inventory).await?;
    tour.events(&event).await?;
    tour.webhooks(&inventory).await?;
    tour.settings().await?;
    tour.second_factor().await?;
    tour.docs().await?;
    tour.plans().await?;
    tour.required_actions(database_url).await?;
    tour.visitors().await?;

    let Tour { camera, shop, .. } = tour;
    drop(shop);
    let _ = connection.await;
    stop_database().await?;
    browser.driver.goto(format!("http://{}/events", application.address)).await?;
    // Whoever runs the server finds the request in its log.
    browser.driver.query(By::Css(".gate small code")).and_displayed().first().await.context("no request id")?;
    camera.take("error-503", "Error: no database", Extent::Window).await?;
    camera.confirm()
}

impl<C: Camera> Tour<'_, C> {
    async fn go(&self, path: &str) -> Result<()> {
        self.driver.goto(format!("{}{path}", self.shop.url)).await.with_context(|| path.to_owned())
    }

    async fn see(&self, css: &str) -> Result<WebElement> {
        let found = self.driver.query(By::Css(css)).and_displayed().first().await;
        found.with_context(|| format!("{css} is not on the page"))
    }

    async fn press(&self, css: &str) -> Result<()> {
        Ok(self.see(css).await?.click().await?)
    }

    async fn enter(&self, css: &str, text: &str) -> Result<()> {
        let field = self.see(css).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// A page at an address.
    async fn page(&mut self, path: &str, name: &'static str, title: &'static str) -> Result<()> {
        self.go(path).await?;
        self.camera.take(name, title, Extent::Page).await
    }

    /// A dialog at an address.
    async fn dialog(&mut self, path: &str, name: &'static str, title: &'static str) -> Result<()> {
        self.go(path).await?;
        self.see("dialog[open]").await?;
        self.camera.take(name, title, Extent::Window).await
    }

    async fn here(&mut self, name: &'static str, title: &'static str) -> Result<()> {
        self.camera.take(name, title, Extent::Page).await
    }

    async fn sign_in(&self, email: &str) -> Result<()> {
        self.driver.delete_all_cookies().await?;
        self.go("/login").await?;
        self.enter("#email", email).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see(".site-header .account").await.map(drop)
    }

    fn login(&self, fields: &str) -> reqwest::RequestBuilder {
        let login = self.shop.client.post(format!("{}/login", self.shop.url)).header("Sec-Fetch-Site", "same-origin");
        login.header("Content-Type", "application/x-www-form-urlencoded").body(fields.to_owned())
    }
}
