//! Where the owner has backups sent: a folder of a WebDAV server, or of a bucket that speaks S3. What leaves is
//! one sealed archive, which the owner saw named by its digest.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CallFailure, Method, WebAddress};

/// Longest user name, name of a secret or region, in bytes.
const LONGEST: usize = 256;
/// Longest name of an archive, in bytes.
const LONGEST_NAME: usize = 100;

/// Where backups are sent. The password is a secret, known here by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupPlace {
    /// What is spoken there.
    pub protocol: PlaceProtocol,
    /// The folder, ending in a slash; with S3 its path begins with the bucket.
    pub folder: WebAddress,
    /// Who logs in; with S3 the access key's id.
    pub user: String,
    /// The name of the secret that holds the password, or the secret access key.
    pub secret: String,
}

/// What is spoken at the place.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceProtocol {
    /// S3, with addresses in which the bucket stands first in the path.
    S3 {
        /// The region for which requests are signed.
        region: String,
    },
    /// WebDAV (RFC 4918), with a user and a password.
    Webdav,
}

impl PlaceProtocol {
    /// What the call does that sends an archive there.
    pub const fn method(&self) -> Method {
        match self {
            Self::S3 { .. } => Method::KeepS3,
            Self::Webdav => Method::KeepWebdav,
        }
    }
}

/// Why what is said of a place makes no sense.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidBackupPlace {
    /// No bucket.
    #[error(
        "with S3 the address begins with the bucket: https://HOST/BUCKET/ or https://HOST/BUCKET/FOLDER/"
    )]
    Bucket,
    /// No folder.
    #[error(
        "a folder's address ends in a slash, and its path has only letters, digits and - . _ ~, no empty part and no dots alone"
    )]
    Folder,
    /// No region.
    #[error("the region is 1 to 256 lower-case letters, digits and -")]
    Region,
    /// No name of a secret.
    #[error("the secret's name is 1 to 256 characters")]
    Secret,
    /// No user name.
    #[error("the user name is 1 to 256 visible characters of ASCII, without a colon")]
    User,
}

impl BackupPlace {
    /// Longest archive that is sent, in bytes. A single request of S3 takes 5 GiB; the log counts this far.
    pub const MOST: u64 = 4_000_000_000;

    /// The same, if it makes sense.
    ///
    /// # Errors
    /// [`InvalidBackupPlace`] names what does not.
    pub fn checked(self) -> Result<Self, InvalidBackupPlace> {
        let inner = match self.folder.path() {
            "/" => "",
            path => {
                let inner = path.strip_prefix('/').and_then(|path| path.strip_suffix('/'));
                let inner = inner.filter(|inner| inner.split('/').all(is_part));
                inner.ok_or(InvalidBackupPlace::Folder)?
            }
        };
        if let PlaceProtocol::S3 { region } = &self.protocol {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if inner.is_empty() {
                return Err(InvalidBackupPlace::Bucket);
            }
            if !is_short(region) || !region.chars().all(plain) {
                return Err(InvalidBackupPlace::Region);
            }
        }
        if !is_short(&self.secret) || self.secret.chars().any(char::is_control) {
            return Err(InvalidBackupPlace::Secret);
        }
        let visible = |c: char| c.is_ascii_graphic() && c != ':';
        if !is_short(&self.user) || !self.user.chars().all(visible) {
            return Err(InvalidBackupPlace::User);
        }
        Ok(self)
    }

    /// The address of a new archive; `None` when `name` is none that it can have.
    pub fn address_of(&self, name: &str) -> Option<WebAddress> {
        let plain = name.len() <= LONGEST_NAME && is_part(name);
        plain.then(|| format!("{}{name}", self.folder).parse().ok())?
    }
}

fn is_short(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
}

/// One part of a path, which means the same to whoever reads it: nothing to be decoded, nothing that leads up.
fn is_part(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    !part.is_empty() && !part.chars().all(|c| c == '.') && part.chars().all(plain)
}

