//! The rules by choice: of one credential or consumer, or of the whole account, and when they apply.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::domain::active_hours::ActiveHours;
use crate::domain::alert_facts::span;
use crate::domain::alert_kind::AlertKind;

/// Those of an account.
pub(crate) const MAX_RULES: u32 = 200;

/// What an account wants to be told of.
#[derive(Clone, Debug)]
pub(crate) struct AlertRule {
    pub(crate) id: Uuid,
    pub(crate) kind: AlertKind,
    /// A credential, a consumer, or the account for all of its credentials.
    pub(crate) subject: Uuid,
    pub(crate) minutes: u32,
    /// The least rejections.
    pub(crate) at_least: u32,
    /// The least share of rejections, in percent; 0: any.
    pub(crate) percent: u8,
    pub(crate) hours: ActiveHours,
    pub(crate) created_at: Timestamp,
}

/// A rule as a form gives it: its words are those of the fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleFields<'a> {
    pub(crate) minutes: &'a str,
    pub(crate) at_least: &'a str,
    pub(crate) percent: &'a str,
    pub(crate) weekdays: &'a [String],
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) zone: &'a str,
}

/// Which field is wrong, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidRule {
    #[error("Choose a time from 15 minutes to 30 days.")]
    Minutes,
    #[error("Give a number from 1 to 1000000.")]
    AtLeast,
    #[error("Give a share from 1 to 100 percent, or leave it empty.")]
    Percent,
    #[error("Choose at least one weekday.")]
    Weekdays,
    #[error("Give times such as 08:00 and 18:00, the first before the second.")]
    Hours,
    #[error("Give a time zone such as Europe/Berlin.")]
    Zone,
}

/// The least time of a rule: events come in bursts.
const MINUTES: std::ops::RangeInclusive<u32> = 15..=30 * 24 * 60;
/// The weekdays as forms have them, from Monday on.
pub(crate) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl AlertRule {
    /// Reads a rule of a kind about a subject.
    pub(crate) fn parse(
        (id, kind, subject): (Uuid, AlertKind, Uuid),
        fields: &RuleFields<'_>,
        created_at: Timestamp,
    ) -> Result<Self, InvalidRule> {
        let minutes = fields.minutes.trim().parse().ok().filter(|minutes| MINUTES.contains(minutes));
        let mut rule = Self {
            id,
            kind,
            subject,
            minutes: minutes.ok_or(InvalidRule::Minutes)?,
            at_least: 0,
            percent: 0,
            hours: ActiveHours::always(),
            created_at,
        };
        match kind {
            AlertKind::Rejections => {
                let at_least = fields.at_least.trim().parse().ok().filter(|number| (1..=1_000_000).contains(number));
                rule.at_least = at_least.ok_or(InvalidRule::AtLeast)?;
                rule.percent = match fields.percent.trim() {
                    "" => 0,
                    text => text.parse().ok().filter(|share| (1..=100).contains(share)).ok_or(InvalidRule::Percent)?,
                };
            }
            AlertKind::Silence => rule.hours = hours(fields)?,
            _ => {}
        }
        Ok(rule)
    }

    /// When it applies, in words.
    pub(crate) fn words(&self) -> String {
        let span = span(self.minutes);
        match self.kind {
            AlertKind::Rejections if self.percent > 0 => {
                format!("At least {} rejected within {span}, and {} % of all.", self.at_least, self.percent)
            }
            AlertKind::Rejections => format!("At least {} rejected within {span}.", self.at_least),
            AlertKind::ConsumerBehind => format!("Events wait for {span}."),
            _ if self.hours.is_always() => format!("No event for {span}."),
            _ => format!("No event for {span} within {}.", self.hours_words()),
        }
    }

    /// `mon, tue, 08:00–18:00 Europe/Berlin`.
    fn hours_words(&self) -> String {
        let ActiveHours { weekdays, from, to, zone } = &self.hours;
        let days = WEEKDAYS.iter().enumerate().filter(|(place, _)| weekdays & (1 << place) != 0);
        let days: Vec<&str> = days.map(|(_, day)| *day).collect();
        let clock = |minute: &i16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let zone = zone.iana_name().unwrap_or("UTC");
        format!("{}, {}–{} {zone}", days.join(", "), clock(from), clock(to))
    }
}

