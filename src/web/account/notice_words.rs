//! The words of notices on the pages of the account.

use crate::domain::api_token::MAX_TOKENS;
use crate::web::notice::{
    AccountNotice, AlertsNotice, ConsumersNotice, DevicesNotice, NoticeWords, SecondFactorNotice, StoredEventsNotice,
    TokensNotice,
};

const OTHERS_ENDED: &str = "All your other sessions have ended. You’re still signed in here.";

/// What was just changed of an account, in which one signs in with an address.
pub(crate) fn of_account(notice: &AccountNotice, email: &str) -> NoticeWords {
    match notice {
        AccountNotice::Name => NoticeWords::ok("The name is changed.", ""),
        AccountNotice::Email => NoticeWords::ok(format!("From now on you sign in as {email}."), OTHERS_ENDED),
        AccountNotice::ConfirmationSent => NoticeWords::ok(
            "Check your mail.",
            format!("A link that confirms {email} is on its way. It works for 24 hours."),
        ),
        AccountNotice::ConfirmationNotSent => NoticeWords::bad(
            "No mail was sent.",
            format!("{email} got several of these mails already. Check its spam folder, or try again in an hour."),
        ),
        AccountNotice::Password => NoticeWords::ok("Your password is changed.", OTHERS_ENDED),
        AccountNotice::SecondFactorOff => {
            NoticeWords::ok("Two-step sign-in is off.", "Your password alone signs you in now.")
        }
    }
}

/// Which browsers were signed out.
pub(crate) fn of_devices(notice: &DevicesNotice) -> NoticeWords {
    let title = match notice {
        DevicesNotice::One => "That browser is signed out.".to_owned(),
        DevicesNotice::AllOthers(0) => "No other browser was signed in.".to_owned(),
        DevicesNotice::AllOthers(1) => "1 other browser is signed out.".to_owned(),
        DevicesNotice::AllOthers(ended) => format!("{ended} other browsers are signed out."),
    };
    let text = "This one stays signed in. If somebody else may know your password, change it too.";
    NoticeWords::ok(title, text).leading_to("/settings/account".to_owned(), "Change password")
}

/// What was done with an API token.
pub(crate) fn of_tokens(notice: &TokensNotice) -> NoticeWords {
    match notice {
        TokensNotice::Renamed => NoticeWords::ok("The token is renamed.", ""),
        TokensNotice::Revoked => NoticeWords::ok("The token is revoked.", "Programs that use it get 401 from now on."),
        TokensNotice::ShownBefore => NoticeWords::bad(
            "You’ve already sent this form.",
            "Nothing changed. The token was shown then, once. If you didn’t save it, rotate it.",
        ),
        TokensNotice::TwoValuesLive => NoticeWords::bad(
            "Nothing was changed.",
            "Two values of this token work already. Wait until the old one stops, or stop both now.",
        ),
        TokensNotice::TooMany => NoticeWords::bad(
            "Nothing was changed.",
            format!(
                "{MAX_TOKENS} API tokens work already. Revoke one that you no longer need, and rotate the expired one then."
            ),
        ),
    }
}

/// What was done with a consumer.
pub(crate) fn of_consumers(notice: &ConsumersNotice) -> NoticeWords {
    match notice {
        ConsumersNotice::Created => {
            NoticeWords::ok("The consumer is created.", "A program with an API token can read from it now.")
                .leading_to("/docs/webhooks/api#consumers".to_owned(), "How to read")
        }
        ConsumersNotice::CreatedBefore => NoticeWords::bad("You’ve already sent this form.", "Nothing changed now."),
        ConsumersNotice::Moved => NoticeWords::ok("The consumer is moved.", "Its program continues from there."),
        ConsumersNotice::Deleted => NoticeWords::ok("The consumer is deleted.", "Your events stay."),
    }
}

/// What was done about alerts, which are mailed to an address.
pub(crate) fn of_alerts(notice: &AlertsNotice, email: &str) -> NoticeWords {
    match notice {
        AlertsNotice::Acknowledged => {
            NoticeWords::ok("The alert is acknowledged.", "You’re not reminded of it unless it gets more urgent.")
        }
        AlertsNotice::Muted => NoticeWords::ok("The alert is muted.", "You’re told nothing of it until then."),
        AlertsNotice::Unmuted => NoticeWords::ok("The alert is no longer muted.", ""),
        AlertsNotice::RuleSaved => NoticeWords::ok("The rule is saved.", "It’s looked at once a minute."),
        AlertsNotice::RuleDeleted => NoticeWords::ok("The rule is deleted.", "What it told stays in the history."),
        AlertsNotice::Chosen => NoticeWords::ok("Your choice is saved.", ""),
        AlertsNotice::TestSent => NoticeWords::ok("A test alert is on its way.", format!("It goes to {email}.")),
        AlertsNotice::TestNotSent => NoticeWords::bad(
            "No test alert was sent.",
            format!("{email} isn’t confirmed, or got several already. Try again in an hour."),
        ),
    }
}

/// Why nothing was done about two-step sign-in.
pub(crate) fn of_second_factor(notice: &SecondFactorNotice) -> NoticeWords {
    match notice {
        SecondFactorNotice::AlreadyOff => NoticeWords::ok("Two-step sign-in is off already.", "Nothing was changed."),
    }
}

/// What was chosen about stored events.
pub(crate) fn of_stored_events(notice: &StoredEventsNotice) -> NoticeWords {
    match notice {
        StoredEventsNotice::WhenFull => NoticeWords::ok("Your choice is saved.", "It takes effect within a minute."),
    }
}
