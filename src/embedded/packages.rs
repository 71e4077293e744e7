//! The command that installs PostgreSQL on this platform, for messages. It is never run from here.

use std::fs;

/// How the platform's package manager installs a server: any version, or one that an existing cluster needs.
#[must_use]
pub(crate) fn install_command(major: Option<u32>) -> String {
    if cfg!(target_os = "macos") {
        return homebrew(major);
    }
    let os_release = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    for_os_release(&os_release, major)
}

fn for_os_release(os_release: &str, major: Option<u32>) -> String {
    let with_major = |prefix: &str, suffix: &str| {
        let major = major.map(|major| major.to_string()).unwrap_or_default();
        format!("{prefix}{major}{suffix}")
    };
    // The distribution itself, then those it says it is like, nearest first.
    for id in identifiers(os_release) {
        return match id.as_str() {
            "debian" | "ubuntu" => {
                let dash = if major.is_some() { "-" } else { "" };
                with_major(&format!("sudo apt-get install postgresql{dash}"), "")
            }
            "fedora" | "rhel" | "centos" => with_major("sudo dnf install postgresql", "-server"),
            "suse" | "opensuse" => with_major("sudo zypper install postgresql", "-server"),
            "alpine" => with_major("apk add postgresql", ""),
            // Arch carries one version only.
            "arch" => "sudo pacman -S postgresql".to_owned(),
            _ => continue,
        };
    }
    match major {
        Some(major) => format!("your package manager (the server package of PostgreSQL {major})"),
        None => "your package manager (the server package of PostgreSQL 14 or newer)".to_owned(),
    }
}

fn homebrew(major: Option<u32>) -> String {
    format!("brew install postgresql@{}", major.unwrap_or(17))
}

/// The values of ID and ID_LIKE, in this order, as os-release(5) has them.
fn identifiers(os_release: &str) -> Vec<String> {
    ["ID=", "ID_LIKE="]
        .into_iter()
        .filter_map(|key| os_release.lines().find_map(|line| line.strip_prefix(key)))
        .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{for_os_release, homebrew};

    #[test]
    fn each_platform_gets_its_own_command() {
        let expected = [
            ("ID=debian\n", "sudo apt-get install postgresql"),
            ("NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "sudo apt-get install postgresql"),
            ("ID=fedora\n", "sudo dnf install postgresql-server"),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "sudo dnf install postgresql-server"),
            ("ID=alpine\n", "apk add postgresql"),
            ("ID=endeavouros\nID_LIKE=arch\n", "sudo pacman -S postgresql"),
        ];
        for (os_release, command) in expected {
            assert_eq!(for_os_release(os_release, None), command);
        }
    }

    #[test]
    fn an_existing_cluster_gets_the_package_of_its_major() {
        assert_eq!(for_os_release("ID=ubuntu", Some(15)), "sudo apt-get install postgresql-15");
        assert_eq!(for_os_release("ID=fedora", Some(15)), "sudo dnf install postgresql15-server");
        assert_eq!(for_os_release("ID=alpine", Some(15)), "apk add postgresql15");
        assert_eq!(homebrew(Some(15)), "brew install postgresql@15");
    }

    #[test]
    fn an_unknown_platform_is_told_what_is_needed() {
        assert!(for_os_release("", None).contains("PostgreSQL 14 or newer"));
        assert!(for_os_release("ID=plan9", Some(16)).contains("PostgreSQL 16"));
    }
}
