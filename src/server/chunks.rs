//! Where a body in chunks ends (RFC 9112, section 7.1).

/// The most digits of the size of a chunk.
const MAX_SIZE_DIGITS: usize = 15;

/// How far a body in chunks has come.
#[derive(Debug)]
pub(crate) enum Chunks {
    /// The digits of a size.
    Size {
        bytes: u64,
        digits: usize,
    },
    /// What follows a size on its line.
    Extension(u64),
    Data(u64),
    /// The end of the line after the data of a chunk, of which so much has come.
    DataEnd(usize),
    /// After the last chunk: lines, of which the first empty one is the end. So much of the current one has come.
    Trailer(usize),
}

impl Default for Chunks {
    fn default() -> Self {
        Chunks::Size { bytes: 0, digits: 0 }
    }
}

impl Chunks {
    /// Goes on with what came, and gives back how much of it belongs to the body and whether that has ended; or that it is no body in
    /// chunks.
    pub(crate) fn skip(&mut self, bytes: &[u8]) -> Result<(usize, bool), ()> {
        let mut at = 0;
        while at < bytes.len() {
            if let Chunks::Data(left) = self {
                let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= skipped as u64;
                at += skipped;
                if *left == 0 {
                    *self = Chunks::DataEnd(0);
                }
                continue;
            }
            let has_ended = self.take(bytes[at])?;
            at += 1;
            if has_ended {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// One byte that is no data. Whether it is the last of all.
    fn take(&mut self, byte: u8) -> Result<bool, ()> {
        *self = match (&*self, byte) {
            (Chunks::Size { digits: 1.., bytes }, b'\r' | b';' | b' ' | b'\t') => Chunks::Extension(*bytes),
            (Chunks::Size { bytes, digits: digits @ ..MAX_SIZE_DIGITS }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(())?;
                Chunks::Size { bytes: bytes * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Chunks::Extension(0), b'\n') => Chunks::Trailer(0),
            (Chunks::Extension(bytes), b'\n') => Chunks::Data(*bytes),
            (Chunks::Extension(bytes), _) => Chunks::Extension(*bytes),
            (Chunks::DataEnd(0), b'\r') => Chunks::DataEnd(1),
            (Chunks::DataEnd(1), b'\n') => Chunks::default(),
            (Chunks::Trailer(0), b'\n') => return Ok(true),
            (Chunks::Trailer(_), b'\n') => Chunks::Trailer(0),
            (Chunks::Trailer(0), b'\r') => Chunks::Trailer(0),
            (Chunks::Trailer(come), _) => Chunks::Trailer(come + 1),
            _ => return Err(()),
        };
        Ok(false)
    }
}
