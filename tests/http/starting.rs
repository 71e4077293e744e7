//! What keeps the program from serving is told with what to change.

use std::net::TcpListener;

use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::server::application::Application;
use reasoner_webhooks::store::connection::pool::Store;

use crate::support::postgres::new_database;
use crate::support::server::options;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_in_use_is_named_with_the_flag_it_was_given_with() {
    type Change = fn(&mut Options, String);
    let listeners: [(&str, Change); 3] = [
        ("--bind (BIND)", |options, address| options.bind = address),
        ("--ingest-bind (INGEST_BIND)", |options, address| options.ingest_bind = Some(address)),
        ("--metrics-bind (METRICS_BIND)", |options, address| options.metrics_bind = Some(address)),
    ];
    let database_url = new_database().await;
    for (flag, change) in listeners {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut options = options(&database_url);
        change(&mut options, address.clone());
        let store = Store::open(&database_url).await.unwrap();
        let Err(error) = Application::start(&Config::check(options).unwrap(), store, Clock::system()).await else {
            panic!("{flag} takes an address that is in use");
        };
        let words = error.to_string();
        assert!(words.starts_with(&format!("{address} cannot be listened on")), "{words}");
        assert!(words.contains(&format!("Choose another address with {flag}")), "{words}");
    }
}
