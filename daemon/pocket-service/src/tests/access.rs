//! Setting up, locking, unlocking, and what goes wrong with it.

use std::fs;

use super::*;

const UNLOCK: Operation = Operation::Unlock {
    with: Credential::Passphrase,
};

#[test]
fn a_new_device_asks_for_its_code_and_slows_guessers_down() {
    let folder = tempfile::tempdir().unwrap();
    let service = start(folder.path());
    let handle = service.handle();
    assert_eq!(status(&handle).state, LockState::FirstRun);
    let guess = |code: &str| {
        let request = Request::new(Actor::Nobody(Door::Web), Operation::Setup);
        kind(
            handle.call_blocking(
                request
                    .with_passphrase(secret(PASSPHRASE))
                    .with_payload(secret(code)),
            ),
        )
    };
    for _ in 0..5 {
        assert_eq!(guess("AAAA-AAAA"), Some(FailureKind::WrongCredential));
    }
    assert_eq!(guess("AAAA-AAAA"), Some(FailureKind::Throttled));
    let web = Request::new(
        Actor::Owner {
            door: Door::Web,
            passphrase_shown: false,
        },
        Operation::SetupCode,
    );
    assert_eq!(kind(handle.call_blocking(web)), Some(FailureKind::Refused));
    let list = Operation::List {
        category: Category::Notes,
        after: None,
        limit: 1,
    };
    assert_eq!(
        kind(handle.call_blocking(Request::new(owner(), list))),
        Some(FailureKind::NotSetUp)
    );
    assert!(service.stop());
}

#[test]
fn a_weak_passphrase_is_refused_and_the_device_stays_new() {
    let folder = tempfile::tempdir().unwrap();
    let service = start(folder.path());
    let handle = service.handle();
    let code = handle
        .call_blocking(Request::new(owner(), Operation::SetupCode))
        .map(|reply| reply.payload);
    let request = Request::new(owner(), Operation::Setup).with_passphrase(secret("short"));
    let refused = handle.call_blocking(request.with_payload(code.unwrap().unwrap()));
    assert_eq!(kind(refused), Some(FailureKind::Invalid));
    assert_eq!(status(&handle).state, LockState::FirstRun);
}

#[test]
fn locked_means_locked_until_the_passphrase_comes() {
    let mut device = Device::new();
    let id = device.add(note("Kept", "through the restart"));
    device.restart();
    assert_eq!(state(&device), LockState::Locked);
    assert_eq!(kind(device.get(Category::Notes, id)), Some(FailureKind::Locked));
    assert_eq!(
        kind(device.ask_with(UNLOCK, "wrong passphrase")),
        Some(FailureKind::WrongCredential)
    );
    device.unlock();
    assert!(device.get(Category::Notes, id).is_ok());
    assert_eq!(device.ask(Operation::Lock { all: false }).map(drop), Ok(()));
    assert_eq!(state(&device), LockState::Locked);
}

#[test]
fn wrong_guesses_are_counted_over_restarts_and_recorded_at_the_next_unlock() {
    let mut device = Device::new();
    device.restart();
    for _ in 0..3 {
        assert_eq!(
            kind(device.ask_with(UNLOCK, "wrong passphrase")),
            Some(FailureKind::WrongCredential)
        );
    }
    device.restart();
    for _ in 0..2 {
        assert_eq!(
            kind(device.ask_with(UNLOCK, "wrong passphrase")),
            Some(FailureKind::WrongCredential)
        );
    }
    assert_eq!(device.status().failed_unlocks, 5);
    assert_eq!(
        kind(device.ask_with(UNLOCK, PASSPHRASE)),
        Some(FailureKind::Throttled)
    );
}

#[test]
fn the_recovery_key_opens_what_the_lost_device_secret_kept_shut_and_sets_a_new_passphrase() {
    let mut device = Device::new();
    let id = device.add(note("Kept", ""));
    device.restart();
    fs::remove_dir_all(device.folder.path().join("device")).unwrap();
    assert_eq!(
        kind(device.ask_with(UNLOCK, PASSPHRASE)),
        Some(FailureKind::DeviceSecretMissing)
    );
    let recovery = device.recovery.expose_str().unwrap().to_owned();
    let with = Credential::RecoveryKey;
    let wrong = "00000-00000-00000-00000-00000-00000-00000-00000";
    assert!(device.ask_with(Operation::Unlock { with }, wrong).is_err());
    assert_eq!(kind(device.ask_with(Operation::Unlock { with }, &recovery)), None);
    assert!(device.get(Category::Notes, id).is_ok());
    let change = Request::new(owner(), Operation::PassphraseChange);
    let change = change
        .with_passphrase(secret(&recovery))
        .with_payload(secret("another passphrase"));
    assert_eq!(kind(device.handle().call_blocking(change)), None);
    device.restart();
    assert_eq!(
        kind(device.ask_with(UNLOCK, PASSPHRASE)),
        Some(FailureKind::WrongCredential)
    );
    assert_eq!(kind(device.ask_with(UNLOCK, "another passphrase")), None);
}

