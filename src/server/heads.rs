//! Where the heads of requests are on a connection, and what they say that the HTTP library must not act on or does not keep.
//!
//! What is read passes here before the library sees it. An offer to go on in another protocol (`Connection: Upgrade`) would make the
//! library end the connection after its answer; the last letter of the word is changed, so that it reads a word that means nothing, and
//! `web/arrived_head.rs` puts it back. A target that is too long for it is cut. What may not stand among chunks (`server/chunks.rs`) is
//! changed into what it refuses. Beyond that no byte is changed, and none is held back.
//!
//! It follows heads and bodies only as long as they are framed beyond doubt, as strictly as the library at least. From the first thing
//! that is not, everything on that connection passes as it is, and the library says what it thinks of it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::server::chunks::Chunks;
use crate::web::arrived_head::{ArrivedHead, UNREAD};

/// The longest target that is looked at, in bytes: what the library can still represent.
pub(crate) const MAX_TARGET_BYTES: usize = 65_000;
/// How much of a longer one is dropped; then the library says that the head is too large.
const MAX_DROPPED_BYTES: usize = 1 << 20;
/// The most that the names of one head may have, in bytes. The library takes no head that is larger.
const MAX_NAMES_BYTES: usize = 128 * 1024;
/// A byte that may stand neither before, in nor after the size of a chunk, nor after its data.
const NOT_IN_CHUNKS: u8 = 0;
/// Its last digit is changed where the library would refuse what it could not read.
const OLD_VERSION: &[u8] = b"HTTP/1.0";
/// The longest value that says how a body is framed.
const MAX_FRAMING_BYTES: usize = 32;
/// Heads that arrived before the first of them was answered. Who sends more at once gets them answered all the same.
const MAX_WAITING_HEADS: usize = 64;

/// The heads that arrived on a connection and have not become requests yet. Shared by the socket and the service, which live on one
/// thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArrivedHeads(Rc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    heads: RefCell<VecDeque<ArrivedHead>>,
    /// The last head was a POST of HTTP/1.0 that does not say how long its body is.
    lacks_length: Cell<bool>,
}

impl ArrivedHeads {
    /// The head of the next request.
    pub(crate) fn next(&self) -> Option<ArrivedHead> {
        self.0.heads.borrow_mut().pop_front()
    }

    /// Notes that something follows the last head that is no request: a body that nobody said the length of.
    fn note_body_without_length(&self) {
        if let Some(head) = self.0.heads.borrow_mut().back_mut() {
            head.lacks_length = true;
        }
    }

    /// Whether what the library refuses is a request whose body has no length.
    pub(crate) fn lacks_length(&self) -> bool {
        self.0.lacks_length.get()
    }
}

/// Follows what is read on one connection.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    place: Place,
    head: Head,
    /// The last head said nothing of a body, and nothing has come after it yet.
    is_after_no_length: bool,
    /// The last head was a POST of HTTP/1.0 that says nothing of its body.
    is_after_old_post: bool,
    /// Where the last digit of the version of the current head is among the bytes that pass, if it is among them.
    version_at: Option<usize>,
    arrived: ArrivedHeads,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    RequestLine,
    /// At the name of a header, or at the end of the head.
    Name,
    Value(Kind),
    Body(u64),
    Chunked(Chunks),
    /// A body that ends with the connection, which nobody reads.
    Unread,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Lists words, of which one is not to be read, and how much of that has come of the current one.
    Words(&'static [u8], Option<usize>),
    ContentLength,
    TransferEncoding,
    Other,
}

/// What has come of the current head.
#[derive(Debug, Default)]
struct Head {
    spaces: usize,
    method: Vec<u8>,
    target_bytes: usize,
    version: Vec<u8>,
    arrived: ArrivedHead,
    name_starts: usize,
    content_length: Option<Vec<u8>>,
    transfer_encoding: Option<Vec<u8>>,
}

impl Heads {
    /// How many have arrived that are no requests yet.
    pub(crate) fn waiting(&self) -> usize {
        self.arrived.0.heads.borrow().len()
    }

