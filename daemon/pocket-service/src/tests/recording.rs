//! No action without its record.

use pocket_core::audit::{self, Broken, Head, Standing};
use pocket_core::{AgentLimits, OperationKind, Profile};

use super::broker::broker;
use super::*;

/// What the owner may do without a record: reads, and questions about the device.
fn unrecorded(id: RecordId, upload: RecordId) -> Vec<Operation> {
    let category = Category::Notes;
    vec![
        Operation::AgentList,
        Operation::AuditShow {
            before: None,
            limit: 1,
        },
        Operation::BrokerShow,
        Operation::ConsentList,
        Operation::ConsentShow { id, picture: None },
        Operation::ConsentStatus { id, from: 0 },
        Operation::Get { category, id },
        Operation::Health { strict: false },
        Operation::List {
            category,
            after: None,
            limit: 1,
        },
        Operation::ProfileShow,
        Operation::ProviderList,
        Operation::ReadBlob { id, offset: 0 },
        Operation::Search {
            categories: vec![category],
            query: "new".to_owned(),
            limit: 1,
        },
        Operation::SecretList,
        Operation::SetupCode,
        Operation::Status,
        Operation::UpdateChunk { offset: 0 },
        Operation::UploadChunk { upload },
    ]
}

/// Of the form of an age recipient.
const RECIPIENT: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

/// Everything else that an unlocked device does, in an order in which all of it succeeds.
fn recorded(id: RecordId) -> Vec<Operation> {
    let category = Category::Notes;
    let content = Box::new(Content::check(note("Edited", "")).unwrap());
    let name = || "agent".parse().unwrap();
    vec![
        Operation::RecoveryConfirm,
        Operation::Add {
            items: vec![new_entry(note("New", ""))],
            import: false,
        },
        Operation::AgentAdd {
            name: name(),
            scopes: "notes:read".parse().unwrap(),
        },
        Operation::AgentLimit {
            name: name(),
            limits: AgentLimits::default(),
        },
        Operation::AgentRotate { name: name() },
        Operation::AgentRevoke { name: name() },
        Operation::AuditExport,
        Operation::AuditVerify { exported: false },
        Operation::Authenticate,
        Operation::BackupCreate,
        Operation::BackupRecipientAdd {
            recipient: RECIPIENT.to_owned(),
        },
        Operation::BackupRecipientRemove {
            recipient: RECIPIENT.to_owned(),
        },
        Operation::BackupSchedule(Some(pocket_core::BackupSchedule { days: 1, newest: 1 })),
        Operation::BrokerSet(Box::new(broker())),
        Operation::BrokerRemove,
        Operation::Check { accept_loss: false },
        Operation::Check { accept_loss: true },
        Operation::Edit {
            id,
            content,
            revision: None,
        },
        Operation::Export,
        Operation::ExportDone,
        Operation::Health { strict: true },
        Operation::PassphraseChange,
        Operation::ProfileSet {
            profile: Profile::LocalNetwork,
            minutes: Some(5),
        },
        Operation::ProviderAdd(Box::new(provider("https://api.example.com"))),
        Operation::ProviderRemove {
            name: "mine".parse().unwrap(),
        },
        Operation::RecoveryNew,
        Operation::SecretSet {
            name: "S".to_owned(),
            note: String::new(),
        },
        Operation::BackupPlaceSet(Box::new(pocket_core::BackupPlace {
            protocol: pocket_core::PlaceProtocol::Webdav,
            folder: "https://dav.example.com/".parse().unwrap(),
            user: "ann".to_owned(),
            secret: "S".to_owned(),
        })),
        Operation::BackupPlaceRemove,
        Operation::SecretDelete { name: "S".to_owned() },
        Operation::Unlock {
            with: Credential::Passphrase,
        },
        Operation::UploadBegin,
        Operation::Delete { category, id },
        Operation::CategoryRekey { category },
        Operation::CategoryErase { category },
    ]
}

/// Shown by tests of their own: refused, or the vault is gone afterwards.
const ELSEWHERE: [OperationKind; 21] = [
    OperationKind::BackupDone,
    OperationKind::BackupDrill,
    OperationKind::BackupRestore,
    OperationKind::BrokerTest,
    OperationKind::Ask,
    OperationKind::AskLocal,
    OperationKind::ConsentApprove,
    OperationKind::ConsentDeny,
    OperationKind::FactoryReset,
    OperationKind::Lock,
    OperationKind::PressSet,
    OperationKind::ReadAgain,
    OperationKind::Setup,
    OperationKind::StandingAdd,
    OperationKind::StandingRemove,
    OperationKind::UpdateFetch,
    OperationKind::BackupOffer,
    OperationKind::BackupSend,
    OperationKind::UpdateFetchStop,
    OperationKind::UpdateInstall,
    OperationKind::UpdateOffer,
];

/// What the device does by itself.
const OWN: [OperationKind; 23] = [
    OperationKind::BackupSent,
    OperationKind::AskStanding,
    OperationKind::AutoLock,
    OperationKind::BackupDrilled,
    OperationKind::BackupKey,
    OperationKind::BrokerLink,
    OperationKind::CallEnd,
    OperationKind::CallReceived,
    OperationKind::CallSent,
    OperationKind::ConsentExpire,
    OperationKind::Extract,
    OperationKind::FailedUnlocks,
    OperationKind::GatewayWidened,
    OperationKind::KeyringWritten,
    OperationKind::Press,
    OperationKind::Purge,
    OperationKind::Rekey,
    OperationKind::Resume,
    OperationKind::SelfTest,
    OperationKind::StandingBytes,
    OperationKind::StandingCalls,
    OperationKind::StandingMinutes,
    OperationKind::Stop,
];