#[test]
fn the_recovery_key_is_confirmed_by_the_two_groups_asked_for() {
    let device = Device::new();
    let status = device.status();
    assert_eq!(status.recovery_confirmed, Some(false));
    let (first, second) = status.recovery_groups.unwrap();
    let text = device.recovery.expose_str().unwrap().to_owned();
    let group = |number: u8| text.split('-').nth(usize::from(number) - 1).unwrap().to_owned();
    let confirm = |typed: String| {
        let request = Request::new(owner(), Operation::RecoveryConfirm).with_payload(secret(&typed));
        kind(device.handle().call_blocking(request))
    };
    assert_eq!(
        confirm(format!("{} 00000", group(first))),
        Some(FailureKind::WrongCredential)
    );
    assert_eq!(device.status().recovery_confirmed, Some(false));
    assert_eq!(confirm(format!("{} {}", group(first), group(second))), None);
    assert_eq!(device.status().recovery_confirmed, Some(true));
}

#[test]
fn damage_and_newer_formats_are_named_and_nothing_is_made_in_their_place() {
    let mut device = Device::new();
    device.stop();
    let data = device.folder.path().join("data");
    let good = fs::read(data.join("keyring.a")).unwrap();
    let mut bad = good.clone();
    bad[40] ^= 1;
    for copy in ["keyring.a", "keyring.b"] {
        fs::write(data.join(copy), &bad).unwrap();
    }
    let service = start(device.folder.path());
    assert!(matches!(
        status(&service.handle()).state,
        LockState::Damaged { .. }
    ));
    assert!(service.stop());
    assert_eq!(fs::read(data.join("keyring.a")).unwrap(), bad);

    fs::write(data.join("keyring.b"), &good).unwrap();
    let service = start(device.folder.path());
    let request = Request::new(owner(), UNLOCK).with_passphrase(secret(PASSPHRASE));
    assert_eq!(
        kind(service.handle().call_blocking(request)),
        None,
        "one good copy is enough"
    );
    assert!(service.stop());

    fs::rename(data.join("db"), data.join("gone")).unwrap();
    let service = start(device.folder.path());
    let request = Request::new(owner(), UNLOCK).with_passphrase(secret(PASSPHRASE));
    assert_eq!(
        kind(service.handle().call_blocking(request)),
        Some(FailureKind::Damaged)
    );
    assert!(!data.join("db").exists());
    assert!(service.stop());

    fs::write(data.join("VERSION"), "pocketai 9\n").unwrap();
    let newer = Service::start(config(device.folder.path())).map(drop);
    assert!(newer.is_err_and(|error| error.to_string().contains('9')));
}

#[test]
fn a_setup_that_was_cut_before_the_store_was_made_is_undone() {
    let mut device = Device::new();
    device.stop();
    let data = device.folder.path().join("data");
    fs::write(data.join("setup.pending"), "").unwrap();
    fs::remove_dir_all(data.join("db")).unwrap();
    let service = start(device.folder.path());
    assert_eq!(status(&service.handle()).state, LockState::FirstRun);
    assert_eq!(status(&service.handle()).reset, None);
    assert_eq!(
        fs::read_dir(device.folder.path().join("device")).unwrap().count(),
        0
    );
    set_up(&service.handle());
    assert_eq!(status(&service.handle()).state, LockState::Unlocked);
}

#[test]
fn a_stray_mark_of_a_setup_destroys_nothing() {
    let mut device = Device::new();
    let id = device.add(note("Kept", ""));
    let mark = device.folder.path().join("data/setup.pending");
    fs::write(&mark, "").unwrap();
    device.restart();
    device.unlock();
    assert!(device.get(Category::Notes, id).is_ok());
    assert!(!mark.exists());
}

#[test]
fn an_older_keyring_put_back_is_named() {
    let mut device = Device::new();
    let data = device.folder.path().join("data");
    let old = fs::read(data.join("keyring.a")).unwrap();
    let change = Request::new(owner(), Operation::PassphraseChange);
    let change = change
        .with_passphrase(secret(PASSPHRASE))
        .with_payload(secret("another passphrase"));
    device.handle().call_blocking(change).map(drop).unwrap();
    assert_eq!(device.status().findings, []);
    device.stop();
    for copy in ["keyring.a", "keyring.b"] {
        fs::write(data.join(copy), &old).unwrap();
    }
    device.service = Some(start(device.folder.path()));
    device.unlock();
    let named = |device: &Device| {
        let findings = device.status().findings;
        findings.iter().any(|finding| finding.what == "keyring")
    };
    assert!(named(&device));
    // A check of the store says nothing of the keyring, and does not make it good.
    device
        .ask(Operation::Check { accept_loss: false })
        .map(drop)
        .unwrap();
    assert!(named(&device));
}

