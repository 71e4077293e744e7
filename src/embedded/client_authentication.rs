//! Client authentication of the embedded server (`pg_hba.conf`, `pg_ident.conf`): by who the process at the other end of the socket is.
//!
//! The socket's directory lets nobody through but the owner and root. Should another user's process get there all the same, the server
//! asks the system whose it is (`peer`). Roles that an administrator has made get in with their password.

use std::fs;
use std::path::Path;

use crate::embedded::database::{PROGRAM_ROLE, ROLE};
use crate::embedded::error::EmbeddedError;
use crate::embedded::files;
use crate::embedded::owner::Owner;

const RULES_FILE: &str = "pg_hba.conf";
const NAMES_FILE: &str = "pg_ident.conf";
/// The first line of both. An administrator's own lines would be gone after the next start: so it says.
const MARK: &str = "# Written by reasoner-webhooks at each start of this server: changes do not stay.\n";
/// Who administers the machine can be the owner anyway.
const ADMINISTRATOR: &str = "root";

/// Writes both files for the cluster in `directory`. A server that runs reads them when it is told to.
pub(crate) fn write(directory: &Path, owner: &Owner) -> Result<(), EmbeddedError> {
    // The names first: rules that name users whom nobody knows would keep everybody out.
    // `all` is every database, and not replication, which a base backup is.
    let rules = format!(
        "{MARK}local all {ROLE},{PROGRAM_ROLE} peer map=reasoner\nlocal replication {ROLE} peer map=reasoner\n\
         local all all scram-sha-256\n"
    );
    for (name, text) in [(NAMES_FILE, names(owner.name())), (RULES_FILE, rules)] {
        let path = directory.join(name);
        // Not where there is nothing to change: a disk may be full.
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            files::replace_private(&path, &text)?;
        }
    }
    Ok(())
}

/// Whether the rules are of this program, and not initdb's, which let in whoever reaches the socket.
pub(crate) fn is_written(directory: &Path) -> bool {
    fs::read_to_string(directory.join(RULES_FILE)).is_ok_and(|rules| rules.starts_with(MARK))
}

/// Which users of the system may be which role.
fn names(owner: &str) -> String {
    let mut text = MARK.to_owned();
    for user in [owner, ADMINISTRATOR] {
        for role in [ROLE, PROGRAM_ROLE] {
            text.push_str(&format!("reasoner \"{user}\" {role}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_owner_and_root_may_be_the_roles_of_the_program() {
        let text = names("maya b");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "reasoner \"maya b\" reasoner",
                "reasoner \"maya b\" reasoner_program",
                "reasoner \"root\" reasoner",
                "reasoner \"root\" reasoner_program"
            ]
        );
    }
}
