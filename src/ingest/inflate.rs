//! Decompression of request bodies, for senders whose settings accept them compressed.
//!
//! Bounded in what comes out and not in what went in: a bomb costs no more than the largest body does. In steps, between which the
//! thread answers others.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::ingest::memory_budget::Reservation;

/// How much is inflated at once, in bytes: about a tenth of a millisecond of work.
const STEP_BYTES: usize = 32 * 1024;
/// The largest window of a zstd frame, in bytes: what RFC 8878 recommends that every decoder supports.
const MAX_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// How a body is compressed (RFC 9110, section 8.4.1, and RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

impl Coding {
    /// The coding that a `Content-Encoding` names.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// Why a body could not be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// It is more than a body may be.
    TooLarge,
    /// Too many others are there.
    NoMemory,
    /// It is not what its `Content-Encoding` says, or not all of it.
    Damaged,
}

/// What a compressed body holds, at most `max_bytes`.
pub(crate) async fn inflate(
    compressed: &[u8],
    coding: Coding,
    max_bytes: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, InflateError> {
    let mut decoder = decoder(compressed, coding).map_err(|_| InflateError::Damaged)?;
    let mut inflated = Vec::with_capacity(compressed.len().saturating_mul(4).min(max_bytes));
    loop {
        let before = inflated.len();
        let step = STEP_BYTES.min(max_bytes + 1 - before) as u64;
        let read = decoder.by_ref().take(step).read_to_end(&mut inflated).map_err(|_| InflateError::Damaged)?;
        if read == 0 {
            return Ok(inflated);
        }
        if inflated.len() > max_bytes {
            return Err(InflateError::TooLarge);
        }
        if !reservation.take_bytes(read) {
            return Err(InflateError::NoMemory);
        }
        tokio::task::yield_now().await;
    }
}

fn decoder(compressed: &[u8], coding: Coding) -> io::Result<Box<dyn Read + '_>> {
    Ok(match coding {
        Coding::Gzip => Box::new(MultiGzDecoder::new(compressed)),
        // Some senders leave out the wrapping of zlib, and browsers have always taken both.
        Coding::Deflate if has_zlib_head(compressed) => Box::new(ZlibDecoder::new(compressed)),
        Coding::Deflate => Box::new(DeflateDecoder::new(compressed)),
        Coding::Zstd => {
            let decoder: StreamingDecoder<_, FrameDecoder> =
                StreamingDecoder::new_with_max_window_size(compressed, MAX_WINDOW_BYTES).map_err(io::Error::other)?;
            Box::new(decoder)
        }
    })
}

/// RFC 1950, section 2.2: the method is deflate, and the two bytes are a multiple of 31.
fn has_zlib_head(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use uuid::Uuid;

    use super::{Coding, InflateError, inflate};
    use crate::domain::ids::AccountId;
    use crate::ingest::memory_budget::{MemoryBudget, Reservation};

    const LIMIT: usize = 1024 * 1024;

    fn reservation(budget: &MemoryBudget) -> Reservation {
        budget.open(AccountId(Uuid::nil())).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn inflated(bytes: &[u8], coding: Coding) -> Result<Vec<u8>, InflateError> {
        inflate(bytes, coding, LIMIT, &mut reservation(&MemoryBudget::new(LIMIT, 10))).await
    }

    #[tokio::test]
    async fn every_coding_gives_back_what_went_in() {
        let body = br#"{"quantity": 3}"#.repeat(10_000);
        assert_eq!(inflated(&gzip(&body), Coding::Gzip).await.unwrap(), body);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&body).unwrap();
        assert_eq!(inflated(&zlib.finish().unwrap(), Coding::Deflate).await.unwrap(), body);
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&body).unwrap();
        assert_eq!(inflated(&raw.finish().unwrap(), Coding::Deflate).await.unwrap(), body);
        let zstd = ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(inflated(&zstd, Coding::Zstd).await.unwrap(), body);
        let two = [gzip(b"[1,"), gzip(b"2]")].concat();
        assert_eq!(inflated(&two, Coding::Gzip).await.unwrap(), b"[1,2]");
    }

    #[tokio::test]
    async fn a_bomb_ends_at_the_limit_and_what_is_cut_off_is_damaged() {
        assert_eq!(inflated(&gzip(&vec![b' '; LIMIT]), Coding::Gzip).await.unwrap().len(), LIMIT);
        assert_eq!(inflated(&gzip(&vec![b' '; 20 * LIMIT]), Coding::Gzip).await, Err(InflateError::TooLarge));
        let whole = gzip(b"{\"a\": 1}");
        assert_eq!(inflated(&whole[..whole.len() - 1], Coding::Gzip).await, Err(InflateError::Damaged));
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            assert_eq!(inflated(b"{\"a\": 1}", coding).await, Err(InflateError::Damaged), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn what_is_inflated_counts_in_the_memory_of_all_bodies() {
        let budget = MemoryBudget::new(LIMIT, 10);
        let mut others = reservation(&budget);
        assert!(others.take_bytes(budget.max_bytes() / 3 * 2));
        let outcome = inflate(&gzip(b"1"), Coding::Gzip, LIMIT, &mut reservation(&budget)).await;
        assert_eq!(outcome, Err(InflateError::NoMemory));
    }
}
