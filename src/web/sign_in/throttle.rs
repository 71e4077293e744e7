//! How guessing is slowed at every door that takes the account password or a code: wrong ones are counted by address and by
//! account, all doors together.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::account::Member;
use crate::domain::ids::UserId;
use crate::domain::network::throttle_key;
use crate::web::reader::Reader;
use crate::web::site::Site;

/// Somebody's guesses at the password or at the code of an account.
pub struct Guesses<'a> {
    site: &'a Site,
    address: IpAddr,
    email: String,
    /// Whose code it is, where it is one.
    code_of: Option<UserId>,
    now: Timestamp,
}

impl<'a> Guesses<'a> {
    pub fn at_password(reader: &'a Reader, email: &str) -> Self {
        let (site, address) = (&reader.site, throttle_key(reader.address));
        Self { site, address, email: email.to_owned(), code_of: None, now: reader.now }
    }

    /// Codes are short, so they get fewer tries than passwords.
    pub fn at_code(reader: &'a Reader, member: &Member) -> Self {
        Self { code_of: Some(member.user_id), ..Self::at_password(reader, &member.email) }
    }

    /// For how many seconds nothing is looked at.
    pub fn wait(&self) -> Option<u64> {
        let waits = [
            self.site.sign_in_failures_by_address.wait(&self.address, self.now),
            self.site.sign_in_failures_by_email.wait(&self.email, self.now),
            self.code_of.and_then(|user| self.site.code_failures_by_user.wait(&user, self.now)),
        ];
        let longest: Duration = waits.into_iter().flatten().max()?;
        Some(longest.as_secs_f64().ceil().max(1.0) as u64)
    }

    pub fn note_failure(&self) {
        self.site.sign_in_failures_by_address.note_failure(&self.address, self.now);
        self.site.sign_in_failures_by_email.note_failure(&self.email, self.now);
        if let Some(user) = self.code_of {
            self.site.code_failures_by_user.note_failure(&user, self.now);
        }
    }
}
