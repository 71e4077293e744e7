//! The sign-in link of an account, as commands print it.

use jiff::Timestamp;
use serde::Serialize;

use crate::app::member_act::MemberAct;
use crate::app::sign_in_link::make_sign_in_link;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::account::Member;
use crate::domain::secret::Secret;
use crate::domain::time::rfc3339;

/// A link that signs its user in, once.
pub(crate) struct SignInLink {
    address: Secret,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct LinkRecord<'a> {
    email: &'a str,
    link: &'a str,
    expires_at: String,
}

impl SignInLink {
    /// Makes one, which ends the one before.
    pub(crate) async fn make(user: MemberAct<'_>, pages: &str) -> Result<Self, CommandError> {
        let (token, expires_at) = make_sign_in_link(user).await?;
        Ok(Self { address: Secret::new(format!("{pages}/login/link?token={}", token.reveal())), expires_at })
    }

    /// The address to open.
    pub(crate) fn reveal(&self) -> &str {
        self.address.reveal()
    }

    pub(crate) fn print(&self, member: &Member, json: bool) -> Result<(), CommandError> {
        if json {
            let (email, link) = (member.email.as_str(), self.reveal());
            return Ok(output::json(&LinkRecord { email, link, expires_at: rfc3339(self.expires_at) })?);
        }
        output::say(&format!("This link signs {} in, once, within 15 minutes.", member.email))?;
        output::facts(&[("Sign-in link", self.reveal())])?;
        Ok(output::say("Two-step sign-in stays as it is, and the link before this one works no more.")?)
    }
}
