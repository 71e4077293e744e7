//! What a test says that cannot try something on this machine, and must not keep it to itself.

use std::io::Write;

/// Says it past the test runner, which would swallow what a test prints that does not fail.
pub fn say_not_tried(what: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "==> {what}: not tried, because {reason}");
}
