//! The installation key from outside of the database: a file of keys, or an environment variable.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::domain::stored_key::OutsideKey;

/// More than a file of keys ever has, in bytes.
const MAX_FILE_BYTES: u64 = 4096;
/// Others may do nothing with the file, and its group may read it.
const REFUSED_MODE: u32 = 0o027;
const REMEDY: &str = "make one with `openssl rand -base64 32`";

/// The keys in a file, which only its owner and group may read.
pub(crate) fn keys_in_file(path: &str) -> Result<Vec<OutsideKey>, String> {
    keys(&secret_file(path)?).map_err(|problem| format!("is {path:?}, {problem}"))
}

/// The text of a file that only its owner and group may read.
pub(crate) fn secret_file(path: &str) -> Result<Zeroizing<String>, String> {
    let unreadable = |error: std::io::Error| format!("is {path:?}, which cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
    if mode & REFUSED_MODE != 0 {
        return Err(format!("is {path:?}, which others may read or write (mode {mode:03o}): run `chmod 600 {path}`"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// The keys in a text, between white space: the one to encrypt under, then those of before.
pub(crate) fn keys(text: &str) -> Result<Vec<OutsideKey>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err(format!("which has no key: {REMEDY}"));
    }
    // The text itself is not repeated: it may be most of a key.
    let read = |(at, word): (usize, &&str)| {
        OutsideKey::read(&Secret::new((*word).to_owned()))
            .ok_or_else(|| format!("whose key {} is not 32 bytes in base64: {REMEDY}", at + 1))
    };
    words.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{keys, keys_in_file};

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn a_wrong_key_is_told_without_being_repeated() {
        assert_eq!(keys(&format!("{KEY}\n{KEY}\n")).map(|keys| keys.len()), Ok(2));
        for (wrong, said) in [
            ("", "has no key"),
            (" \n", "has no key"),
            ("canary", "key 1 is not 32 bytes in base64"),
            (&format!("{KEY}\ncanary=="), "key 2 is not 32 bytes in base64"),
        ] {
            let told = keys(wrong).map(drop).unwrap_err();
            assert!(told.contains(said) && told.contains("openssl rand") && !told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let path = std::env::temp_dir().join(format!("installation-key-{}", std::process::id()));
        std::fs::write(&path, KEY).unwrap();
        let read = |mode: u32| {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            keys_in_file(path.to_str().unwrap()).map(|keys| keys.len())
        };
        for fine in [0o400, 0o600, 0o440, 0o640] {
            assert_eq!(read(fine), Ok(1), "{fine:o}");
        }
        for wrong in [0o644, 0o604, 0o660, 0o602] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(&format!("mode {wrong:o}")) && told.contains("chmod 600"), "{told}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(keys_in_file(path.to_str().unwrap()).map(drop).unwrap_err().contains("cannot be read"));
    }
}