    /// What is shared with the service.
    pub(crate) fn arrived(&self) -> ArrivedHeads {
        self.arrived.clone()
    }

    /// Lets bytes pass, and gives back how many of them are left: none are missing but those of a target that is cut, and of a body that
    /// nobody said the length of in HTTP/1.0.
    pub(crate) fn pass(&mut self, bytes: &mut [u8]) -> usize {
        let (mut read, mut kept) = (0, 0);
        self.version_at = None;
        while read < bytes.len() {
            let rest = bytes.len() - read;
            if std::mem::take(&mut self.is_after_no_length) && !begins_a_request(bytes[read]) {
                self.arrived.note_body_without_length();
            }
            let skipped = match &mut self.place {
                Place::Unread => break,
                Place::Unknown => rest,
                Place::Body(left) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(rest);
                    *left -= skipped as u64;
                    if *left == 0 {
                        self.place = Place::RequestLine;
                    }
                    skipped
                }
                Place::Chunked(chunks) => match chunks.skip(&bytes[read..]) {
                    Ok((skipped, has_ended)) => {
                        if has_ended {
                            self.place = Place::RequestLine;
                        }
                        skipped
                    }
                    // Some of that the library takes. What is there now, it takes nowhere.
                    Err(at) => {
                        bytes[read + at] = NOT_IN_CHUNKS;
                        self.place = Place::Unknown;
                        rest
                    }
                },
                // What nobody asks about goes by at once.
                Place::Value(Kind::Other) => memchr::memchr(b'\n', &bytes[read..]).unwrap_or(rest),
                _ => 0,
            };
            if kept < read {
                bytes.copy_within(read..read + skipped, kept);
            }
            (read, kept) = (read + skipped, kept + skipped);
            if skipped == 0 {
                if let Some(byte) = self.take(bytes[read]) {
                    bytes[kept] = byte;
                    if matches!(self.place, Place::RequestLine) && self.head.version == OLD_VERSION {
                        self.version_at = Some(kept);
                    }
                    kept += 1;
                }
                read += 1;
                self.lift_version(bytes);
            }
        }
        kept
    }

    /// The library refuses a POST of HTTP/1.0 without a length before anybody can see whose it is. One that came whole is shown to it as
    /// of HTTP/1.1, and refused with 411 like that, which its owner is told.
    fn lift_version(&mut self, bytes: &mut [u8]) {
        if std::mem::take(&mut self.is_after_old_post)
            && let Some(at) = self.version_at
        {
            bytes[at] = b'1';
            self.arrived.0.lacks_length.set(false);
            self.place = Place::Unread;
        }
    }

    /// One byte of a head, as it is to be read, if it is.
    fn take(&mut self, byte: u8) -> Option<u8> {
        match self.place {
            Place::RequestLine => return self.take_of_request_line(byte),
            Place::Name => self.take_of_name(byte),
            Place::Value(_) if byte == b'\n' => self.place = Place::Name,
            Place::Value(Kind::Words(word, matched)) => {
                let (matched, byte) = next_of_word(word, matched, byte);
                self.place = Place::Value(Kind::Words(word, matched));
                self.head.arrived.offers_upgrade |= byte == UNREAD;
                return Some(byte);
            }
            Place::Value(Kind::ContentLength) => self.take_of_framing(byte, |head| &mut head.content_length),
            Place::Value(Kind::TransferEncoding) => self.take_of_framing(byte, |head| &mut head.transfer_encoding),
            _ => {}
        }
        Some(byte)
    }

    fn take_of_request_line(&mut self, byte: u8) -> Option<u8> {
        let head = &mut self.head;
        match (byte, head.spaces) {
            // Empty lines before a request are nothing.
            (b'\r' | b'\n', 0) if head.method.is_empty() => {}
            (b'\n', 2) => self.place = Place::Name,
            (b'\n', _) => self.place = Place::Unknown,
            (b' ', _) => head.spaces += 1,
            (_, 0) if head.method.len() < MAX_FRAMING_BYTES => head.method.push(byte),
            (_, 1) => {
                head.target_bytes += 1;
                if (MAX_TARGET_BYTES..MAX_DROPPED_BYTES).contains(&head.target_bytes) {
                    head.arrived.target_is_cut = true;
                    return None;
                }
            }
            (_, 2) if head.version.len() < MAX_FRAMING_BYTES => head.version.push(byte),
            _ => self.place = Place::Unknown,
        }
        Some(byte)
    }

    fn take_of_name(&mut self, byte: u8) {
        let head = &mut self.head;
        let names = &mut head.arrived.names;
        let is_first = names.len() == head.name_starts;
        match byte {
            b'\r' if is_first => {}
            b'\n' if is_first => self.end_head(),
            b':' if !is_first => {
                let kind = match &names[head.name_starts..] {
                    b"connection" => Kind::Words(b"upgrade", Some(0)),
                    b"upgrade" => Kind::Words(b"websocket", Some(0)),
                    b"content-length" if head.content_length.is_none() => Kind::ContentLength,
                    b"transfer-encoding" if head.transfer_encoding.is_none() => Kind::TransferEncoding,
                    b"content-length" | b"transfer-encoding" => return self.place = Place::Unknown,
                    _ => Kind::Other,
                };
                names.push(b'\n');
                head.name_starts = names.len();
                self.place = Place::Value(kind);
            }
            _ if byte.is_ascii_graphic() && names.len() < MAX_NAMES_BYTES => names.push(byte.to_ascii_lowercase()),
            _ => self.place = Place::Unknown,
        }
    }

    fn take_of_framing(&mut self, byte: u8, value: impl FnOnce(&mut Head) -> &mut Option<Vec<u8>>) {
        let value = value(&mut self.head).get_or_insert_default();
        if value.len() < MAX_FRAMING_BYTES {
            value.push(byte);
        } else {
            self.place = Place::Unknown;
        }
    }

    /// The empty line that ends a head has come: what follows is its body, if it has one, and then the next head.
    fn end_head(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        let has_length = head.content_length.is_some() || head.transfer_encoding.is_some();
        let is_old_post = head.method == b"POST" && head.version.starts_with(OLD_VERSION);
        head.arrived.lacks_length = is_old_post && !has_length;
        self.is_after_old_post = head.arrived.lacks_length;
        self.arrived.0.lacks_length.set(head.arrived.lacks_length);
        let mut waiting = self.arrived.0.heads.borrow_mut();
        self.place = match (&head.content_length, &head.transfer_encoding) {
            _ if head.method == b"CONNECT" || waiting.len() >= MAX_WAITING_HEADS => Place::Unknown,
            (None, None) => {
                self.is_after_no_length = true;
                Place::RequestLine
            }
            (Some(length), None) => match number(length.trim_ascii()) {
                Some(0) => Place::RequestLine,
                Some(length) => Place::Body(length),
                None => Place::Unknown,
            },
            (None, Some(encoding)) if encoding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
                Place::Chunked(Chunks::default())
            }
            _ => Place::Unknown,
        };
        waiting.push_back(head.arrived);
    }
}

