//! One installed server, and which one of several is to run a cluster.
//!
//! Finding them is for `binaries`.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::embedded::error::EmbeddedError;
use crate::embedded::packages;

/// A major and a minor version, which sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The oldest PostgreSQL that the product's SQL is written for.
const MINIMUM_MAJOR: u32 = 14;

/// One installed PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installation {
    /// First, so that installations sort by it.
    pub version: Version,
    /// The directory of `initdb` and `postgres`, links resolved.
    pub directory: PathBuf,
}

impl Installation {
    pub(crate) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }
}

/// The newest server, for a new cluster.
pub(crate) fn newest(installations: &[Installation]) -> Result<&Installation, EmbeddedError> {
    match installations.last() {
        Some(newest) if newest.version.0 >= MINIMUM_MAJOR => Ok(newest),
        newest => Err(EmbeddedError::NoServerBinaries {
            note: newest.map_or_else(String::new, |old| {
                format!(" that is new enough ({} is older than {MINIMUM_MAJOR})", old.version.0)
            }),
            install: packages::install_command(None),
        }),
    }
}

/// The newest server of the major version that made the cluster in `directory`: no other can read it.
pub(crate) fn matching<'a>(
    installations: &'a [Installation],
    major: u32,
    directory: &Path,
) -> Result<&'a Installation, EmbeddedError> {
    if let Some(found) = installations.iter().rfind(|it| it.version.0 == major) {
        return Ok(found);
    }
    let mut majors: Vec<u32> = installations.iter().map(|it| it.version.0).collect();
    majors.dedup();
    let majors: Vec<String> = majors.iter().map(u32::to_string).collect();
    Err(EmbeddedError::NoMatchingServer {
        directory: directory.to_owned(),
        major,
        found: if majors.is_empty() {
            "no PostgreSQL server".to_owned()
        } else {
            format!("only PostgreSQL {}", majors.join(" and "))
        },
        install: packages::install_command(Some(major)),
    })
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian …)`; a beta's `18beta1` is 18.0.
pub(crate) fn parse_version(output: &str) -> Option<Version> {
    let version = output.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = |text: &str| {
        let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let minor = version.split_once('.').and_then(|(_, minor)| digits(minor));
    Some(Version(digits(version)?, minor.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::slice;

    use super::{Installation, Version, matching, newest, parse_version};

    fn installation(major: u32, minor: u32) -> Installation {
        let directory = PathBuf::from(format!("/{major}/bin"));
        Installation { version: Version(major, minor), directory }
    }

    #[test]
    fn a_server_that_is_too_old_counts_as_none_and_is_named() {
        let old = installation(13, 9);
        let message = newest(slice::from_ref(&old)).unwrap_err().to_string();
        assert!(message.contains("13 is older than 14"), "{message}");
    }

    #[test]
    fn an_existing_cluster_gets_its_own_major_or_an_error_that_names_it() {
        let found = [installation(14, 2), installation(15, 3), installation(15, 8), installation(17, 0)];
        let directory = Path::new("/data/postgres");
        assert_eq!(matching(&found, 15, directory).unwrap().version, Version(15, 8));
        let error = matching(&found, 16, directory).unwrap_err();
        assert!(error.is_missing_server());
        let message = error.to_string();
        assert!(message.contains("made by PostgreSQL 16"), "{message}");
        assert!(message.contains("only PostgreSQL 14 and 15 and 17"), "{message}");
    }

    #[test]
    fn versions_are_read_as_every_packager_prints_them() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(Version(15, 13)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1\n"), Some(Version(18, 0)));
        assert_eq!(parse_version("postgres (PostgreSQL) 17.2\n"), Some(Version(17, 2)));
        assert_eq!(parse_version("shim: no version set\n"), None);
    }
}
