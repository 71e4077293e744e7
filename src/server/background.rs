//! Background tasks.
//!
//! What the program does beside answering requests, until it ends: notes are written, instances wake each other, events are pruned,
//! expiries written down, deletions carried on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::app::delete_events::carry_out_deletions;
use crate::app::deliver_mail::{Delivery, deliver_next};
use crate::app::end_expired::end_all_expired_by;
use crate::app::enforce_storage::{full, list_used, make_room, wants_room};
use crate::app::evaluate_alerts::evaluate;
use crate::app::upkeep::Upkeep;
use crate::ingest::usage::Usage;
use crate::store::connection::error::StoreError;
use crate::web::app_state::AppState;
use crate::web::live::feeds::Feeds;

/// Between two rounds of upkeep.
const UPKEEP_EVERY: Duration = Duration::from_secs(3_600);

/// Between two looks at which passwords have expired.
const EXPIRIES_EVERY: Duration = Duration::from_secs(60);
/// Between two looks at whether a deletion was left behind.
const DELETIONS_EVERY: Duration = Duration::from_secs(60);
/// Between two looks at how much accounts with a limit store: so long, or so many times as long as the last one took.
const STORAGE_EVERY: Duration = Duration::from_secs(3);
const STORAGE_REST: u32 = 10;
/// After one that failed.
const STORAGE_AGAIN: Duration = Duration::from_secs(60);

/// Mails on their way at once, so that one that the server takes long over does not keep the others.
const MAIL_SENDERS: usize = 2;
/// Between two looks at whether a mail is due, and after one that failed.
const MAILS_EVERY: Duration = Duration::from_secs(2);
const MAILS_AGAIN: Duration = Duration::from_secs(60);

/// Between two looks at whether it is the turn of this program to evaluate alerts.
const ALERTS_EVERY: Duration = Duration::from_secs(10);

/// Starts it all; each task ends by itself when `ended` says so.
pub(crate) fn start(
    state: &web::Data<AppState>,
    feeds: &web::Data<Feeds>,
    usage: Usage,
    ended: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let over = || wait_for(ended.clone());
    let (noting, publishing, listening, reading, holding) = (over(), over(), over(), over(), over());
    let (publisher, instance_listener, reader, holder) = (state.clone(), state.clone(), feeds.clone(), state.clone());
    let is_crowded = Arc::new(Notify::new());
    let mut tasks = vec![
        tokio::spawn(async move { usage.run(noting).await }),
        tokio::spawn(async move { publisher.engine.notifier.publish(&publisher.store, publishing).await }),
        tokio::spawn(async move {
            instance_listener.engine.notifier.listen_to_instances(&instance_listener.store, listening).await
        }),
        tokio::spawn(async move { reader.look_after(reading).await }),
        tokio::spawn(async move {
            holding.await;
            holder.engine.holding.finish().await;
        }),
        tokio::spawn(upkeep(state.clone(), over())),
        tokio::spawn(note_expiries(state.clone(), over())),
        tokio::spawn(go_on_deleting(state.clone(), over())),
        tokio::spawn(watch_storage(state.clone(), is_crowded.clone(), over())),
        tokio::spawn(keep_room(state.clone(), is_crowded, over())),
        tokio::spawn(evaluate_alerts(state.clone(), over())),
    ];
    tasks.extend((0..MAIL_SENDERS).map(|_| tokio::spawn(send_mails(state.clone(), ended.clone()))));
    tasks
}

/// Sends the mails that are due, until the end. A conversation that has begun is gone on with: given up, its mail might come twice.
async fn send_mails(state: web::Data<AppState>, mut ended: watch::Receiver<bool>) {
    let Some(mailer) = &state.mailer else { return };
    while !*ended.borrow() {
        let (mails, origin) = (&state.mails, &state.public_url);
        match deliver_next(&state.store, (mailer, origin), &state.keys, &state.clock).await {
            Ok(Delivery::Sent) => mails.sent.add(1),
            Ok(Delivery::Retried) => mails.retried.add(1),
            Ok(Delivery::Failed) => mails.failed.add(1),
            Ok(Delivery::NothingDue) => pause(&mut ended, MAILS_EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "mails that are due were not sent; it is tried again in a minute");
                pause(&mut ended, MAILS_AGAIN).await;
            }
        }
    }
}

