//! Alerts: what an account is told of without looking. Each subject of a kind has a state, which goes from `ok` over `pending` to
//! `firing` and `resolved`; what was told of it is kept beside that, so that one change is one message.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::alert_facts::Facts;
use crate::domain::alert_kind::{AlertKind, AlertState, Told};
use crate::domain::ids::{AccountId, AlertId};

/// The least time between two messages about one subject.
const BETWEEN_MESSAGES: SignedDuration = SignedDuration::from_mins(15);
/// What still fires is told again after so long, unless somebody has acknowledged it.
const REMINDED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// More changes of an account than these, seen at once, become one message.
pub(crate) const MAX_APART: usize = 5;
/// A resolved alert is listed for so long.
pub(crate) const LISTED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// One subject of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    pub(crate) id: AlertId,
    pub(crate) account: AccountId,
    /// The credential, API token or consumer that it is about, or the account.
    pub(crate) subject: Uuid,
    pub(crate) name: String,
    pub(crate) state: AlertState,
    /// How urgent it is, from 1.
    pub(crate) level: i16,
    /// Of the state.
    pub(crate) since: Timestamp,
    pub(crate) facts: Facts,
    /// What the last message said: a state, its level, and when the message was made.
    pub(crate) told: Option<(AlertState, i16, Timestamp)>,
    pub(crate) acknowledged_at: Option<Timestamp>,
    pub(crate) muted_until: Option<Timestamp>,
}

/// What is so now, and worth an alert.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) account: AccountId,
    pub(crate) subject: Uuid,
    pub(crate) name: String,
    pub(crate) facts: Facts,
    /// How long it has to be so before it fires.
    pub(crate) hold: SignedDuration,
}

impl Alert {
    /// One that nobody knew of.
    fn new(id: AlertId, seen: &Observation, now: Timestamp) -> Self {
        Self {
            id,
            account: seen.account,
            subject: seen.subject,
            name: seen.name.clone(),
            state: AlertState::Ok,
            level: 1,
            since: now,
            facts: seen.facts.clone(),
            told: None,
            acknowledged_at: None,
            muted_until: None,
        }
    }

    pub(crate) fn kind(&self) -> AlertKind {
        self.facts.kind()
    }

    pub(crate) fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }

    /// The alert after a look, which saw it, or did not.
    fn after(mut self, seen: Option<&Observation>, now: Timestamp) -> Self {
        use AlertState::{Firing, Ok, Pending, Resolved};
        let Some(seen) = seen else {
            match self.state {
                Pending => (self.state, self.since) = (Ok, now),
                Firing => (self.state, self.since) = (Resolved, now),
                Ok | Resolved => {}
            }
            return self;
        };
        let level = seen.facts.level(now).unwrap_or(1);
        let is_due = |since: Timestamp| now.duration_since(since) >= seen.hold;
        match self.state {
            Ok | Resolved => {
                (self.state, self.since) = (if is_due(now) { Firing } else { Pending }, now);
                self.acknowledged_at = None;
            }
            Pending if is_due(self.since) => (self.state, self.since) = (Firing, now),
            // Whoever acknowledged it did so when it was less urgent.
            Firing if level > self.level => self.acknowledged_at = None,
            Pending | Firing => {}
        }
        self.told = self.told.map(|(state, told, at)| (state, told.min(level), at));
        (self.level, self.name, self.facts) = (level, seen.name.clone(), seen.facts.clone());
        self
    }

    /// What is to be told of it now, if anything.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Told> {
        let told_at = self.told.map(|(.., at)| at);
        if self.is_muted(now) || told_at.is_some_and(|at| now.duration_since(at) < BETWEEN_MESSAGES) {
            return None;
        }
        match (self.state, self.told) {
            (AlertState::Firing, Some((AlertState::Firing, level, at))) if level >= self.level => {
                let is_time = now.duration_since(at) >= REMINDED_AFTER && self.acknowledged_at.is_none();
                is_time.then_some(Told::Still)
            }
            (AlertState::Firing, _) => Some(Told::Firing),
            (AlertState::Resolved | AlertState::Ok, Some((AlertState::Firing, ..))) => Some(Told::Resolved),
            _ => None,
        }
    }

    /// The same, after its message was made.
    pub(crate) fn told(mut self, now: Timestamp) -> Self {
        self.told = Some((self.state, self.level, now));
        self
    }

    /// Whether its state is another one than before, which is a line of the history.
    pub(crate) fn differs_from(&self, before: Option<&Alert>) -> bool {
        match before {
            Some(before) => {
                before.state != self.state || (self.state == AlertState::Firing && before.level != self.level)
            }
            None => true,
        }
    }
}

/// One alert before and after a look.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) before: Option<Alert>,
    pub(crate) after: Alert,
}

