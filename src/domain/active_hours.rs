//! The hours of the week in which events are expected: silence counts in these alone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Further back nothing is counted: the longest silence is 30 days, and a week has an hour at least.
const MOST_DAYS: usize = 400;

/// Some weekdays, and a part of each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveHours {
    /// A bit for each weekday, from Monday on.
    pub(crate) weekdays: u8,
    /// Minutes of the day. 1440 is its end.
    pub(crate) from: i16,
    pub(crate) to: i16,
    pub(crate) zone: TimeZone,
}

impl ActiveHours {
    /// Always.
    pub(crate) fn always() -> Self {
        Self { weekdays: 127, from: 0, to: 1_440, zone: TimeZone::UTC }
    }

    pub(crate) fn is_always(&self) -> bool {
        self.weekdays == 127 && self.from == 0 && self.to == 1_440
    }

    /// How much of a span lies within these hours, wherever the clocks there are set forward or back.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        if self.is_always() {
            return to.duration_since(from).max(SignedDuration::ZERO);
        }
        let first = self.zone.to_datetime(from).date();
        let last = self.zone.to_datetime(to).date();
        let days = std::iter::successors(Some(first), |day| day.checked_add(1.day()).ok());
        let days = days.take(MOST_DAYS).take_while(|day| *day <= last).filter(|day| self.has(*day));
        days.map(|day| self.part_of(day, from, to)).sum()
    }

    fn has(&self, day: Date) -> bool {
        self.weekdays & (1 << day.weekday().to_monday_zero_offset()) != 0
    }

    fn part_of(&self, day: Date, from: Timestamp, to: Timestamp) -> SignedDuration {
        let begin = self.moment(day, self.from).max(from);
        let end = self.moment(day, self.to).min(to);
        end.duration_since(begin).max(SignedDuration::ZERO)
    }

    fn moment(&self, day: Date, minute: i16) -> Timestamp {
        let (day, minute) = match minute {
            1_440 => (day.saturating_add(1.day()), 0),
            minute => (day, minute),
        };
        let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).unwrap_or(Time::midnight());
        self.zone.to_timestamp(day.to_datetime(time)).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::ActiveHours;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    // holds issue 18, section 2: weekdays and hours with zone; the clock driven through daylight saving
    #[test]
    fn silence_counts_within_the_hours_alone_also_where_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let office = ActiveHours { weekdays: 0b1_1111, from: 8 * 60, to: 18 * 60, zone: berlin.clone() };
        // Friday evening to Monday morning, over the end of summer time on Sunday.
        let (friday, monday) = (at("2026-10-23T15:00:00Z"), at("2026-10-26T08:00:00Z"));
        assert_eq!(office.within(friday, monday).as_hours(), 2, "an hour before 18:00, one after 08:00");
        let nights = ActiveHours { weekdays: 127, from: 0, to: 6 * 60, zone: berlin };
        let day = |from: &str, to: &str| nights.within(at(from), at(to)).as_hours();
        assert_eq!(day("2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z"), 7, "the night has an hour twice");
        assert_eq!(day("2026-03-28T23:00:00Z", "2026-03-29T12:00:00Z"), 5, "and an hour less in spring");
        assert_eq!(ActiveHours::always().within(friday, monday).as_hours(), 65);
        assert_eq!(office.within(monday, friday).as_secs(), 0);
    }
}
