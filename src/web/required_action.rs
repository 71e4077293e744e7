//! Required actions: what a reader has to do before anything else.
//!
//! Whoever signs in with a password that was generated for them chooses one of their own first; and where the operator requires it, whoever
//! has no second factor turns two-step sign-in on. Until then every other page leads there.

use crate::domain::account::Member;
use crate::web::app_state::AppState;

/// What has to be done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequiredAction {
    ChangePassword,
    TurnOnSecondFactor,
}

impl RequiredAction {
    /// What a member has to do.
    pub(crate) fn of(state: &AppState, member: &Member) -> Option<Self> {
        if member.password_expires_at.is_some() {
            return Some(RequiredAction::ChangePassword);
        }
        (state.requires_second_factor && !member.has_second_factor).then_some(RequiredAction::TurnOnSecondFactor)
    }

    /// The page where it is done.
    pub(crate) fn page(self) -> &'static str {
        match self {
            RequiredAction::ChangePassword => "/settings/account",
            RequiredAction::TurnOnSecondFactor => "/settings/account/second-factor",
        }
    }

    /// Whether a page, or a form on it, is a part of doing it.
    pub(crate) fn needs(self, path: &str) -> bool {
        match self {
            RequiredAction::ChangePassword => [self.page(), "/settings/account/password"].contains(&path),
            RequiredAction::TurnOnSecondFactor => path == self.page(),
        }
    }
}