/// Without times, whole days.
fn hours(fields: &RuleFields<'_>) -> Result<ActiveHours, InvalidRule> {
    let chosen = |day: &&str| fields.weekdays.iter().any(|one| one == day);
    let weekdays = WEEKDAYS.iter().enumerate().filter(|(_, day)| chosen(day)).map(|(place, _)| 1 << place).sum();
    if weekdays == 0 {
        return Err(InvalidRule::Weekdays);
    }
    let from = minute_of_day(fields.from, 0).ok_or(InvalidRule::Hours)?;
    let to = minute_of_day(fields.to, 1_440).ok_or(InvalidRule::Hours)?;
    if from >= to {
        return Err(InvalidRule::Hours);
    }
    let zone = match fields.zone.trim() {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| InvalidRule::Zone)?,
    };
    Ok(ActiveHours { weekdays, from, to, zone })
}

fn minute_of_day(text: &str, otherwise: i16) -> Option<i16> {
    let text = text.trim();
    if text.is_empty() {
        return Some(otherwise);
    }
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (i16, i16) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    let at = hour * 60 + minute;
    ((0..60).contains(&minute) && (0..=1_440).contains(&at)).then_some(at)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::{AlertRule, InvalidRule, RuleFields, WEEKDAYS};
    use crate::domain::alert_kind::AlertKind;

    fn read(kind: AlertKind, change: impl FnOnce(&mut RuleFields<'static>)) -> Result<String, InvalidRule> {
        static DAYS: std::sync::LazyLock<Vec<String>> =
            std::sync::LazyLock::new(|| WEEKDAYS.iter().map(|day| (*day).to_owned()).collect());
        let mut fields = RuleFields { minutes: "60", at_least: "5", weekdays: &DAYS, ..RuleFields::default() };
        change(&mut fields);
        let ids = (Uuid::nil(), kind, Uuid::nil());
        AlertRule::parse(ids, &fields, Timestamp::UNIX_EPOCH).map(|rule| rule.words())
    }

    // holds issue 18, section 2: silence from 15 minutes to 30 days, weekdays and hours with zone
    #[test]
    fn rules_are_read_within_their_bounds_and_say_what_they_do() {
        let silence = |change: fn(&mut RuleFields<'static>)| read(AlertKind::Silence, change);
        assert_eq!(silence(|_| {}), Ok("No event for 1 h.".to_owned()));
        for (minutes, is_right) in [("14", false), ("15", true), ("43200", true), ("43201", false), ("x", false)] {
            assert_eq!(read(AlertKind::Silence, |fields| fields.minutes = minutes).is_ok(), is_right, "{minutes}");
        }
        let office = silence(|fields| {
            (fields.weekdays, fields.from, fields.to, fields.zone) =
                (&fields.weekdays[..2], "08:00", "18:30", "Europe/Berlin");
        });
        assert_eq!(office, Ok("No event for 1 h within mon, tue, 08:00–18:30 Europe/Berlin.".to_owned()));
        assert_eq!(silence(|fields| fields.weekdays = &[]), Err(InvalidRule::Weekdays));
        assert_eq!(silence(|fields| (fields.from, fields.to) = ("18:00", "08:00")), Err(InvalidRule::Hours));
        assert_eq!(silence(|fields| fields.to = "24:01"), Err(InvalidRule::Hours));
        assert_eq!(silence(|fields| fields.zone = "Mars/Base"), Err(InvalidRule::Zone));
        let share = |percent| read(AlertKind::Rejections, move |fields| fields.percent = percent);
        assert_eq!(share("20"), Ok("At least 5 rejected within 1 h, and 20 % of all.".to_owned()));
        assert_eq!(share("101"), Err(InvalidRule::Percent));
        assert_eq!(read(AlertKind::Rejections, |fields| fields.at_least = "0"), Err(InvalidRule::AtLeast));
        assert_eq!(read(AlertKind::ConsumerBehind, |_| {}), Ok("Events wait for 1 h.".to_owned()));
    }
}
