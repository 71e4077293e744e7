//! `serve`: opens the database, starts the program, prints the card, and waits until it is asked to end.

use std::io::Write;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::checked::Config;
use crate::config::environment::wants_colours;
use crate::database::OpenDatabase;
use crate::server::application::{Application, StartError};
use crate::server::card::Card;
use crate::store::connection::standbys::Standbys;

/// Serves until `asked_to_end`, and for as long as is said after it; the second time ends that.
pub async fn serve(
    config: &Config,
    database: &OpenDatabase,
    mut asked_to_end: impl AsyncFnMut(),
) -> Result<(), StartError> {
    let application = Application::start(config, database.store.clone(), Clock::system()).await?;
    let setup_link = application.setup_link().await?;
    // Where people come in through a proxy, it has to be told where to find the program.
    let public = config.public_url.as_ref().map(|_| application.address);
    let listeners = [
        ("Public on", public, ""),
        ("Ingest on", application.ingest_address, ""),
        ("Metrics", application.metrics_address, "metrics"),
    ];
    let standbys = match database.store.connection().await {
        Ok(mut conn) => Standbys::find(&mut conn).await.ok(),
        Err(_) => None,
    };
    let card = Card {
        pages: &application.state.public_url,
        ingest: &application.state.ingest_url,
        listeners: listeners
            .into_iter()
            .filter_map(|(label, address, path)| Some((label, format!("http://{}/{path}", address?))))
            .collect(),
        database: database.description(),
        standbys,
        elsewhere: database.is_elsewhere(),
        setup_link: setup_link.as_deref(),
        colours: wants_colours(),
    };
    // Whoever started the program may have closed its output; that is no reason not to serve.
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{card}").and_then(|()| out.flush());
    drop(out);
    let mut may_end = async || {
        tokio::select! {
            () = asked_to_end() => {}
            () = database.keep_running() => {}
        }
    };
    may_end().await;
    if !config.drain.is_zero() {
        application.begin_to_drain();
        let seconds = config.drain.as_secs();
        tracing::info!(
            seconds,
            "asked to end: not ready any more, and answering for a while; asked again, it ends at once"
        );
        let _ = timeout(config.drain, may_end()).await;
    }
    tracing::info!("ending: finishing what is in flight");
    application.stop().await;
    tracing::info!("ended");
    Ok(())
}
