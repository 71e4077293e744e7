//! What upkeep does while it cannot tell what time it is: it deletes nothing, and says so. With clocks that are wrong for real, this is
//! tried in `tests/chaos/clocks.rs`.

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::end_expired::end_all_expired_by;
use reasoner_webhooks::app::upkeep::{Upkeep, UpkeepState};
use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::store::connection::pool::Store;

use crate::command_line::Terminal;
use crate::support::postgres::{self, new_database};
use crate::support::server::TestServer;
use crate::support::upkeep::STEADY;
use crate::upkeep::LEFT_BEHIND;

/// How much is left of what is too old.
const LEFT: &str = "select (select count(*) from idempotency_keys), (select count(*) from rejections), \
     (select count(*) from event_removals)";

async fn left(address: &str) -> Vec<String> {
    postgres::query(address, LEFT).await.remove(0).into_iter().flatten().collect()
}

/// The clock of a program that is ahead.
fn ahead_by(time: SignedDuration) -> Clock {
    Clock::from_fn(move || Timestamp::now() + time)
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_that_is_new_deletes_nothing_for_two_days() {
    let address = new_database().await;
    postgres::query(&address, LEFT_BEHIND).await;
    let (store, state) = (Store::open(&address).await.unwrap(), UpkeepState::default());
    let mut upkeep = Upkeep::new(90, Clock::system());
    for hours in [0, 23, 25, 47] {
        postgres::query(&address, &format!("update upkeep set steady_since = now() - interval '{hours} hours'")).await;
        upkeep.round(&store, &state).await.unwrap();
        assert_eq!(left(&address).await, ["1", "1", "1"]);
        assert!(!state.is_in_doubt(), "nothing speaks against the clock");
    }
    postgres::query(&address, "update upkeep set steady_since = now() - interval '48 hours'").await;
    upkeep.round(&store, &state).await.unwrap();
    assert_eq!(left(&address).await, ["0", "0", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_of_two_with_a_wrong_clock_deletes_nothing_and_holds_the_other_up() {
    let address = new_database().await;
    postgres::query(&address, &format!("{LEFT_BEHIND}; {STEADY}")).await;
    let store = Store::open(&address).await.unwrap();
    let (wrong, right) = (UpkeepState::default(), UpkeepState::default());
    let mut wrong_one = Upkeep::new(90, ahead_by(days(100)));
    wrong_one.round(&store, &wrong).await.unwrap();
    assert!(wrong.is_in_doubt() && wrong.difference_seconds() > 8_639_000.0);
    let mut right_one = Upkeep::new(90, Clock::system());
    right_one.round(&store, &right).await.unwrap();
    assert!(right.is_in_doubt() && right.difference_seconds() < 60.0, "which of them is wrong, it cannot know");
    assert_eq!(left(&address).await, ["1", "1", "1"]);
    postgres::query(&address, "update upkeep set steady_since = now() - interval '48 hours'").await;
    right_one.round(&store, &right).await.unwrap();
    assert!(!right.is_in_doubt());
    assert_eq!(left(&address).await, ["0", "0", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_while_the_program_runs_is_noticed() {
    let address = new_database().await;
    postgres::query(&address, &format!("{LEFT_BEHIND}; {STEADY}")).await;
    let (store, state) = (Store::open(&address).await.unwrap(), UpkeepState::default());
    // The last round was noted by a clock that is ahead of the present one, and then by one that is behind it.
    let noted = ["now() + interval '10 minutes'", "now() - interval '73 hours'"];
    for noted in noted {
        postgres::query(&address, &format!("{STEADY}; update upkeep set noted_at = {noted}")).await;
        Upkeep::new(90, Clock::system()).round(&store, &state).await.unwrap();
        assert!(state.is_in_doubt(), "{noted}");
        assert_eq!(left(&address).await, ["1", "1", "1"], "{noted}");
    }
    // Events of a time that is to come.
    let ahead = "insert into event_counts (account_id, credential_id, half_hour, writer, accepted) \
         values (gen_random_uuid(), gen_random_uuid(), now() + interval '2 hours', gen_random_uuid(), 1)";
    postgres::query(&address, &format!("{STEADY}; {ahead}")).await;
    Upkeep::new(90, Clock::system()).round(&store, &state).await.unwrap();
    assert!(state.is_in_doubt());
    assert_eq!(left(&address).await, ["1", "1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_made_for_the_program_s_time_and_for_the_database_s() {
    let address = new_database().await;
    let (store, state) = (Store::open(&address).await.unwrap(), UpkeepState::default());
    Upkeep::new(90, ahead_by(days(100))).round(&store, &state).await.unwrap();
    let weeks = "select count(*) from pg_inherits where inhparent = 'events'::regclass";
    assert_eq!(postgres::query(&address, weeks).await[0][0].as_deref(), Some("12"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_written_down_as_expired_by_a_clock_that_is_ahead() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    server.query("update credential_secrets set expires_at = now() + interval '10 days'").await;
    let store = &server.application().state.store;
    let held = "select count(*) from credential_secrets where slot is not null";
    let state = UpkeepState::default();
    end_all_expired_by(store, &Clock::system(), &state).await.unwrap();
    Upkeep::new(90, ahead_by(days(100))).round(store, &state).await.unwrap();
    end_all_expired_by(store, &ahead_by(days(100)), &state).await.unwrap();
    assert_eq!(server.number(held).await, 1);
    assert_eq!(sender.status().await, 200);
    server.query(&format!("{STEADY}; update credential_secrets set expires_at = now() - interval '1 second'")).await;
    end_all_expired_by(store, &Clock::system(), &state).await.unwrap();
    assert_eq!(server.number(held).await, 1, "nobody knows what time it is");
    Upkeep::new(90, Clock::system()).round(store, &state).await.unwrap();
    end_all_expired_by(store, &Clock::system(), &state).await.unwrap();
    assert_eq!(server.number(held).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_whether_upkeep_deletes_and_what_speaks_against_the_clock() {
    let terminal = Terminal::new().await;
    let address = terminal.database_url.clone();
    let doctor = async |sql: &str| {
        postgres::query(&address, sql).await;
        let output = terminal.command(&["doctor"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find(|line| line.contains("upkeep ")).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let noted = |change: &str| format!("{STEADY}; update upkeep set {change}");
    let ahead = "insert into event_counts (account_id, credential_id, half_hour, writer, accepted) \
         values (gen_random_uuid(), gen_random_uuid(), now() + interval '2 hours', gen_random_uuid(), 1)";
    for (sql, line) in [
        ("".to_owned(), "hint  upkeep has not run yet: `serve` runs it"),
        (STEADY.to_owned(), "ok    upkeep ran at "),
        (noted("steady_since = now()"), "ok    upkeep deletes nothing before "),
        (noted("steady_since = now() - interval '25 hours'"), "ok    upkeep detaches weeks that are too old, and "),
        (noted("noted_at = now() - interval '100 days'"), "hint  upkeep deletes nothing before "),
        (noted("noted_at = now() + interval '100 days'"), "FAIL  upkeep deletes nothing before "),
        (noted("steady_since = now(), doubt = 'clock_went_back'"), "hint  upkeep deletes nothing before "),
        (format!("{STEADY}; {ahead}"), "FAIL  upkeep deletes nothing before "),
    ] {
        let said = doctor(&sql).await;
        assert!(said.starts_with(line), "{line} in {said}");
        assert_eq!(said.contains("set the clock that is wrong"), !line.starts_with("ok") && !sql.is_empty(), "{said}");
    }
}