async fn pause(ended: &mut watch::Receiver<bool>, time: Duration) {
    let _ = tokio::time::timeout(time, ended.wait_for(|ended| *ended)).await;
}

/// Has upkeep run now and then, until the end.
async fn upkeep(state: web::Data<AppState>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    let mut upkeep = Upkeep::new(state.retention_days, state.clock.clone());
    loop {
        tokio::select! {
            outcome = upkeep.round(&state.store, &state.upkeep) => {
                if let Err(error) = outcome {
                    state.upkeep_failures.add(1);
                    tracing::warn!(%error, "a round of upkeep is unfinished; the next one tries again");
                }
            }
            () = &mut ended => return,
        }
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_EVERY) => {}
            () = &mut ended => return,
        }
    }
}

/// Writes down which passwords have expired, until the end. They stop by themselves; only the line in the audit log waits for it.
async fn note_expiries(state: web::Data<AppState>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    loop {
        let round = async {
            if let Err(error) = end_all_expired_by(&state.store, &state.clock, &state.upkeep).await {
                tracing::warn!(%error, "expired passwords were not written down; it is tried again in a minute");
            }
            tokio::time::sleep(EXPIRIES_EVERY).await;
        };
        tokio::select! {
            () = round => {}
            () = &mut ended => return,
        }
    }
}

/// Goes on with deletions of events that another program left behind, or this one before it was started again.
async fn go_on_deleting(state: web::Data<AppState>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    loop {
        let round = async {
            if let Err(error) = carry_out_deletions(&state.store, || state.clock.now()).await {
                tracing::warn!(%error, "deletions of events were interrupted; they go on in a minute");
            }
            tokio::time::sleep(DELETIONS_EVERY).await;
        };
        tokio::select! {
            () = round => {}
            () = &mut ended => return,
        }
    }
}

/// Looks at which accounts store as much as they may, until the end, and notifies whoever makes room in them.
async fn watch_storage(state: web::Data<AppState>, is_crowded: Arc<Notify>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    loop {
        let round = async {
            let began = Instant::now();
            let pause = match list_used(&state.store, state.retention_days, state.clock.now()).await {
                Ok(used) => {
                    state.engine.full_accounts.replace(full(&used));
                    if used.iter().any(wants_room) {
                        is_crowded.notify_one();
                    }
                    STORAGE_EVERY.max(began.elapsed() * STORAGE_REST)
                }
                Err(error) => {
                    tracing::warn!(%error, "storage limits were not looked at; it is tried again in a minute");
                    STORAGE_AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        };
        tokio::select! {
            () = round => {}
            () = &mut ended => return,
        }
    }
}

/// Has the oldest events deleted of accounts that have chosen it, until the end. Looking does not wait for it, and it counts anew: what
/// was seen before the last events went would have too many go.
async fn keep_room(state: web::Data<AppState>, is_crowded: Arc<Notify>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    loop {
        let round = async {
            is_crowded.notified().await;
            if let Err(error) = make_room_anew(&state).await {
                tracing::warn!(%error, "no room was made in accounts that are full; it is tried again");
            }
        };
        tokio::select! {
            () = round => {}
            () = &mut ended => return,
        }
    }
}

async fn make_room_anew(state: &AppState) -> Result<(), StoreError> {
    let used = list_used(&state.store, state.retention_days, state.clock.now()).await?;
    make_room(&state.store, &used).await
}

/// Evaluates alerts when it is this program's turn, until the end.
async fn evaluate_alerts(state: web::Data<AppState>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    loop {
        let round = async {
            let is_ready = state.engine.writers.health().check(state.clock.now()).await.is_ok();
            if let Err(error) = evaluate(&state.store, is_ready, state.clock.now()).await {
                tracing::warn!(%error, "alerts were not evaluated; it is tried again");
            }
            tokio::time::sleep(ALERTS_EVERY).await;
        };
        tokio::select! {
            () = round => {}
            () = &mut ended => return,
        }
    }
}

/// When the program ends.
async fn wait_for(mut flag: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the end as well.
    let _ = flag.wait_for(|ended| *ended).await;
}