#[test]
fn every_operation_leaves_a_record_or_stands_in_the_list_of_those_that_need_none() {
    let device = Device::new();
    let id = device.add(note("One", ""));
    let (unrecorded, recorded) = (unrecorded(id, RecordId::from_bytes([0; 16])), recorded(id));
    for kind in OperationKind::ALL {
        let listed = unrecorded
            .iter()
            .chain(&recorded)
            .any(|operation| operation.kind() == kind);
        assert!(
            listed || OWN.contains(&kind) || ELSEWHERE.contains(&kind),
            "{kind:?} is missing here"
        );
    }
    for operation in unrecorded {
        let (kind, before) = (operation.kind(), device.audit_length());
        // Two of them find nothing to read; what matters is that nothing happened in silence.
        device.ask(operation).map(drop).unwrap_or_default();
        assert_eq!(device.audit_length(), before, "{kind:?} left a record");
    }
    for operation in recorded {
        let (kind, before) = (operation.kind(), device.audit_length());
        let shows_passphrase = matches!(
            kind,
            OperationKind::BackupRecipientAdd
                | OperationKind::PassphraseChange
                | OperationKind::RecoveryNew
                | OperationKind::CategoryErase
        );
        let mut request = Request::new(owner(), operation).with_payload(payload(&device, kind));
        if shows_passphrase {
            request = request.with_passphrase(secret(PASSPHRASE));
        }
        let outcome = device.handle().call_blocking(request);
        assert!(outcome.is_ok(), "{kind:?} failed: {:?}", outcome.err());
        assert!(device.audit_length() > before, "{kind:?} acted without a record");
    }
}

/// What travels beside: the groups of the recovery key that are asked for, or a new passphrase.
fn payload(device: &Device, kind: OperationKind) -> SecretBytes {
    let groups = device.status().recovery_groups;
    match (kind, groups) {
        (OperationKind::RecoveryConfirm, Some((first, second))) => {
            let groups: Vec<&str> = device.recovery.expose_str().unwrap().split('-').collect();
            let group = |number: u8| groups[usize::from(number) - 1];
            secret(&format!("{} {}", group(first), group(second)))
        }
        _ => secret(PASSPHRASE),
    }
}

#[test]
fn a_refusal_is_recorded_and_so_is_a_wrong_passphrase() {
    let device = Device::new();
    let before = device.audit_length();
    let ask = Operation::Ask(Box::default());
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
        kind(device.ask(Operation::Ask(Box::default()))),
        Some(FailureKind::Invalid)
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

/// What the device says to `entries` as a piece that begins at `after`.
fn verify_piece(
    device: &Device,
    after: Head,
    more: bool,
    entries: &[audit::Entry],
) -> Result<Result<u64, Broken>, Failure> {
    let mut text = serde_json::to_string(&Standing { after, more }).unwrap();
    for entry in entries {
        text = text + "\n" + &serde_json::to_string(entry).unwrap();
    }
    let operation = Operation::AuditVerify { exported: true };
    let request = Request::new(owner(), operation).with_payload(secret(&text));
    match device.handle().call_blocking(request)?.answer {
        Answer::AuditVerified(verdict) => Ok(verdict),
        _ => panic!("not a verdict"),
    }
}

#[test]
fn an_exported_log_is_verified_in_pieces_without_a_hole_between_them() {
    let device = Device::new();
    device.add(note("One", ""));
    device.add(note("Two", ""));
    device.ask(Operation::AuditExport).map(drop).unwrap();
    let show = Operation::AuditShow {
        before: None,
        limit: 100,
    };
    let Ok(Answer::Audit(mut log)) = device.ask(show).map(|reply| reply.answer) else {
        panic!("no log");
    };
    log.reverse();
    let count = u64::try_from(log.len()).unwrap();
    let at = |length: usize| Head::default().after(&log[..length]);
    let verify = |after, more, entries| verify_piece(&device, after, more, entries);

    assert_eq!(verify(Head::default(), true, &log[..2]), Ok(Ok(2)));
    assert_eq!(verify(at(2), true, &log[2..3]), Ok(Ok(3)));
    assert_eq!(verify(at(3), false, &log[3..]), Ok(Ok(count)));
    let missing = Broken::Missing { first: 3, last: 3 };
    assert_eq!(verify(at(2), false, &log[3..]), Ok(Err(missing)), "a hole");
    assert_eq!(
        verify(Head { sequence: 3, ..at(2) }, false, &log[3..]),
        Ok(Err(Broken::Moved(4)))
    );
    assert_eq!(verify(at(3), true, &log[2..]), Ok(Err(Broken::Moved(3))), "twice");
    assert_eq!(
        verify(at(2), false, &log[2..3]),
        Ok(Err(Broken::Truncated {
            found: 3,
            expected: count
        }))
    );
    for (more, sequence) in [(true, count), (false, count), (true, 2)] {
        let verdict = verify(Head { sequence, ..at(2) }, more, &[]);
        assert!(
            matches!(verdict, Ok(Err(Broken::Truncated { .. }))),
            "nothing shows {sequence}"
        );
    }
}
