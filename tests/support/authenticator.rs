//! A phone: scans the QR code of a page as apps do, and shows the code of a moment. What it scans is decoded by a library that has
//! nothing to do with the one that drew it.

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::domain::second_factor::TotpSecret;

use crate::support::actors::{Person, between};
use crate::support::server::TestServer;

pub const SECOND_FACTOR: &str = "/settings/account/second-factor";

/// Pixels of a module in the picture that is scanned.
const SCALE: usize = 4;

pub struct Authenticator {
    /// What the QR code said.
    pub uri: String,
    secret: TotpSecret,
}

impl Authenticator {
    /// Scans the QR code of the page.
    pub fn scan(page: &str) -> Self {
        let size: usize = between(page, "class=\"qr\" viewBox=\"0 0 ", " ").parse().unwrap();
        let dark = modules(size, between(page, "<path d=\"", "\""));
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(size * SCALE, size * SCALE, |x, y| {
            if dark[y / SCALE][x / SCALE] { 0 } else { 255 }
        });
        let codes = picture.detect_grids();
        assert_eq!(codes.len(), 1, "one QR code is found");
        let (_, uri) = codes[0].decode().unwrap();
        Self { secret: Self::secret_of(between(&uri, "secret=", "&")), uri }
    }

    fn secret_of(key: &str) -> TotpSecret {
        TotpSecret::from_random(BASE32_NOPAD.decode(key.as_bytes()).unwrap().try_into().unwrap())
    }

    /// The key of the QR code as it stands in base32.
    pub fn key(&self) -> &str {
        between(&self.uri, "secret=", "&")
    }

    /// What the app shows.
    pub fn code(&self, now: Timestamp) -> String {
        self.secret.code_at(now).reveal().to_owned()
    }

    /// A code that is none of those that are right about now.
    pub fn wrong_code(&self, now: Timestamp) -> String {
        let near: Vec<String> = (-3..=3).map(|steps| self.code(now + SignedDuration::from_secs(30 * steps))).collect();
        (0..10).map(|number| format!("00000{number}")).find(|code| !near.contains(code)).unwrap()
    }

    /// The code of a step that nobody has used: the server's clock goes on to the middle of the next one.
    pub fn next_code(&self, server: &TestServer) -> String {
        let into_step = SignedDuration::from_millis(server.now().as_millisecond().rem_euclid(30_000));
        server.pass(SignedDuration::from_secs(45) - into_step);
        self.code(server.now())
    }

    /// Turns two-step sign-in on for somebody who is signed in; gives the phone and the recovery codes.
    pub async fn enrol(server: &TestServer, person: &Person) -> (Self, Vec<String>) {
        let page = person.page(SECOND_FACTOR).await;
        let phone = Self::scan(&page);
        let sealed = between(&page, "name=\"sealed\" value=\"", "\"");
        let code = phone.next_code(server);
        let answer = person.post(SECOND_FACTOR, &[("sealed", sealed), ("code", &code)]).await;
        assert_eq!(answer.status(), 200, "two-step sign-in is turned on");
        let codes = recovery_codes(&answer.text().await.unwrap());
        (phone, codes)
    }
}

/// The recovery codes on the page that shows them.
pub fn recovery_codes(page: &str) -> Vec<String> {
    let list = between(page, "<pre id=\"recovery-codes\"", "</code>");
    list.split_once("<code>").unwrap().1.lines().map(str::to_owned).collect()
}

/// The picture that a path of rectangles, one module high, draws.
fn modules(size: usize, path: &str) -> Vec<Vec<bool>> {
    let mut dark = vec![vec![false; size]; size];
    for part in path.split('M').skip(1) {
        let (at, rest) = part.split_once('h').unwrap();
        let (x, y) = at.split_once(' ').unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        let (length, rest) = rest.split_once('v').unwrap();
        assert_eq!(rest, format!("1h-{length}z"));
        dark[y][x..x + length.parse::<usize>().unwrap()].fill(true);
    }
    dark
}
