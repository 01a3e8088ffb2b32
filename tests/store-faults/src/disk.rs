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
        call("python3", &["-c", CUT, text(&self.mount)?])
    }

    /// Power again.
    pub(crate) fn restore(&self) -> Result<()> {
        call("umount", &[text(&self.mount)?])?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        call("mount", &["-o", "loop", text(&self.image)?, text(&self.mount)?])
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

fn call(program: &str, arguments: &[&str]) -> Result<()> {
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
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}
