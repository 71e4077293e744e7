//! Whether upkeep may believe what time it is. It deletes by the clock, and a clock that is months ahead would have it delete everything
//! at once; so it compares all that it knows of the time, and while anything disagrees it deletes nothing.

use jiff::{SignedDuration, Timestamp};

/// How far the clocks of program and database may be apart, and how far a clock may go back.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// How far a stored event may be ahead of the database's clock, and how far that may move away from the time that passed.
const MAX_LEAP: SignedDuration = SignedDuration::from_hours(1);
/// How long upkeep may be away: a long weekend. A clock that jumped further cannot be told from a machine that was off.
const MAX_ABSENCE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How long upkeep has to run without any disagreement before it does what can be undone, and before it deletes for good: so whoever sees
/// to a wrong clock within two days loses nothing.
const STEADY_FOR: SignedDuration = SignedDuration::from_hours(24);
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// What time it is, for the program and for its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) program: Timestamp,
    pub(crate) database: Timestamp,
}

impl Clocks {
    pub(crate) fn difference(self) -> SignedDuration {
        self.program.duration_since(self.database).abs()
    }

    /// By this one, too little is old rather than too much.
    pub(crate) fn earlier(self) -> Timestamp {
        self.program.min(self.database)
    }
}

/// What speaks against the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing but that no upkeep has run before: there is nothing to compare with.
    FirstDay,
    ClocksDiffer,
    /// Within one program, the database's clock moved by something else than the time that passed.
    ClockJumped,
    /// The last upkeep was noted later than it is now.
    ClockWentBack,
    /// The last upkeep, or where none was noted the newest event, is so long ago that the clock may have jumped.
    LongAbsence,
    /// Events arrive that are stored under a later time than it is now.
    EventsAhead,
}

impl Doubt {
    const ALL: [Self; 6] = [
        Self::FirstDay,
        Self::ClocksDiffer,
        Self::ClockJumped,
        Self::ClockWentBack,
        Self::LongAbsence,
        Self::EventsAhead,
    ];

    /// As the database and the log have it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::FirstDay => "first_day",
            Self::ClocksDiffer => "clocks_differ",
            Self::ClockJumped => "clock_jumped",
            Self::ClockWentBack => "clock_went_back",
            Self::LongAbsence => "long_absence",
            Self::EventsAhead => "events_ahead",
        }
    }

    /// `None` for one of a later release.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.code() == code)
    }

    /// Whether the clock itself may be wrong.
    pub(crate) fn is_about_the_clock(self) -> bool {
        self != Self::FirstDay
    }
}

/// What a round of upkeep leaves for the next one, whichever program runs that. Times are the database's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) at: Timestamp,
    /// Since when nothing speaks against the clock.
    pub(crate) steady_since: Timestamp,
    /// What did so last, until upkeep deletes again.
    pub(crate) doubt: Option<Doubt>,
    pub(crate) newest_event: Option<Timestamp>,
}

/// What the same program read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Earlier {
    pub(crate) database: Timestamp,
    /// How much time has passed since, whatever any clock was set to.
    pub(crate) elapsed: SignedDuration,
}

/// All that is known of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readings {
    pub(crate) clocks: Clocks,
    /// When the newest stored event arrived, as its id says; `None` where there was none for days.
    pub(crate) newest_event: Option<Timestamp>,
    pub(crate) noted: Option<Noted>,
    pub(crate) earlier: Option<Earlier>,
}

/// What comes of the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What is too old by the database's clock may be deleted.
    Trusted,
    /// Weeks that are too old may be detached, which can be undone. The rest waits until `until`.
    Settling { until: Timestamp },
    /// Nothing is done to what is too old before `until`, and only then if nothing speaks against the clock meanwhile.
    Doubtful {
        doubt: Doubt,
        until: Timestamp,
        /// It shows in these readings; else in some not long ago.
        is_present: bool,
    },
}

impl Verdict {
    pub(crate) fn doubt(self) -> Option<Doubt> {
        match self {
            Self::Trusted | Self::Settling { .. } => None,
            Self::Doubtful { doubt, .. } => Some(doubt),
        }
    }
}

