//! Which of this installation's passwords appear in a text. Nothing is compared with plain passwords, for there are none: the
//! checksum, which is keyed, says that one is ours and whose, the hint picks its row, and argon2 has the last word.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::app::failure::Failure;
use crate::domain::api_token::TokenState;
use crate::domain::checked_token::CheckedToken;
use crate::domain::credential::Username;
use crate::domain::credential_password::CredentialPassword;
use crate::domain::installation::InstallationKeys;
use crate::domain::leak::{Found, LeakScanner};
use crate::domain::secret::Secret;
use crate::domain::{api_token, token_address};
use crate::hashing::{Hasher, Share};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::credential_secrets::{self, SecretRow};
use crate::store::tables::{api_tokens, credentials, token_addresses};

/// How many usernames of the text are tried before all others.
const RECENT_USERNAMES: usize = 16;
/// How many texts are remembered, so that one that is in every line of a log is looked at once.
const MAX_REMEMBERED: usize = 100_000;

/// Whether a found password works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeakState {
    /// It opens the account: rotate it now.
    Live,
    /// It will work again as soon as its credential is enabled.
    Disabled,
    Expired,
    Revoked,
    /// This installation made it, but keeps no such password.
    Unknown,
}

impl LeakState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LeakState::Live => "live",
            LeakState::Disabled => "disabled",
            LeakState::Expired => "expired",
            LeakState::Revoked => "revoked",
            LeakState::Unknown => "unknown",
        }
    }
}

/// A password of this installation that the text contains.
#[derive(Clone, Debug)]
pub(crate) struct Leak {
    /// `None` of an API token.
    pub(crate) username: Option<Username>,
    /// The name of its credential, or its own; empty when there is none.
    pub(crate) name: String,
    pub(crate) hint: String,
    pub(crate) state: LeakState,
    /// Where it stands first.
    pub(crate) line: u64,
    pub(crate) times: u64,
}

/// A search under way.
pub(crate) struct LeakSearch<'a> {
    store: &'a Store,
    hasher: Hasher,
    keys: &'a InstallationKeys,
    now: Timestamp,
    scanner: LeakScanner,
    usernames: Vec<Username>,
    recent: VecDeque<Username>,
    /// By the fingerprint of a text: which leak it is, if one.
    remembered: HashMap<[u8; 32], Option<usize>>,
    leaks: Vec<Leak>,
}

impl<'a> LeakSearch<'a> {
    pub(crate) async fn begin(
        store: &'a Store,
        hasher: Hasher,
        keys: &'a InstallationKeys,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let usernames = credentials::list_usernames(&mut *store.connection().await?).await?;
        let (recent, remembered) = (VecDeque::new(), HashMap::new());
        let scanner = LeakScanner::new();
        Ok(Self { store, hasher, keys, now, scanner, usernames, recent, remembered, leaks: Vec::new() })
    }