/// Takes the alerts that are open, or are known to be about what is so now, and what is so now together.
pub(crate) fn steps(
    known: Vec<Alert>,
    seen: Vec<Observation>,
    now: Timestamp,
    new_id: impl Fn() -> AlertId,
) -> Vec<Step> {
    type Key = (AccountId, AlertKind, Uuid);
    let mut seen: std::collections::HashMap<Key, Observation> =
        seen.into_iter().map(|one| ((one.account, one.facts.kind(), one.subject), one)).collect();
    let mut steps = Vec::with_capacity(known.len().max(seen.len()));
    for before in known {
        let observed = seen.remove(&(before.account, before.kind(), before.subject));
        let after = before.clone().after(observed.as_ref(), now);
        steps.push(Step { before: Some(before), after });
    }
    let mut new: Vec<Observation> = seen.into_values().collect();
    new.sort_by_key(|one| (one.account, one.subject));
    steps.extend(
        new.iter().map(|one| Step { before: None, after: Alert::new(new_id(), one, now).after(Some(one), now) }),
    );
    steps
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::{Alert, Observation, steps};
    use crate::domain::alert_facts::Facts;
    use crate::domain::alert_kind::{AlertState, Told};
    use crate::domain::ids::{AccountId, AlertId};

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(hours: i64) -> Timestamp {
        "2026-11-30T00:00:00Z".parse::<Timestamp>().unwrap() + HOUR * hours as i32
    }

    /// A password that ends at hour 480 is seen.
    fn password() -> Observation {
        Observation {
            account: AccountId(Uuid::from_u128(1)),
            subject: Uuid::from_u128(2),
            name: "Billing".to_owned(),
            facts: Facts::PasswordExpiring { hint: "k3Qz".to_owned(), made_at: at(0), ends_at: at(480) },
            hold: SignedDuration::ZERO,
        }
    }

    fn look(before: Option<Alert>, seen: Option<Observation>, now: Timestamp) -> Alert {
        let id = || AlertId(Uuid::from_u128(3));
        let mut steps = steps(before.into_iter().collect(), seen.into_iter().collect(), now, id);
        assert_eq!(steps.len(), 1);
        steps.remove(0).after
    }

    // holds issue 18, section 2: ok, pending, firing, resolved; one message a change
    #[test]
    fn an_alert_fires_is_told_once_and_told_when_it_is_over() {
        let alert = look(None, Some(password()), at(200));
        assert_eq!((alert.state, alert.level, alert.since), (AlertState::Firing, 1, at(200)));
        assert_eq!(alert.due(at(200)), Some(Told::Firing));
        let alert = look(Some(alert.told(at(200))), Some(password()), at(201));
        assert_eq!((alert.since, alert.due(at(201))), (at(200), None));
        let alert = look(Some(alert), None, at(202));
        assert_eq!((alert.state, alert.due(at(202))), (AlertState::Resolved, Some(Told::Resolved)));
        assert_eq!(alert.told(at(202)).due(at(203)), None);
    }

    // holds issue 18, section 2: 14, 3 and 1 day ahead
    #[test]
    fn it_is_told_again_when_it_gets_more_urgent_and_acknowledging_ends_with_that() {
        let mut alert = look(None, Some(password()), at(200)).told(at(200));
        alert.acknowledged_at = Some(at(201));
        assert_eq!(alert.due(at(300)), None, "no reminder of what is acknowledged");
        let alert = look(Some(alert), Some(password()), at(410));
        assert_eq!((alert.level, alert.due(at(410)), alert.acknowledged_at), (2, Some(Told::Firing), None));
        let alert = look(Some(alert.told(at(410))), Some(password()), at(457));
        assert_eq!((alert.level, alert.due(at(457))), (3, Some(Told::Firing)));
    }

    // holds issue 18, section 2: 15 minutes between messages of one subject, a daily reminder, mute
    #[test]
    fn messages_keep_their_distance_remind_daily_and_can_be_muted() {
        let alert = look(None, Some(password()), at(200)).told(at(200));
        let soon = at(200) + SignedDuration::from_mins(14);
        let resolved = look(Some(alert.clone()), None, soon);
        assert_eq!(resolved.due(soon), None);
        assert_eq!(resolved.due(at(200) + SignedDuration::from_mins(15)), Some(Told::Resolved));
        let again = look(Some(resolved), Some(password()), soon);
        assert_eq!(again.due(at(201)), None, "what came back before anything was told of it is no news");
        assert_eq!((alert.due(at(223)), alert.due(at(224))), (None, Some(Told::Still)));
        let muted = Alert { muted_until: Some(at(300)), ..alert };
        assert_eq!((muted.due(at(224)), muted.due(at(300))), (None, Some(Told::Still)));
    }

    #[test]
    fn what_has_to_last_is_pending_first_and_goes_without_a_word() {
        let seen = || Some(Observation { hold: HOUR, ..password() });
        let alert = look(None, seen(), at(200));
        assert_eq!((alert.state, alert.due(at(200))), (AlertState::Pending, None));
        let gone = look(Some(alert.clone()), None, at(200));
        assert_eq!((gone.state, gone.due(at(300))), (AlertState::Ok, None));
        let fired = look(Some(alert), seen(), at(201));
        assert_eq!((fired.state, fired.due(at(201))), (AlertState::Firing, Some(Told::Firing)));
    }
}
