//! The PostgreSQL servers that `scripts/ensure-postgres-versions` installs, for tests of what happens when PostgreSQL is upgraded.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::not_tried::say_not_tried;

/// The directory with `bin`, `lib` and `share` of `postgres-15`, `postgres-17` or `postgres-17-older`. To be copied before it is
/// run: root's substitute may not get this far. Without one, `what` is said not to have been tried.
pub fn find(name: &str, what: &str) -> Option<PathBuf> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres_versions/node_modules");
    let native = packages.join(name).join("native");
    let runs = Command::new(native.join("bin/postgres")).arg("--version").output();
    if runs.is_ok_and(|output| output.status.success()) {
        // Links resolved: a copy is to be of the files.
        return Some(native.canonicalize().unwrap());
    }
    say_not_tried(what, &format!("no {name} runs here (scripts/ensure-postgres-versions)"));
    None
}
