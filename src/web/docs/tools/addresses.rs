//! Passwords in addresses, and which clients take them.

/// How a client treats a password in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum InAddress {
    Sends,
    /// It leaves the password out and gets 401.
    Drops,
    /// It sends nothing.
    Refuses,
}

/// Clients that were tried with a password in the address; tests/senders tries them again.
pub const CLIENTS: [(&str, InAddress); 18] = [
    ("curl", InAddress::Sends),
    ("wget", InAddress::Sends),
    ("HTTPie", InAddress::Sends),
    ("Python requests", InAddress::Sends),
    ("Python httpx", InAddress::Sends),
    ("Python aiohttp", InAddress::Sends),
    ("Node axios", InAddress::Sends),
    ("Node got", InAddress::Sends),
    ("Node superagent", InAddress::Sends),
    ("Go net/http", InAddress::Sends),
    ("PHP streams", InAddress::Sends),
    ("PHP Guzzle", InAddress::Sends),
    ("Java HttpClient", InAddress::Drops),
    ("C# HttpClient (Mono)", InAddress::Drops),
    ("Ruby Net::HTTP", InAddress::Drops),
    ("Node fetch", InAddress::Refuses),
    ("Python urllib", InAddress::Refuses),
    ("Perl LWP", InAddress::Refuses),
];
