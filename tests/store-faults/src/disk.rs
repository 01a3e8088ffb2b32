//! A small ext4 on a loop device, whose power can be cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const SIZE: &str = "768M";
/// `FS_IOC_SHUTDOWN` with `FSOP_GOING_FLAGS_NOLOGFLUSH`: nothing more reaches the device.
const CUT: &str =
    "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1],os.O_RDONLY),0x8004587d,struct.pack('I',2))";

/// Mounted while it lives.
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes, formats and mounts it.
    pub(crate) fn make() -> Result<Self> {
        let root = std::env::temp_dir().join(format!("store-faults-{}", std::process::id()));
        let mount = root.join("mount");
        std::fs::create_dir_all(&mount)?;
        let disk = Self {
            image: root.join("disk.img"),
            mount,
        };
        call("truncate", &["-s", SIZE, text(&disk.image)?])?;
        call("mkfs.ext4", &["-q", "-F", text(&disk.image)?])?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// From now on nothing more is written to it.
    pub(crate) fn cut(&self) -> Result<()> {
        call("python3", &["-c", CUT, text(&self.mount)?]).map(drop)
    }

    /// Power again.
    pub(crate) fn restore(&self) -> Result<()> {
        call("umount", &[text(&self.mount)?])?;
        self.mount()
    }

    /// On a loop device of its own each time: another program's mount namespace may hold the one whose power was
    /// cut, and `mount -o loop` would take that again, dead as it is.
    fn mount(&self) -> Result<()> {
        let device = call("losetup", &["--find", "--show", text(&self.image)?])?;
        let mounted = call("mount", &[device.trim(), text(&self.mount)?]);
        // It goes with its last user.
        call("losetup", &["--detach", device.trim()])?;
        mounted.map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = text(&self.mount).and_then(|mount| call("umount", &[mount]));
        let removed = self.image.parent().map(std::fs::remove_dir_all);
        if unmounted.is_err() || !matches!(removed, Some(Ok(()))) {
            eprintln!("store-faults: {} stays behind", self.image.display());
        }
    }
}

/// What it said.
fn call(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| program.to_owned())?;
    if !output.status.success() {
        bail!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}
