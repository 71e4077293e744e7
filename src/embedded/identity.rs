//! The system identifier that initdb gives a cluster: copies and restored copies of a cluster have it, and no other cluster does.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::embedded::error::EmbeddedError;

/// What PostgreSQL itself reads first: the identifier is at its beginning, in the byte order of the machine.
const CONTROL_FILE: &str = "global/pg_control";

/// The system identifier of the cluster in `directory`.
pub(crate) fn system_identifier(directory: &Path) -> Result<u64, EmbeddedError> {
    let path = directory.join(CONTROL_FILE);
    let mut bytes = [0; 8];
    File::open(&path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(EmbeddedError::file("read", &path))?;
    Ok(u64::from_ne_bytes(bytes))
}