impl Readings {
    /// Whether upkeep may delete, and what is to be noted of it.
    pub(crate) fn judge(&self) -> (Verdict, Noted) {
        let (now, newest_event) = (self.clocks.database, self.newest_event);
        let present = self.present_doubt();
        let (doubt, steady_since) = match (present, self.noted) {
            (None, Some(noted)) => (noted.doubt.unwrap_or(Doubt::FirstDay), noted.steady_since),
            (doubt, _) => (doubt.unwrap_or(Doubt::FirstDay), now),
        };
        let after = |time| steady_since.saturating_add(time).unwrap_or(Timestamp::MAX);
        let verdict = if now < after(STEADY_FOR) {
            Verdict::Doubtful { doubt, until: after(STEADY_FOR), is_present: present.is_some() }
        } else if now < after(SETTLED_AFTER) {
            Verdict::Settling { until: after(SETTLED_AFTER) }
        } else {
            Verdict::Trusted
        };
        (verdict, Noted { at: now, steady_since, doubt: verdict.doubt(), newest_event })
    }

    /// What speaks against the clock just now, the plainest first.
    fn present_doubt(&self) -> Option<Doubt> {
        if self.clocks.difference() > TOLERANCE {
            return Some(Doubt::ClocksDiffer);
        }
        let now = self.clocks.database;
        let jumped = |earlier: Earlier| (now.duration_since(earlier.database) - earlier.elapsed).abs() > MAX_LEAP;
        if self.earlier.is_some_and(jumped) {
            return Some(Doubt::ClockJumped);
        }
        let is_ahead = |event: Timestamp| event.duration_since(now) > MAX_LEAP;
        let Some(noted) = self.noted else {
            return Some(match self.newest_event {
                Some(event) if is_ahead(event) => Doubt::EventsAhead,
                Some(event) if now.duration_since(event) > MAX_ABSENCE => Doubt::LongAbsence,
                _ => Doubt::FirstDay,
            });
        };
        if noted.at.duration_since(now) > TOLERANCE || noted.steady_since.duration_since(now) > TOLERANCE {
            return Some(Doubt::ClockWentBack);
        }
        if now.duration_since(noted.at) > MAX_ABSENCE {
            return Some(Doubt::LongAbsence);
        }
        // Those that came while a clock was wrong stay ahead for as long as it was: they count while more of them come.
        let arrives = |event: Timestamp| is_ahead(event) && noted.newest_event.is_none_or(|known| event > known);
        self.newest_event.is_some_and(arrives).then_some(Doubt::EventsAhead)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Clocks, Doubt, Earlier, Noted, Readings, Verdict};

