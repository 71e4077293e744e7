//! What people do about alerts: acknowledge one, mute it, make and delete rules, and choose what they are told of.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::app::failure::{Failure, carries_failure};
use crate::app::member_act::MemberAct;
use crate::domain::alert::Alert;
use crate::domain::alert_kind::{AlertKind, AlertState};
use crate::domain::alert_rule::{AlertRule, MAX_RULES};
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::AlertId;
use crate::domain::mail::Mail;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::alert_rules::AlertSettings;
use crate::store::tables::{account_limits, alert_rules, alerts, audit, outgoing_mails, users};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AlertError {
    #[error("there is no such alert or rule")]
    NotFound,
    #[error("this account has {MAX_RULES} rules, which is its limit; delete one that is no longer needed")]
    TooMany,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(AlertError);

/// Locks an alert and lets `change` do what it does, which gives the action for the audit trail, if there is anything to say.
async fn on_alert(
    MemberAct { store, member, act }: MemberAct<'_>,
    id: AlertId,
    change: impl AsyncFnOnce(&mut Connection, &Alert) -> Result<Option<Action>, StoreError>,
) -> Result<(), AlertError> {
    store
        .transaction_under(&alerts::lock(member.account_id, id), async |conn| {
            let alert = alerts::find(conn, member.account_id, id).await?.ok_or(AlertError::NotFound)?;
            if let Some(action) = change(conn, &alert).await? {
                let line = AuditLine::new(action, &alert.name).with(about(alert.kind()));
                audit::append(conn, member.account_id, act, line).await?;
            }
            Ok(())
        })
        .await
}

fn about(kind: AlertKind) -> AuditDetail {
    AuditDetail::Name { name: kind.title().to_owned() }
}

/// Somebody looks after it: no reminders come until it gets more urgent. What is over needs none.
pub(crate) async fn acknowledge_alert(on: MemberAct<'_>, id: AlertId) -> Result<(), AlertError> {
    let at = on.act.at;
    on_alert(on, id, async |conn, alert| {
        if alert.acknowledged_at.is_some() || alert.state == AlertState::Resolved {
            return Ok(None);
        }
        alerts::acknowledge(conn, id, Some(at)).await?;
        Ok(Some(Action::AlertAcknowledged))
    })
    .await
}

/// Nothing is told of it for a time; `None`: from now on again.
pub(crate) async fn mute_alert(
    on: MemberAct<'_>,
    id: AlertId,
    time: Option<SignedDuration>,
) -> Result<Option<Timestamp>, AlertError> {
    let until = time.map(|time| on.act.at.saturating_add(time).unwrap_or(Timestamp::MAX));
    on_alert(on, id, async |conn, _| {
        alerts::mute(conn, id, until).await?;
        Ok(Some(if until.is_some() { Action::AlertMuted } else { Action::AlertUnmuted }))
    })
    .await?;
    Ok(until)
}

/// Makes a rule, or changes the one of its kind about the same.
pub(crate) async fn save_rule(
    MemberAct { store, member, act }: MemberAct<'_>,
    rule: &AlertRule,
) -> Result<(), AlertError> {
    let account = member.account_id;
    store
        .transaction_under(&account_limits::lock(account), async |conn| {
            if !alert_rules::has_subject(conn, account, (rule.kind, rule.subject)).await? {
                return Err(AlertError::NotFound);
            }
            alert_rules::save(conn, account, rule).await?;
            if alert_rules::count(conn, account).await? > u64::from(MAX_RULES) {
                return Err(AlertError::TooMany);
            }
            let line = AuditLine::new(Action::AlertRuleSaved, rule.kind.title());
            Ok(audit::append(conn, account, act, line.with(AuditDetail::Name { name: rule.words() })).await?)
        })
        .await
}

/// Deletes a rule, and forgets the alert that it made.
pub(crate) async fn delete_rule(MemberAct { store, member, act }: MemberAct<'_>, id: Uuid) -> Result<(), AlertError> {
    let account = member.account_id;
    store
        .transaction(async |conn| {
            let gone = alert_rules::delete(conn, account, id).await?;
            let (kind, subject) = gone.ok_or(AlertError::NotFound)?;
            alerts::forget(conn, account, &[kind], Some(subject)).await?;
            Ok(audit::append(conn, account, act, AuditLine::new(Action::AlertRuleDeleted, kind.title())).await?)
        })
        .await
}

/// Chooses which kinds without rules are told of, and whether by mail. Alerts of the others are forgotten.
pub(crate) async fn choose_alerts(
    MemberAct { store, member, act }: MemberAct<'_>,
    chosen: &AlertSettings,
) -> Result<(), Failure> {
    let account = member.account_id;
    let off: Vec<AlertKind> = AlertKind::switched().filter(|kind| !chosen.has(*kind)).collect();
    let choosing = store
        .transaction(async |conn| {
            if alert_rules::find_settings(conn, account).await? == *chosen {
                return Ok::<_, StoreError>(());
            }
            alert_rules::save_settings(conn, account, chosen).await?;
            alerts::forget(conn, account, &off, None).await?;
            audit::append(conn, account, act, AuditLine::new(Action::AlertSettingsChanged, "")).await
        })
        .await;
    Ok(choosing?)
}

/// Sends a message that says it is a test to the user, by the way that alerts come; `false` where none can come, or several were sent.
pub(crate) async fn test_alerts(MemberAct { store, member, act }: MemberAct<'_>) -> Result<bool, Failure> {
    let sending = store
        .transaction(async |conn| {
            users::lock(conn, member.user_id).await?;
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::AlertTest, act.at).await
        })
        .await;
    Ok(sending?)
}