/// A new archive that lies sealed on the device, to be sent once the owner consents to these very bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupOffer {
    /// What is spoken there.
    pub protocol: PlaceProtocol,
    /// Where it would lie.
    pub to: WebAddress,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of them, as 64 hexadecimal digits.
    pub sha256: String,
}

/// A backup that is sent, was sent, or came to nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupSending {
    /// Which.
    pub offer: BackupOffer,
    /// How it is.
    pub state: SendingState,
}

/// How the sending of a backup is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendingState {
    /// It came to nothing: nothing there counts as a backup.
    Failed {
        /// Why.
        reason: CallFailure,
        /// What the place answered last, if it did.
        answer: Option<(PlaceStep, u16)>,
        /// Whether what had come by then may still lie there, under a name that ends in `.part`.
        left: bool,
    },
    /// It waits for the owner's consent.
    Offered,
    /// It lies there with its whole length.
    Sent,
    /// It is on its way.
    UnderWay,
}

/// One request of those that send an archive.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceStep {
    /// It asks how long what lies there is: `HEAD`.
    Look,
    /// It gives it its name: `MOVE`.
    Name,
    /// It sends the bytes: `PUT`.
    Put,
    /// It takes away what is of no use: `DELETE`.
    Remove,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(protocol: PlaceProtocol, folder: &str) -> BackupPlace {
        BackupPlace {
            protocol,
            folder: folder.parse().unwrap(),
            user: "ann".into(),
            secret: "cloud".into(),
        }
    }

    fn s3(region: &str) -> PlaceProtocol {
        PlaceProtocol::S3 {
            region: region.into(),
        }
    }

    #[test]
    fn a_place_is_a_folder_whose_path_says_one_thing() {
        use InvalidBackupPlace as I;
        for (protocol, folder, wrong) in [
            (PlaceProtocol::Webdav, "https://a.example/", None),
            (
                PlaceProtocol::Webdav,
                "https://a.example:8443/dav/my_files/x-1/",
                None,
            ),
            (PlaceProtocol::Webdav, "https://a.example/dav", Some(I::Folder)),
            (PlaceProtocol::Webdav, "https://a.example//", Some(I::Folder)),
            (PlaceProtocol::Webdav, "https://a.example/a//b/", Some(I::Folder)),
            (
                PlaceProtocol::Webdav,
                "https://a.example/a/../b/",
                Some(I::Folder),
            ),
            (PlaceProtocol::Webdav, "https://a.example/a%2fb/", Some(I::Folder)),
            (PlaceProtocol::Webdav, "https://a.example/?x=/", Some(I::Folder)),
            (s3("eu-central-1"), "https://s3.example/bucket/", None),
            (s3("eu-central-1"), "https://s3.example/bucket/of/mine/", None),
            (s3("eu-central-1"), "https://s3.example/", Some(I::Bucket)),
            (s3(""), "https://s3.example/bucket/", Some(I::Region)),
            (s3("EU/x"), "https://s3.example/bucket/", Some(I::Region)),
        ] {
            let checked = place(protocol, folder).checked();
            assert_eq!(checked.err(), wrong, "{folder}");
        }
        for user in ["", "a:b", "a b", "a\r\nx", "\u{e4}"] {
            let place = BackupPlace {
                user: user.into(),
                ..place(PlaceProtocol::Webdav, "https://a.example/")
            };
            assert_eq!(place.checked().err(), Some(I::User), "{user:?}");
        }
        let place = BackupPlace {
            secret: String::new(),
            ..place(PlaceProtocol::Webdav, "https://a.example/")
        };
        assert_eq!(place.checked().err(), Some(I::Secret));
    }

    #[test]
    fn an_archive_lies_in_the_folder_and_nowhere_else() {
        let place = place(PlaceProtocol::Webdav, "https://a.example/dav/");
        let address = place.address_of("pocketai-1.age").map(|to| to.to_string());
        assert_eq!(address.as_deref(), Some("https://a.example/dav/pocketai-1.age"));
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a?b",
            "a b",
            "a%2f",
            &"x".repeat(101),
        ] {
            assert_eq!(place.address_of(name), None, "{name}");
        }
    }
}