/// Whether a byte may stand where the next request begins: of a method, or of an empty line before it.
fn begins_a_request(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'\r' | b'\n')
}

/// How much of a word has come with one more byte of a list of words, and what is to be read in its place.
fn next_of_word(word: &[u8], matched: Option<usize>, byte: u8) -> (Option<usize>, u8) {
    match (byte, matched) {
        (b',', _) => (Some(0), byte),
        (b' ' | b'\t', Some(0)) => (Some(0), byte),
        (_, Some(matched)) if word.get(matched).is_some_and(|next| next.eq_ignore_ascii_case(&byte)) => {
            let is_whole = matched + 1 == word.len();
            (Some(matched + 1), if is_whole { UNREAD } else { byte })
        }
        _ => (None, byte),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{Heads, MAX_TARGET_BYTES};

    /// What is left of a text that comes in pieces of a size, and how many heads were seen.
    fn passed(text: &str, size: usize) -> (String, usize) {
        let (mut heads, mut left) = (Heads::default(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            let mut piece = piece.to_vec();
            let kept = heads.pass(&mut piece);
            left.extend_from_slice(&piece[..kept]);
        }
        let arrived = heads.arrived();
        let count = std::iter::from_fn(|| arrived.next()).count();
        (String::from_utf8(left).unwrap(), count)
    }

    #[test]
    fn an_offer_of_another_protocol_is_not_read_wherever_the_pieces_end() {
        let request = "POST / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: websocket\r\n\
                       X-Upgrade: upgrade\r\nContent-Length: 21\r\n\r\nConnection: upgrade\r\n";
        let read = request.replacen("Upgrade, HTTP2", "Upgrad~, HTTP2", 1).replace("websocket", "websocke~");
        for size in 1..200 {
            let (left, heads) = passed(&request.repeat(3), size);
            assert_eq!((left, heads), (read.repeat(3), 3), "pieces of {size}");
        }
    }

    #[test]
    fn the_head_after_a_body_in_chunks_is_found() {
        let request = "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nConnection:upgrade\r\n\r\n\
                       a;x=1\r\nConnection\r\n00\r\nTrailer: x\r\n\r\n";
        for size in 1..100 {
            let (left, heads) = passed(&request.repeat(2), size);
            assert_eq!((left, heads), (request.replace("upgrade", "upgrad~").repeat(2), 2), "pieces of {size}");
        }
    }

    // holds X4
    #[test]
    fn among_chunks_neither_white_space_nor_long_extensions_are_read() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (long, longest) = ("x".repeat(1_025), "x".repeat(1_024));
        for (body, read) in [
            ("1 \r\na\r\n", "1\0\r\na\r\n".to_owned()),
            ("1\t;x\r\na\r\n", "1\0;x\r\na\r\n".to_owned()),
            (" 1\r\na\r\n", "\x001\r\na\r\n".to_owned()),
            ("1\r \na", "1\r\0\na".to_owned()),
            (&format!("1;{long}\r\na"), format!("1;{}\0\r\na", &longest)),
            (&format!("1;{longest}\r\na\r\n1;x"), format!("1;{longest}\r\na\r\n1;\0")),
            (&format!("1;{longest}\r\na\r\n1\r\na\r\n"), format!("1;{longest}\r\na\r\n1\r\na\r\n")),
        ] {
            for size in [1, 7, 10_000] {
                assert_eq!(passed(&format!("{head}{body}"), size).0, format!("{head}{read}"), "{body:?}");
            }
        }
    }

    #[test]
    fn a_post_of_http_1_0_without_a_length_is_read_as_of_http_1_1_and_without_its_body() {
        let head = "POST / HTTP/1.0\r\nHost: x\r\n\r\n";
        assert_eq!(passed(&format!("{head}{{}}GET / HTTP/1.1\r\n\r\n"), 1_000).0, head.replace("1.0", "1.1"));
        for whole in ["POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", "GET / HTTP/1.0\r\n\r\n"] {
            assert_eq!(passed(whole, 1_000).0, whole);
        }
    }

    #[test]
    fn after_what_is_framed_in_doubt_nothing_is_touched() {
        for doubtful in [
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: +1",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip",
            "X: 1\r\n folded: 1",
            "Content-Length : 1",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{doubtful}\r\n\r\nPOST / HTTP/1.1\r\nConnection: upgrade\r\n\r\n");
            assert_eq!(passed(&text, 1_000).0, text, "{doubtful}");
        }
    }

    #[test]
    fn of_a_target_that_is_too_long_the_beginning_is_left() {
        let request = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(bytes));
        assert_eq!(passed(&request(MAX_TARGET_BYTES - 2), 1_000).0, request(MAX_TARGET_BYTES - 2));
        for size in [1, 7, 1_000, 100_000] {
            assert_eq!(passed(&request(90_000), size).0, request(MAX_TARGET_BYTES - 2));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let mut passing = bytes.clone();
            assert!(Heads::default().pass(&mut passing) <= bytes.len());
            let mut passing = [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", bytes.as_slice()].concat();
            let length = passing.len();
            assert_eq!(Heads::default().pass(&mut passing), length);
        }
    }
}