#[test]
fn a_lost_keyring_can_be_reset_at_the_device_with_the_word_alone() {
    let mut device = Device::new();
    device.stop();
    for copy in ["keyring.a", "keyring.b"] {
        fs::write(device.folder.path().join("data").join(copy), "noise").unwrap();
    }
    device.service = Some(start(device.folder.path()));
    let reset = |confirm: &str| {
        device.ask(Operation::FactoryReset {
            confirm: confirm.to_owned(),
        })
    };
    assert_eq!(kind(reset("erase")), Some(FailureKind::Invalid));
    assert_eq!(kind(reset("ERASE")), None);
    assert_eq!(state(&device), LockState::FirstRun);
}

#[test]
fn damage_in_the_log_leaves_the_rest_open_until_the_owner_accepts_the_loss() {
    let mut device = Device::new();
    let id = device.add(note("Kept", ""));
    device.stop();
    let db = device.folder.path().join("data/db");
    let older = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
    };
    copy(&db, &older.path().join("db"));
    device.service = Some(start(device.folder.path()));
    device.unlock();
    device.add(note("Lost", ""));
    device.stop();
    fs::remove_dir_all(&db).unwrap();
    copy(&older.path().join("db"), &db);
    device.service = Some(start(device.folder.path()));
    device.unlock();
    assert!(
        !device.status().findings.is_empty(),
        "an older store was put back"
    );
    assert!(device.get(Category::Notes, id).is_ok());
    let list = || {
        device.ask(Operation::List {
            category: Category::Notes,
            after: None,
            limit: 9,
        })
    };
    assert_eq!(
        kind(list()),
        Some(FailureKind::Damaged),
        "a short category must not answer as if whole"
    );
    device
        .ask(Operation::Check { accept_loss: true })
        .map(drop)
        .unwrap();
    assert_eq!(kind(list()), None);
    device.add(note("New", ""));
}

#[test]
fn panic_revokes_every_agent_and_shuts_every_profile() {
    let mut device = Device::new();
    let name = "helper".parse().unwrap();
    let scopes = "notes:read".parse().unwrap();
    let reply = device.ask(Operation::AgentAdd { name, scopes });
    let token = reply.map(|reply| reply.payload).unwrap().unwrap();
    let profile = pocket_core::Profile::CloudWithConsent;
    device
        .ask(Operation::ProfileSet {
            profile,
            minutes: None,
        })
        .map(drop)
        .unwrap();
    device.ask(Operation::Lock { all: true }).map(drop).unwrap();
    device.restart();
    device.unlock();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let known = runtime.block_on(device.handle().agent(token));
    assert_eq!(kind(known), Some(FailureKind::WrongCredential));
    assert_eq!(device.status().profile, pocket_core::Profile::OfflineOnly);
}

/// One of its two copies is new and the other is not: only the disk knows which keyring counts, so
/// nothing more is sealed with the keys in memory.
#[test]
fn a_keyring_that_was_half_written_locks_the_vault_and_nothing_is_lost() {
    const NEW: &str = "another good passphrase";
    let mut device = Device::new();
    let id = device.add(note("One", "body"));
    let blocked = device.folder.path().join("data/.keyring.b.tmp");
    let change = |device: &Device| {
        let request = Request::new(owner(), Operation::PassphraseChange);
        let request = request.with_passphrase(secret(PASSPHRASE));
        kind(device.handle().call_blocking(request.with_payload(secret(NEW))))
    };
    // Neither copy: nothing has happened, and the vault stays open.
    let both = device.folder.path().join("data/.keyring.a.tmp");
    fs::create_dir(&both).unwrap();
    assert_eq!(change(&device), Some(FailureKind::Unavailable));
    assert_eq!(state(&device), LockState::Unlocked);
    fs::remove_dir(&both).unwrap();

    fs::create_dir(&blocked).unwrap();
    assert_eq!(change(&device), Some(FailureKind::Uncertain));
    assert_eq!(state(&device), LockState::Locked);
    assert_eq!(
        kind(device.ask_with(UNLOCK, PASSPHRASE)),
        Some(FailureKind::WrongCredential)
    );
    device.ask_with(UNLOCK, NEW).map(drop).unwrap();
    assert!(device.get(Category::Notes, id).is_ok());
    fs::remove_dir(&blocked).unwrap();
    device.restart();
    device.ask_with(UNLOCK, NEW).map(drop).unwrap();
    assert!(device.get(Category::Notes, id).is_ok());
}
