//! Evaluates alerts: looks at what is so, changes states, and leaves messages to be sent, all in one transaction. One program at a time
//! does it, about once a minute; one that is killed meanwhile has changed nothing.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::domain::alert::{MAX_APART, Step, steps};
use crate::domain::alert_kind::{AlertKind, AlertState, Told};
use crate::domain::alert_message::AlertItem;
use crate::domain::ids::{AccountId, AlertId};
use crate::domain::mail::Mail;
use crate::random;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::alert_rules::{self, AlertSettings, Reader};
use crate::store::tables::{alert_sources, alerts, outgoing_mails};

/// An account that got so many mails about alerts within an hour gets the rest as one, later.
const MAX_MAILS_IN_HOUR: i64 = 30;
/// The most alerts that one mail names.
const MAX_ITEMS: usize = 50;

/// What an evaluation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Evaluation {
    pub changed: usize,
    pub mails: usize,
}

/// Evaluates the alerts of all accounts, unless another program does or has done so within the last minute. `is_ready`: events can be
/// stored, so that silence is not our own.
pub async fn evaluate(store: &Store, is_ready: bool, now: Timestamp) -> Result<Option<Evaluation>, StoreError> {
    store
        .transaction_without_standby(async |conn| {
            let Some(steady_since) = alerts::take_turn(conn, is_ready, now).await? else { return Ok(None) };
            let chosen = alert_rules::list_settings(conn).await?;
            let mut seen = alert_sources::observe(conn, steady_since, now).await?;
            seen.retain(|one| is_wanted(&chosen, one.account, one.facts.kind()));
            let known = alerts::list_known(conn, &seen).await?;
            let mut steps = steps(known, seen, now, || AlertId(random::growing_uuid_at(now)));
            let mails = tell(conn, due(&chosen, &mut steps, now), now).await?;
            let changed = save(conn, &steps, now).await?;
            Ok(Some(Evaluation { changed, mails }))
        })
        .await
}

fn is_wanted(chosen: &HashMap<AccountId, AlertSettings>, account: AccountId, kind: AlertKind) -> bool {
    chosen.get(&account).map_or_else(|| AlertSettings::default().has(kind), |settings| settings.has(kind))
}

/// What is due, by the account that wants to be told.
type Due<'a> = BTreeMap<AccountId, Vec<(&'a mut Step, Told)>>;

fn due<'a>(chosen: &HashMap<AccountId, AlertSettings>, steps: &'a mut [Step], now: Timestamp) -> Due<'a> {
    let mut due = Due::new();
    for step in steps {
        let account = step.after.account;
        if let Some(told) = step.after.due(now)
            && chosen.get(&account).is_none_or(|settings| settings.mails)
        {
            due.entry(account).or_default().push((step, told));
        }
    }
    due
}

/// Leaves what is due to be sent, and notes in each step that it is told.
async fn tell(conn: &mut Connection, due: Due<'_>, now: Timestamp) -> Result<usize, StoreError> {
    if due.is_empty() {
        return Ok(0);
    }
    let accounts: Vec<AccountId> = due.keys().copied().collect();
    let mut readers = alert_rules::list_readers(conn, &accounts, now).await?;
    readers.retain(|reader| reader.mails_in_hour < MAX_MAILS_IN_HOUR);
    let mut of: HashMap<AccountId, Vec<&Reader>> = HashMap::new();
    readers.iter().for_each(|reader| of.entry(reader.account).or_default().push(reader));
    let mut mails: Vec<(&Reader, Mail)> = Vec::new();
    for (account, due) in due {
        let Some(own) = of.get(&account) else { continue };
        let mut items = Vec::with_capacity(due.len());
        for (step, told) in due {
            items.push(AlertItem::new(&step.after, told));
            step.after = step.after.clone().told(now);
        }
        for mail in messages(items) {
            mails.extend(own.iter().map(|reader| (*reader, mail.clone())));
        }
    }
    if !mails.is_empty() {
        outgoing_mails::insert_alerts(conn, &mails, now).await?;
    }
    Ok(mails.len())
}

/// A message each, or one for all where these are many.
fn messages(mut items: Vec<AlertItem>) -> Vec<Mail> {
    if items.len() <= MAX_APART {
        return items.into_iter().map(|item| Mail::Alerts { items: vec![item], more: 0 }).collect();
    }
    let more = items.len().saturating_sub(MAX_ITEMS) as u64;
    items.truncate(MAX_ITEMS);
    vec![Mail::Alerts { items, more }]
}

/// Writes what has changed; answers with how many alerts have another state.
async fn save(conn: &mut Connection, steps: &[Step], now: Timestamp) -> Result<usize, StoreError> {
    let touched: Vec<_> =
        steps.iter().filter(|step| step.before.as_ref() != Some(&step.after)).map(|step| &step.after).collect();
    if !touched.is_empty() {
        alerts::save(conn, &touched).await?;
    }
    let is_history = |step: &&Step| {
        matches!(step.after.state, AlertState::Firing | AlertState::Resolved)
            && step.after.differs_from(step.before.as_ref())
    };
    let changed: Vec<_> = steps.iter().filter(is_history).map(|step| &step.after).collect();
    if !changed.is_empty() {
        alerts::note_changes(conn, &changed, now).await?;
    }
    Ok(changed.len())
}
