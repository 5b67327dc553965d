//! How to install PostgreSQL here, in the words of this system's package manager.

/// `install it with ...`, for the system that we run on.
pub(super) fn how_to_install() -> String {
    if cfg!(target_os = "macos") {
        return "install it with `brew install postgresql@17`".to_owned();
    }
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    match package_command(&os_release) {
        Some(command) => format!("install it with `{command}`"),
        None => "install your system's package of the PostgreSQL server".to_owned(),
    }
}

/// Reads `ID` and `ID_LIKE` of os-release(5).
fn package_command(os_release: &str) -> Option<&'static str> {
    let families = ["ID=", "ID_LIKE="].into_iter().flat_map(|key| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        value.trim_matches('"').split_whitespace()
    });
    families.into_iter().find_map(|family| match family {
        "debian" | "ubuntu" => Some("sudo apt install postgresql"),
        "fedora" | "rhel" | "centos" => Some("sudo dnf install postgresql-server"),
        "suse" | "opensuse" => Some("sudo zypper install postgresql-server"),
        "arch" => Some("sudo pacman -S postgresql"),
        "alpine" => Some("sudo apk add postgresql"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_known_by_its_own_name_or_by_its_family() {
        assert_eq!(package_command("NAME=x\nID=debian\n"), Some("sudo apt install postgresql"));
        assert_eq!(
            package_command("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            Some("sudo dnf install postgresql-server")
        );
        assert_eq!(package_command("ID=plan9\n"), None);
    }
}
