//! The factory reset, from locked and from unlocked.

use std::path::Path;
use std::process::Command;

use super::*;

fn reset(confirm: &str) -> Operation {
    Operation::FactoryReset {
        confirm: confirm.to_owned(),
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()));
}

#[test]
fn a_reset_asks_for_word_and_passphrase_and_leaves_nothing_that_opens() {
    for locked in [false, true] {
        let mut device = Device::new();
        device.add(note("Gone", "for good"));
        if locked {
            device.restart();
        }
        let kept = tempfile::tempdir().unwrap();
        device.restart();
        if !locked {
            device.unlock();
        }
        copy(&device.folder.path().join("data"), &kept.path().join("data"));
        assert_eq!(
            kind(device.ask_with(reset("erase"), PASSPHRASE)),
            Some(FailureKind::Invalid)
        );
        assert!(device.ask(reset("ERASE")).is_err());
        assert_eq!(
            kind(device.ask_with(reset("ERASE"), "wrong one")),
            Some(FailureKind::WrongCredential)
        );
        let proof = match device
            .ask_with(reset("ERASE"), PASSPHRASE)
            .map(|reply| reply.answer)
        {
            Ok(Answer::Reset(proof)) => proof,
            Ok(_) => panic!("another answer"),
            Err(failure) => panic!("{failure}"),
        };
        assert!(proof.samples > 0 && proof.tried > 0);
        assert_eq!((proof.opened, proof.files_left), (0, 0));
        assert_eq!(device.status().state, LockState::FirstRun);
        assert_eq!(device.status().reset, Some(proof));
        set_up(&device.handle());
        assert_eq!(device.status().reset, None);
        device.stop();
        // A copy of the old folder, on the new device, with the old passphrase.
        copy(&device.folder.path().join("device"), &kept.path().join("device"));
        let service = start(kept.path());
        let unlock = Request::new(
            owner(),
            Operation::Unlock {
                with: Credential::Passphrase,
            },
        );
        let opened = service
            .handle()
            .call_blocking(unlock.with_passphrase(secret(PASSPHRASE)));
        assert_eq!(kind(opened), Some(FailureKind::DeviceSecretMissing));
        assert!(service.stop());
    }
}
