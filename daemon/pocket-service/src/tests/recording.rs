//! No action without its record.

use pocket_core::{OperationKind, Profile};

use super::*;

/// One of each kind that the unlocked engine takes, and whether the owner's doing leaves a record.
fn every_operation(id: RecordId, upload: RecordId) -> Vec<(Operation, bool)> {
    let category = Category::Notes;
    let content = || Box::new(Content::check(note("Edited", "")).unwrap());
    let name = || "agent".parse().unwrap();
    vec![
        (
            Operation::Add {
                items: vec![new_entry(note("New", ""))],
                import: false,
            },
            true,
        ),
        (
            Operation::AgentAdd {
                name: name(),
                scopes: "notes:read".parse().unwrap(),
            },
            true,
        ),
        (Operation::AgentList, false),
        (Operation::AgentRevoke { name: name() }, true),
        (Operation::Ask { provider: None }, true),
        (Operation::AuditExport, true),
        (
            Operation::AuditShow {
                before: None,
                limit: 1,
            },
            false,
        ),
        (Operation::AuditVerify { exported: false }, true),
        (Operation::Authenticate, true),
        (Operation::Check { accept_loss: false }, true),
        (Operation::ConsentList, false),
        (
            Operation::Edit {
                id,
                content: content(),
                revision: None,
            },
            true,
        ),
        (Operation::Export, true),
        (Operation::Get { category, id }, false),
        (Operation::Health { strict: false }, false),
        (Operation::Health { strict: true }, true),
        (
            Operation::List {
                category,
                after: None,
                limit: 1,
            },
            false,
        ),
        (Operation::PassphraseChange, true),
        (
            Operation::ProfileSet {
                profile: Profile::LocalNetwork,
                minutes: Some(5),
            },
            true,
        ),
        (Operation::ProfileShow, false),
        (Operation::ReadBlob { id, offset: 0 }, false),
        (Operation::RecoveryConfirm, false),
        (Operation::RecoveryNew, true),
        (
            Operation::Search {
                categories: vec![category],
                query: "new".to_owned(),
                limit: 1,
            },
            false,
        ),
        (
            Operation::SecretSet {
                name: "S".to_owned(),
                note: String::new(),
            },
            true,
        ),
        (Operation::SecretList, false),
        (Operation::SecretDelete { name: "S".to_owned() }, true),
        (Operation::Setup, true),
        (Operation::SetupCode, false),
        (Operation::Status, false),
        (
            Operation::Unlock {
                with: Credential::Passphrase,
            },
            true,
        ),
        (Operation::UploadBegin, true),
        (Operation::UploadChunk { upload }, false),
        (Operation::Delete { category, id }, true),
        (Operation::CategoryErase { category }, true),
        (Operation::Lock { all: false }, true),
        (
            Operation::FactoryReset {
                confirm: "ERASE".to_owned(),
            },
            true,
        ),
    ]
}

#[test]
fn every_operation_leaves_a_record_or_stands_in_the_list_of_those_that_need_none() {
    let device = Device::new();
    let id = device.add(note("One", ""));
    let operations = every_operation(id, RecordId::from_bytes([0; 16]));
    let own = [
        OperationKind::AutoLock,
        OperationKind::FailedUnlocks,
        OperationKind::Purge,
        OperationKind::Resume,
        OperationKind::SelfTest,
        OperationKind::Stop,
    ];
    for kind in OperationKind::ALL {
        let listed = operations.iter().any(|(operation, _)| operation.kind() == kind);
        assert!(listed || own.contains(&kind), "{kind:?} is missing here");
    }
    for (operation, recorded) in operations {
        let kind = operation.kind();
        if matches!(kind, OperationKind::Lock | OperationKind::FactoryReset) {
            continue;
        }
        let before = device.audit_length();
        let with_passphrase = matches!(
            kind,
            OperationKind::PassphraseChange | OperationKind::RecoveryNew | OperationKind::CategoryErase
        );
        let mut request = Request::new(owner(), operation).with_payload(secret(PASSPHRASE));
        if with_passphrase {
            request = request.with_passphrase(secret(PASSPHRASE));
        }
        // Several fail for want of something: then the decision alone is recorded, or nothing was done.
        let outcome = device.handle().call_blocking(request);
        let grew = device.audit_length() > before;
        if recorded {
            assert!(grew || outcome.is_err(), "{kind:?} acted without a record");
        } else {
            assert!(!grew, "{kind:?} left a record");
        }
    }
}

#[test]
fn a_refusal_is_recorded_and_so_is_a_wrong_passphrase() {
    let device = Device::new();
    let before = device.audit_length();
    let ask = Operation::Ask { provider: None };
    assert_eq!(kind(device.ask(ask)), Some(FailureKind::Refused));
    assert_eq!(device.audit_length(), before + 1);
    let profile = Profile::CloudWithConsent;
    device
        .ask(Operation::ProfileSet {
            profile,
            minutes: Some(5),
        })
        .map(drop)
        .unwrap();
    assert_eq!(
        kind(device.ask(Operation::Ask { provider: None })),
        Some(FailureKind::Refused)
    );
    assert_eq!(device.audit_length(), before + 3);
    assert_eq!(
        kind(device.ask_with(Operation::RecoveryNew, "wrong one")),
        Some(FailureKind::WrongCredential)
    );
    assert_eq!(device.audit_length(), before + 4);
}

#[test]
fn the_log_verifies_over_locks_restarts_and_kills() {
    let mut device = Device::new();
    device.add(note("One", ""));
    device.restart();
    device.unlock();
    device.add(note("Two", ""));
    device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    device.unlock();
    let verified = device
        .ask(Operation::AuditVerify { exported: false })
        .map(|reply| reply.answer);
    let length = device.audit_length();
    assert!(matches!(verified, Ok(Answer::AuditVerified(Ok(count))) if count == length));
}
