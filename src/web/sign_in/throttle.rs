//! How guessing is slowed at every door that takes the account password or a code: wrong ones are counted by address and by
//! account, all doors together. Those from a browser that the user has signed in with before are counted by that browser alone:
//! else whoever knows the address of an account could keep its owner out by guessing.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::account::Member;
use crate::domain::device::Device;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::network::throttle_key;
use crate::store::users;
use crate::web::errors::PageError;
use crate::web::reader::Reader;
use crate::web::site::Site;

/// Somebody's guesses at the password or at the code of an account.
pub struct Guesses<'a> {
    site: &'a Site,
    counted: Counted,
    /// Whose code it is, where it is one.
    code_of: Option<UserId>,
    now: Timestamp,
}

/// By what guesses are counted.
enum Counted {
    /// A browser that the user knows, and that has guesses of its own left.
    Device(SessionId),
    World {
        address: IpAddr,
        email: String,
    },
}

impl<'a> Guesses<'a> {
    pub async fn at_password(reader: &'a Reader, email: &str) -> Result<Self, PageError> {
        let (site, now) = (&*reader.site, reader.now);
        let with_guesses_left = |device: &Device| site.sign_in_failures_by_device.wait(&device.session, now).is_none();
        let counted = match known_device(reader, email).await?.filter(with_guesses_left) {
            Some(device) => Counted::Device(device.session),
            None => Counted::World { address: throttle_key(reader.address), email: email.to_owned() },
        };
        Ok(Self { site, counted, code_of: None, now })
    }

    /// Codes are short, so they get fewer tries than passwords, however many browsers they come from. Who gets here knows the
    /// password, so that only they can use the tries up.
    pub async fn at_code(reader: &'a Reader, member: &Member) -> Result<Self, PageError> {
        Ok(Self { code_of: Some(member.user_id), ..Self::at_password(reader, &member.email).await? })
    }

    /// For how many seconds nothing is looked at.
    pub fn wait(&self) -> Option<u64> {
        let by = self.site;
        let (one, other) = match &self.counted {
            Counted::Device(device) => (by.sign_in_failures_by_device.wait(device, self.now), None),
            Counted::World { address, email } => (
                by.sign_in_failures_by_address.wait(address, self.now),
                by.sign_in_failures_by_email.wait(email, self.now),
            ),
        };
        let code = self.code_of.and_then(|user| by.code_failures_by_user.wait(&user, self.now));
        let longest: Duration = [one, other, code].into_iter().flatten().max()?;
        Some(longest.as_secs_f64().ceil().max(1.0) as u64)
    }

    pub fn note_failure(&self) {
        match &self.counted {
            Counted::Device(device) => self.site.sign_in_failures_by_device.note_failure(device, self.now),
            Counted::World { address, email } => {
                self.site.sign_in_failures_by_address.note_failure(address, self.now);
                self.site.sign_in_failures_by_email.note_failure(email, self.now);
            }
        }
        if let Some(user) = self.code_of {
            self.site.code_failures_by_user.note_failure(&user, self.now);
        }
    }
}

/// The reader's browser, where it is known to the user with an address. Only a browser with a genuine cookie makes us look, and always
/// for the user whom the cookie names: the time that it takes says nothing about the address.
async fn known_device(reader: &Reader, email: &str) -> Result<Option<Device>, PageError> {
    let Some(device) = reader.device else { return Ok(None) };
    let member = users::find(&mut *reader.site.store.connection().await?, device.user).await?;
    let is_known = member.is_some_and(|member| member.email == email && device.is_known_to(&member, reader.now));
    Ok(is_known.then_some(device))
}