    fn days(days: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * days)
    }

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    fn now() -> Timestamp {
        "2026-11-23T08:41:12Z".parse().unwrap()
    }

    /// A program that has run upkeep every hour for a month, and has just stored an event.
    fn steady() -> Readings {
        Readings {
            clocks: Clocks { program: now(), database: now() },
            newest_event: Some(now() - minutes(11)),
            noted: Some(Noted {
                at: now() - minutes(60),
                steady_since: now() - days(30),
                doubt: None,
                newest_event: Some(now() - minutes(71)),
            }),
            earlier: Some(Earlier { database: now() - minutes(60), elapsed: minutes(60) }),
        }
    }

    /// The same with another last round.
    fn noted(change: impl FnOnce(&mut Noted)) -> Readings {
        let mut noted = steady().noted.unwrap();
        change(&mut noted);
        Readings { noted: Some(noted), earlier: None, ..steady() }
    }

    fn assert_doubts(readings: Readings, doubt: Doubt) {
        let (verdict, noted) = readings.judge();
        let until = readings.clocks.database + days(1);
        assert_eq!(verdict, Verdict::Doubtful { doubt, until, is_present: true });
        assert_eq!((noted.steady_since, noted.doubt), (readings.clocks.database, Some(doubt)), "a day begins anew");
    }

    #[test]
    fn steady_upkeep_trusts_the_clock_and_goes_on_doing_so() {
        let (verdict, noted) = steady().judge();
        assert_eq!(verdict, Verdict::Trusted);
        let steady_since = steady().noted.unwrap().steady_since;
        assert_eq!(noted, Noted { at: now(), steady_since, doubt: None, newest_event: Some(now() - minutes(11)) });
        assert_eq!(Readings { newest_event: None, earlier: None, ..steady() }.judge().0, Verdict::Trusted);
    }

    #[test]
    fn an_installation_without_a_note_waits_for_a_day() {
        let first = Readings { noted: None, earlier: None, ..steady() };
        assert_doubts(Readings { newest_event: None, ..first }, Doubt::FirstDay);
        assert_doubts(first, Doubt::FirstDay);
        assert_doubts(Readings { newest_event: Some(now() - days(100)), ..first }, Doubt::LongAbsence);
        assert_doubts(Readings { newest_event: Some(now() + days(100)), ..first }, Doubt::EventsAhead);
        assert!(!Doubt::FirstDay.is_about_the_clock());
    }

    #[test]
    fn clocks_of_program_and_database_may_differ_by_minutes() {
        let differ = |by| Readings { clocks: Clocks { program: now() + by, database: now() }, ..steady() };
        for by in [days(100), -days(100), minutes(6), -minutes(6)] {
            assert_doubts(differ(by), Doubt::ClocksDiffer);
            assert_eq!(differ(by).clocks.difference(), by.abs());
        }
        for by in [minutes(4), -minutes(4)] {
            assert_eq!(differ(by).judge().0, Verdict::Trusted);
        }
        assert_eq!(differ(days(100)).clocks.earlier(), now());
        assert_eq!(differ(-days(100)).clocks.earlier(), now() - days(100));
    }

    #[test]
    fn a_long_weekend_is_an_absence_and_a_hundred_days_may_be_a_jump() {
        let away_since = |at| noted(|noted| noted.at = at);
        assert_eq!(away_since(now() - days(3)).judge().0, Verdict::Trusted);
        assert_doubts(away_since(now() - days(3) - minutes(1)), Doubt::LongAbsence);
        assert_doubts(away_since(now() - days(100)), Doubt::LongAbsence);
    }

    #[test]
    fn a_clock_that_moves_otherwise_than_the_time_that_passes_has_jumped() {
        let moved = |by, elapsed| Readings {
            earlier: Some(Earlier { database: now() - by, elapsed }),
            ..noted(|noted| noted.at = now() - minutes(1))
        };
        assert_doubts(moved(days(100), minutes(60)), Doubt::ClockJumped);
        assert_doubts(moved(minutes(122), minutes(60)), Doubt::ClockJumped);
        assert_doubts(moved(-minutes(2), minutes(60)), Doubt::ClockJumped);
        assert_eq!(moved(minutes(119), minutes(60)).judge().0, Verdict::Trusted);
        assert_eq!(moved(days(2), days(2)).judge().0, Verdict::Trusted, "the machine slept");
    }

    #[test]
    fn a_clock_behind_the_last_upkeep_went_back() {
        assert_doubts(noted(|noted| noted.at = now() + days(100)), Doubt::ClockWentBack);
        assert_doubts(noted(|noted| noted.steady_since = now() + days(99)), Doubt::ClockWentBack);
        let readings = noted(|noted| noted.at = now() + minutes(4));
        assert_eq!(readings.judge().0, Verdict::Trusted, "another server of the same database");
    }

    #[test]
    fn events_of_a_later_time_count_while_more_of_them_arrive() {
        let newest = |event, known| Readings { newest_event: Some(event), ..noted(|noted| noted.newest_event = known) };
        let ahead = now() + days(100);
        assert_doubts(newest(ahead, Some(now())), Doubt::EventsAhead);
        assert_doubts(newest(ahead, None), Doubt::EventsAhead);
        assert_doubts(newest(ahead, Some(ahead - minutes(30))), Doubt::EventsAhead);
        assert_eq!(newest(ahead, Some(ahead)).judge().0, Verdict::Trusted, "nobody sends them any more");
        assert_eq!(newest(now() + minutes(59), None).judge().0, Verdict::Trusted);
    }

    #[test]
    fn after_a_doubt_upkeep_has_to_run_steadily_for_two_days() {
        let mut noted = Readings { noted: None, newest_event: Some(now() - days(100)), ..steady() }.judge().1;
        for hour in 1..=48 {
            let at = now() + minutes(60 * hour);
            let readings = Readings {
                clocks: Clocks { program: at, database: at },
                noted: Some(noted),
                newest_event: Some(at),
                earlier: Some(Earlier { database: at - minutes(60), elapsed: minutes(60) }),
            };
            let (verdict, next) = readings.judge();
            let expected = match hour {
                ..24 => Verdict::Doubtful { doubt: Doubt::LongAbsence, until: now() + days(1), is_present: false },
                24..48 => Verdict::Settling { until: now() + days(2) },
                _ => Verdict::Trusted,
            };
            assert_eq!(verdict, expected, "after {hour} hours");
            noted = next;
        }
        assert_eq!((noted.doubt, noted.steady_since), (None, now()));
    }

    #[test]
    fn a_doubt_is_found_by_its_code() {
        for doubt in Doubt::ALL {
            assert_eq!(Doubt::from_code(doubt.code()), Some(doubt));
        }
        assert_eq!(Doubt::from_code("of a later release"), None);
    }
}
