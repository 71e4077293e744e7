//! The application state that handlers share.
//!
//! What every handler needs to know about this installation. Built once by the server and shared.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use quick_cache::sync::Cache;

use crate::app::upkeep::UpkeepState;
use crate::clock::Clock;
use crate::domain::account::Member;
use crate::domain::host_names::HostNames;
use crate::domain::ids::{AccountId, SessionId, UserId};
use crate::domain::installation::InstallationKeys;
use crate::domain::network::{Sender, TrustedProxies};
use crate::domain::retention::Retention;
use crate::fair_queue::FairQueue;
use crate::hashing::Hasher;
use crate::ingest::limiter::{Cell, Cells, Limiter};
use crate::ingest::receive::Engine;
use crate::mail::smtp::Mailer;
use crate::metrics::{Counter, Gauge};
use crate::store::connection::pool::Store;
use crate::web::export_permits::ExportPermits;

/// The installation as the pages see it.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct AppState {
    pub store: Store,
    /// For page logins and new passwords; senders have a pool of their own.
    pub hasher: Hasher,
    pub keys: InstallationKeys,
    pub clock: Clock,
    pub engine: Arc<Engine>,
    /// The origin of the pages, without a slash at its end.
    pub(crate) public_url: String,
    /// The endpoint as users are shown it: from the configuration, never from a request.
    pub ingest_url: String,
    /// The hosts that pages answer to.
    pub(crate) host_names: HostNames,
    pub(crate) upgrade_url: Option<String>,
    pub(crate) signup_open: bool,
    /// Nobody sees anything before two-step sign-in is on.
    pub(crate) requires_second_factor: bool,
    pub(crate) retention_days: u32,
    /// How long a connection may lie idle.
    pub(crate) keep_alive: std::time::Duration,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) sign_in_failures_by_address: Limiter<IpAddr>,
    /// Of one address at one account.
    pub(crate) sign_in_failures_by_pair: Limiter<(IpAddr, String)>,
    /// The brake on guesses that come from many addresses.
    pub(crate) sign_in_failures_by_email: Limiter<Cell>,
    pub(crate) email_cells: Cells,
    /// Of browsers that are known to the user whose password they guess.
    pub(crate) sign_in_failures_by_device: Limiter<SessionId>,
    /// Wrong codes of who knows the password.
    pub(crate) code_failures_by_user: Limiter<UserId>,
    /// Successful sign-ins, each of which costs a hash and a session.
    pub(crate) sign_ins_by_email: Limiter<String>,
    /// Changes that an account makes on its pages.
    pub(crate) acts_by_account: Limiter<AccountId>,
    /// Requests that an account makes of the API.
    pub(crate) api_requests: Limiter<AccountId>,
    /// Of API tokens, by their SHA-256, whose the last look at one said that it is; none: nobody's that may be used.
    pub(crate) known_tokens: Cache<String, Option<AccountId>>,
    /// The description of the API, written once.
    pub(crate) api_description: OnceLock<web::Bytes>,
    /// Programs that wait for the next event, without a turn of their account.
    pub(crate) waiting_readers: FairQueue<AccountId>,
    /// Events that an account deletes one by one without giving its password.
    pub(crate) deletions_by_account: Limiter<AccountId>,
    /// Requests for pages that are being answered, of readers who are signed in: those of each session, and then of all of an account's.
    pub(crate) page_requests: FairQueue<SessionId>,
    pub(crate) account_requests: FairQueue<AccountId>,
    /// Comparisons of two events.
    pub(crate) comparisons: FairQueue<AccountId>,
    /// How much may be downloaded at once.
    pub(crate) export_permits: ExportPermits,
    /// Set when the program was asked to end: it is no longer ready, closes connections behind their answers, and lets live pages go.
    pub(crate) draining: AtomicBool,
    /// Set when only requests under way are answered.
    pub(crate) ending: AtomicBool,
    /// Pages that events are sent to as they arrive.
    pub(crate) live_viewers: Arc<Gauge>,
    /// The most of them, so that senders and other pages find a connection.
    pub(crate) max_live_viewers: usize,
    /// Rounds of upkeep in which a task failed.
    pub upkeep_failures: Counter,
    /// What upkeep thinks of the clock.
    pub(crate) upkeep: UpkeepState,
    /// `None`: no mail is sent, and no page offers any.
    pub(crate) mailer: Option<Mailer>,
    pub(crate) mails: Mails,
}

/// Tries to send a mail, by what came of them.
#[derive(Debug, Default)]
pub(crate) struct Mails {
    pub(crate) sent: Counter,
    pub(crate) retried: Counter,
    pub(crate) failed: Counter,
}

impl AppState {
    /// Whether people come over https, so that cookies are for https alone.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// How long the events of a member's account are kept.
    pub(crate) fn retention(&self, member: &Member) -> Retention {
        Retention { installation_days: self.retention_days, account_days: member.retention_days }
    }

    /// How many programs wait for the next event.
    pub fn waiting_readers(&self) -> usize {
        self.waiting_readers.held()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// The host of the pages, for the sign-in page.
    pub(crate) fn host(&self) -> &str {
        self.public_url.split("//").nth(1).unwrap_or(&self.public_url)
    }

    /// Who sent a request, by the socket and by the proxies that were configured as trusted.
    pub(crate) fn sender(&self, request: &HttpRequest) -> Sender {
        // A request without a peer came through a test's in-memory service; there is no address to be wrong about.
        let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
        let values = |name: header::HeaderName| -> Vec<&str> {
            request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect()
        };
        let forwarded_for = values(header::X_FORWARDED_FOR);
        let forwarded_proto = values(header::X_FORWARDED_PROTO);
        self.trusted_proxies.sender(peer, forwarded_for.into_iter(), forwarded_proto.into_iter())
    }
}
