//! Where a body in chunks ends (RFC 9112, section 7.1), and what about its chunks is refused that the HTTP library takes.
//!
//! Programs on the way here read white space around a size in different ways, and so could be made to see another request than we do.
//! What stands after a size means nothing to anybody we know, and could make a small body cost any number of bytes.

/// The most digits of the size of a chunk.
const MAX_SIZE_DIGITS: usize = 16;
/// The most bytes of extensions, of all chunks of a body.
const MAX_EXTENSION_BYTES: usize = 1_024;

/// How far a body in chunks has come.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: State,
    extension_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The digits of a size.
    Size {
        bytes: u64,
        digits: usize,
    },
    /// What follows a size and a semicolon on its line.
    Extension(u64),
    /// After the carriage return of that line.
    SizeEnd(u64),
    Data(u64),
    /// The end of the line after the data of a chunk, of which so much has come.
    DataEnd(usize),
    /// After the last chunk: lines, of which the first empty one is the end. So much of the current one has come.
    Trailer(usize),
}

impl Default for State {
    fn default() -> Self {
        State::Size { bytes: 0, digits: 0 }
    }
}

impl Chunks {
    /// Goes on with what came, and gives back how much of it belongs to the body and whether that has ended; or which byte may not
    /// stand there.
    pub(crate) fn skip(&mut self, bytes: &[u8]) -> Result<(usize, bool), usize> {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Data(left) = &mut self.state {
                let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= skipped as u64;
                at += skipped;
                if *left == 0 {
                    self.state = State::DataEnd(0);
                }
                continue;
            }
            let has_ended = self.take(bytes[at]).ok_or(at)?;
            at += 1;
            if has_ended {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// One byte that is no data, if it may be there. Whether it is the last of all.
    fn take(&mut self, byte: u8) -> Option<bool> {
        self.state = match (self.state, byte) {
            (State::Size { digits: 1.., bytes }, b'\r') => State::SizeEnd(bytes),
            (State::Size { digits: 1.., bytes }, b';') => State::Extension(bytes),
            (State::Size { bytes, digits: digits @ ..MAX_SIZE_DIGITS }, _) => {
                let digit = char::from(byte).to_digit(16)?;
                State::Size { bytes: bytes * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::Extension(bytes), b'\r') => State::SizeEnd(bytes),
            (State::Extension(bytes), _) if self.extension_bytes < MAX_EXTENSION_BYTES => {
                self.extension_bytes += 1;
                State::Extension(bytes)
            }
            (State::SizeEnd(0), b'\n') => State::Trailer(0),
            (State::SizeEnd(bytes), b'\n') => State::Data(bytes),
            (State::DataEnd(0), b'\r') => State::DataEnd(1),
            (State::DataEnd(1), b'\n') => State::default(),
            (State::Trailer(0), b'\n') => return Some(true),
            (State::Trailer(_), b'\n') => State::Trailer(0),
            (State::Trailer(0), b'\r') => State::Trailer(0),
            (State::Trailer(come), _) => State::Trailer(come + 1),
            _ => return None,
        };
        Some(false)
    }
}
