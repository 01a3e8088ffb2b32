//! Where the control socket lies when nobody says so. Pure: the environment is an argument.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the installed device's service has its socket.
pub const SYSTEM_SOCKET: &str = "/run/pocketai/control.sock";

/// Longest path of a socket, in bytes: what Linux has room for in `sockaddr_un`, less the zero at its
/// end.
pub const MAX_SOCKET_PATH: usize = 107;

/// The data folder: `chosen`, else `$STATE_DIRECTORY`, else `pocketai` in the XDG data folder;
/// `None` when not even `$HOME` is set.
pub fn data_folder(chosen: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let chosen = chosen.map(Path::to_path_buf);
    chosen.or_else(|| folder(env("STATE_DIRECTORY"))).or_else(|| {
        let home = || folder(env("HOME")).map(|home| home.join(".local/share"));
        folder(env("XDG_DATA_HOME"))
            .or_else(home)
            .map(|data| data.join("pocketai"))
    })
}

/// The control socket: in `$RUNTIME_DIRECTORY`, else in `run` of the [`data_folder`].
pub fn control_path(data_dir: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = folder(env("RUNTIME_DIRECTORY"))
        .or_else(|| data_folder(data_dir, env).map(|data| data.join("run")))?;
    Some(folder.join("control.sock"))
}

/// The first of the folders in a variable (systemd separates several by colons). A relative one is
/// ignored, as the XDG base directory specification demands.
fn folder(variable: Option<OsString>) -> Option<PathBuf> {
    let variable = variable?;
    let first = std::env::split_paths(&variable).next()?;
    first.is_absolute().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(data_dir: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let env = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        control_path(data_dir.map(Path::new), env).map(|path| path.display().to_string())
    }

    #[test]
    fn the_socket_is_looked_for_in_the_order_that_the_manual_names() {
        let home = [("HOME", "/home/o")];
        let all = [
            ("HOME", "/home/o"),
            ("XDG_DATA_HOME", "/data"),
            ("STATE_DIRECTORY", "/var/lib/pocketai:/other"),
            ("RUNTIME_DIRECTORY", "/run/pocketai"),
        ];
        let expect = |path: &str| Some(path.to_owned());
        assert_eq!(control(None, &[]), None);
        assert_eq!(
            control(None, &home),
            expect("/home/o/.local/share/pocketai/run/control.sock")
        );
        assert_eq!(
            control(None, &all[..2]),
            expect("/data/pocketai/run/control.sock")
        );
        assert_eq!(
            control(None, &all[..3]),
            expect("/var/lib/pocketai/run/control.sock")
        );
        assert_eq!(control(Some("mine"), &all[..3]), expect("mine/run/control.sock"));
        assert_eq!(control(None, &all), expect("/run/pocketai/control.sock"));
        let relative = [("HOME", "/home/o"), ("XDG_DATA_HOME", "data")];
        assert_eq!(
            control(None, &relative),
            expect("/home/o/.local/share/pocketai/run/control.sock")
        );
    }
}