    /// The next bytes of the text.
    pub(crate) async fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut found = Vec::new();
        self.scanner.feed(bytes, &mut |one| found.push(one));
        self.look_at(found).await
    }

    /// What was found, in the order in which it stands in the text.
    pub(crate) async fn finish(mut self) -> Result<Vec<Leak>, Failure> {
        let mut found = Vec::new();
        self.scanner.finish(&mut |one| found.push(one));
        self.look_at(found).await?;
        Ok(self.leaks)
    }

    async fn look_at(&mut self, found: Vec<Found>) -> Result<(), Failure> {
        for one in found {
            match one {
                Found::Username(username) => self.note(username),
                Found::Password(input, line) => self.check(&input, line).await?,
            }
        }
        Ok(())
    }

    /// A password is mostly near its username, which saves trying thousands.
    fn note(&mut self, username: Username) {
        if !self.recent.contains(&username) {
            self.recent.push_front(username);
            self.recent.truncate(RECENT_USERNAMES);
        }
    }

    async fn check(&mut self, input: &Secret, line: u64) -> Result<(), Failure> {
        let fingerprint = CredentialPassword::fingerprint(&self.keys.checksum, input);
        let known = self.remembered.get(&fingerprint).copied();
        let leak = match known {
            Some(leak) => leak,
            None => self.identify(input, line).await?,
        };
        if let Some(leak) = leak.and_then(|at| self.leaks.get_mut(at)) {
            leak.times += 1;
        }
        // What looks like a password and is none may come without end; what is one is remembered in any case.
        if leak.is_some() || self.remembered.len() < MAX_REMEMBERED {
            self.remembered.insert(fingerprint, leak);
        }
        Ok(())
    }

    async fn identify(&mut self, input: &Secret, line: u64) -> Result<Option<usize>, Failure> {
        if let Some(token) = token_address::KIND.recognise(&self.keys.checksum, input.reveal()) {
            return self.identify_address(&token, line).await;
        }
        if let Some(token) = api_token::KIND.recognise(&self.keys.checksum, input.reveal()) {
            return self.identify_api_token(&token, line).await;
        }
        let usernames = self.recent.iter().chain(&self.usernames);
        let Some((username, password)) = CredentialPassword::recognise_any(&self.keys.checksum, usernames, input)
        else {
            return Ok(None);
        };
        let (name, state) = self.state(&username, &password).await?;
        self.leaks.push(Leak {
            username: Some(username),
            name,
            hint: password.hint().to_owned(),
            state,
            line,
            times: 0,
        });
        Ok(Some(self.leaks.len() - 1))
    }

    /// The token of a token address. One that is kept no more says nothing of whose it was.
    async fn identify_address(&mut self, token: &CheckedToken, line: u64) -> Result<Option<usize>, Failure> {
        let mut conn = self.store.connection().await?;
        let Some(row) = token_addresses::find_row(&mut conn, &token.hash()).await? else { return Ok(None) };
        let Some(credential) = credentials::find(&mut conn, row.account_id, row.credential_id).await? else {
            return Ok(None);
        };
        let Ok(username) = credential.username.parse() else { return Ok(None) };
        let (name, hint, state) = (credential.name, row.hint.clone(), state_of(&row, self.now));
        self.leaks.push(Leak { username: Some(username), name, hint, state, line, times: 0 });
        Ok(Some(self.leaks.len() - 1))
    }

    /// An API token. One that is kept no more, as a value before a rotation, works no more either.
    async fn identify_api_token(&mut self, value: &CheckedToken, line: u64) -> Result<Option<usize>, Failure> {
        let found = api_tokens::find_by_hash(&mut *self.store.connection().await?, &value.hash()).await?;
        let (name, state) = match found {
            Some((token, _)) => {
                let state = match token.state(self.now) {
                    TokenState::Revoked => LeakState::Revoked,
                    _ if token.is_opened(self.now) => LeakState::Live,
                    _ => LeakState::Expired,
                };
                (token.name, state)
            }
            None => (String::new(), LeakState::Unknown),
        };
        let hint = api_token::KIND.prefixed(value.hint());
        self.leaks.push(Leak { username: None, name, hint, state, line, times: 0 });
        Ok(Some(self.leaks.len() - 1))
    }

    async fn state(&self, username: &Username, password: &CredentialPassword) -> Result<(String, LeakState), Failure> {
        let mut conn = self.store.connection().await?;
        let name = match credentials::find_owner(&mut conn, username).await? {
            Some((account, id)) => credentials::find(&mut conn, account, id).await?.map(|credential| credential.name),
            None => None,
        };
        let row = credential_secrets::find_by_hint(&mut conn, username, password.hint()).await?;
        drop(conn);
        let state = match row {
            Some(row) if self.hasher.verify(Share::Program, password.secret(), &row.hash).await? => {
                state_of(&row, self.now)
            }
            _ => LeakState::Unknown,
        };
        Ok((name.unwrap_or_default(), state))
    }
}

fn state_of(row: &SecretRow, now: Timestamp) -> LeakState {
    let has_expired = row.expires_at.is_some_and(|end| end <= now);
    match (row.revoked, has_expired, row.disabled) {
        (true, _, _) => LeakState::Revoked,
        (_, true, _) => LeakState::Expired,
        (_, _, true) => LeakState::Disabled,
        _ => LeakState::Live,
    }
}
