//! Where the programs are that `scripts/ensure-api-tools` installs.

use std::path::{Path, PathBuf};

/// The script, for whoever has not run it.
pub const INSTALLER: &str = "scripts/ensure-api-tools";

/// A command of the Python packages.
pub fn python(command: &str) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/api/python/bin");
    directory.join(command).to_str().unwrap().to_owned()
}

/// A file beside these tests.
pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(name)
}
