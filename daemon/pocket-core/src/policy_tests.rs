use super::*;
use crate::{Agent, RecordId, Scopes};
use std::time::Duration;

const CATEGORIES: [Category; 10] = Category::ALL;

fn agent(scopes: &str) -> Actor {
    let scopes: Scopes = scopes.parse().unwrap();
    Actor::Agent(Agent {
        id: RecordId::from_bytes([1; 16]),
        scopes,
    })
}

fn owner(passphrase_shown: bool) -> Actor {
    Actor::Owner {
        door: Door::Control,
        passphrase_shown,
    }
}

fn word(actor: &Actor, kind: OperationKind, category: Category) -> &'static str {
    match check(Profile::OfflineOnly, actor, kind, &[category]) {
        Ok(Answer::Yes) => "yes",
        Ok(Answer::OfOwner) => "ask",
        Err(_) => "no",
    }
}

/// One row a kind: nobody, agent with every scope, owner, owner with passphrase, device itself.
#[test]
fn the_table() {
    use OperationKind as K;
    let everything = "memory:read+search+write+delete,notes:read+search+write+delete";
    let actors = [
        Actor::Nobody(Door::Web),
        agent(everything),
        owner(false),
        owner(true),
        Actor::Device,
    ];
    let row = |kind| actors.each_ref().map(|actor| word(actor, kind, Category::Notes));
    for kind in K::ALL {
        let expected = match kind {
            K::Authenticate | K::BackupRestore | K::Setup | K::Status | K::Unlock => ["yes"; 5],
            K::Add | K::Delete | K::Edit | K::Get | K::List | K::Search | K::UploadBegin | K::UploadChunk => {
                ["no", "yes", "yes", "yes", "no"]
            }
            K::ReadBlob => ["no", "yes", "yes", "yes", "yes"],
            K::BackupRecipientAdd
            | K::CategoryErase
            | K::FactoryReset
            | K::PassphraseChange
            | K::PressSet
            | K::RecoveryNew
            | K::UpdateInstall => ["no", "no", "no", "yes", "no"],
            K::BrokerLink | K::BrokerTest => ["no"; 5],
            K::AutoLock
            | K::BackupDrilled
            | K::BackupKey
            | K::BackupSent
            | K::CallEnd
            | K::CallReceived
            | K::CallSent
            | K::ConsentExpire
            | K::Extract
            | K::FailedUnlocks
            | K::GatewayWidened
            | K::KeyringWritten
            | K::Press
            | K::Purge
            | K::Rekey
            | K::Resume
            | K::SelfTest
            | K::StandingBytes
            | K::StandingCalls
            | K::StandingMinutes
            | K::Stop => ["no", "no", "no", "no", "yes"],
            K::Ask
            | K::AskStanding
            | K::BackupOffer
            | K::BackupSend
            | K::ConsentApprove
            | K::StandingAdd
            | K::UpdateFetch => ["no"; 5],
            K::AskLocal => ["no", "yes", "yes", "yes", "no"],
            K::ConsentList | K::ConsentStatus | K::ProviderList => ["no", "yes", "yes", "yes", "no"],
            _ => ["no", "no", "yes", "yes", "no"],
        };
        assert_eq!(row(kind), expected, "{kind:?}");
    }
}

#[test]
fn an_agent_does_what_its_scopes_say_and_no_more() {
    use OperationKind as K;
    let verbs = [
        (K::Get, Verb::Read),
        (K::Search, Verb::Search),
        (K::Edit, Verb::Write),
        (K::Delete, Verb::Delete),
    ];
    for given in Verb::ALL
        .into_iter()
        .filter(|verb| verb.applies_to(Category::Tasks))
    {
        let actor = agent(&format!("tasks:{}", given.name()));
        for category in CATEGORIES {
            for (kind, needed) in verbs {
                let expected = if category == Category::Tasks && given == needed {
                    "yes"
                } else {
                    "no"
                };
                assert_eq!(
                    word(&actor, kind, category),
                    expected,
                    "{given:?} {kind:?} {category}"
                );
            }
        }
    }
    let both = check(
        Profile::OfflineOnly,
        &agent("tasks:search"),
        K::Search,
        &[Category::Tasks, Category::Notes],
    );
    assert_eq!(both, Err(Reason::NoScope(Category::Notes, "search")));
}

#[test]
fn nobody_writes_the_audit_log_or_bypasses_the_secrets_door() {
    for kind in [
        OperationKind::Add,
        OperationKind::Edit,
        OperationKind::Delete,
        OperationKind::CategoryErase,
        OperationKind::CategoryRekey,
    ] {
        let refused = check(Profile::Custom, &owner(true), kind, &[Category::Audit]);
        assert_eq!(refused, Err(Reason::AuditIsFixed), "{kind:?}");
    }
    let refused = check(
        Profile::Custom,
        &owner(true),
        OperationKind::Add,
        &[Category::Secrets],
    );
    assert_eq!(refused, Err(Reason::SecretsApart));
}

#[test]
fn the_cloud_is_shut_unless_a_profile_opens_it_and_then_the_owner_is_asked() {
    for (profile, open) in [
        (Profile::OfflineOnly, false),
        (Profile::LocalNetwork, false),
        (Profile::CloudWithConsent, true),
        (Profile::Custom, true),
    ] {
        let expected = |answer| {
            if open {
                Ok(answer)
            } else {
                Err(Reason::Profile(profile))
            }
        };
        for actor in [owner(true), agent("notes:read,outbox:send")] {
            let decision = check(profile, &actor, OperationKind::Ask, &[Category::Notes]);
            assert_eq!(decision, expected(Answer::OfOwner));
        }
        for kind in [OperationKind::ConsentApprove, OperationKind::StandingAdd] {
            assert_eq!(check(profile, &owner(false), kind, &[]), expected(Answer::Yes));
            let by_agent = check(profile, &agent("outbox:send+write"), kind, &[]);
            assert_eq!(by_agent, Err(Reason::OwnerOnly));
        }
        let unasked = check(profile, &agent("notes:read+write"), OperationKind::Ask, &[]);
        assert_eq!(unasked, Err(Reason::NoScope(Category::Outbox, "send")));
        let blind = check(
            profile,
            &agent("outbox:send"),
            OperationKind::Ask,
            &[Category::Notes],
        );
        assert_eq!(blind, Err(Reason::NoScope(Category::Notes, "read")));
        for category in [
            Category::Audit,
            Category::Documents,
            Category::Secrets,
            Category::Settings,
        ] {
            let critical = check(
                profile,
                &owner(true),
                OperationKind::Ask,
                &[Category::Notes, category],
            );
            assert_eq!(critical, Err(Reason::NeverLeaves(category)));
        }
        assert_eq!(
            check(profile, &Actor::Nobody(Door::Web), OperationKind::Ask, &[]),
            Err(Reason::Anonymous)
        );
    }
    let now = Timestamp::from_millis(1_000);
    let lease = Lease::new(Profile::CloudWithConsent, now, Duration::from_secs(1));
    let ask = Operation::Ask(Box::default());
    assert!(matches!(
        decide(lease, &owner(true), &ask, now),
        Decision::AskOwner(_)
    ));
    let later = now.plus(Duration::from_secs(1));
    assert!(matches!(
        decide(lease, &owner(true), &ask, later),
        Decision::Refuse(Reason::Profile(_))
    ));
}

#[test]
fn the_setup_code_shows_on_the_control_socket_only() {
    let web = Actor::Owner {
        door: Door::Web,
        passphrase_shown: true,
    };
    assert_eq!(
        check(Profile::OfflineOnly, &web, OperationKind::SetupCode, &[]),
        Err(Reason::WrongDoor)
    );
}

/// Every kind either leaves a record or stands in this list: nothing acts without one by accident.
#[test]
fn what_goes_unrecorded_is_a_closed_list() {
    use OperationKind as K;
    let silent_for_owner = [
        K::AgentList,
        K::AuditShow,
        K::BrokerShow,
        K::ConsentList,
        K::ConsentShow,
        K::ConsentStatus,
        K::Get,
        K::Health,
        K::List,
        K::ProfileShow,
        K::ProviderList,
        K::ReadBlob,
        K::Search,
        K::SecretList,
        K::SetupCode,
        K::Status,
        K::UpdateChunk,
        K::UploadChunk,
    ];
    let actor = agent("notes:read");
    for kind in K::ALL {
        let by_owner = recording(&owner(true), kind, &[Category::Notes]);
        assert_eq!(
            by_owner == Recording::None,
            silent_for_owner.contains(&kind),
            "{kind:?}"
        );
        if matches!(kind, K::Get | K::List | K::ReadBlob | K::Search) {
            assert_eq!(
                recording(&actor, kind, &[Category::Notes]),
                Recording::Soon,
                "{kind:?}"
            );
            assert_eq!(
                recording(&actor, kind, &[Category::Documents]),
                Recording::First,
                "{kind:?}"
            );
        }
    }
}

#[test]
fn a_standing_consent_gives_leave_in_custom_alone() {
    let now = Timestamp::from_millis(1_000);
    let minute = Duration::from_secs(60);
    let provider: ProviderName = "mine".parse().unwrap();
    let standing = StandingConsent {
        id: RecordId::from_bytes([7; 16]),
        agent: RecordId::from_bytes([1; 16]),
        provider: provider.clone(),
        category: Some(Category::Notes),
        calls: 1,
        bytes: 10,
        from: now,
        until: now.plus(minute),
    };
    let ask = Operation::Ask(Box::new(crate::Ask {
        with: vec![(Category::Notes, RecordId::from_bytes([2; 16]))],
        ..crate::Ask::default()
    }));
    let question = |profile, actor: &Actor| match decide(Lease::new(profile, now, minute), actor, &ask, now) {
        Decision::AskOwner(question) => question,
        Decision::Allow(_) | Decision::Refuse(_) => panic!("the owner is not asked"),
    };
    let agent = agent("notes:read,outbox:send");
    assert!(
        decide_own(OperationKind::AskStanding).is_err(),
        "leave without a consent"
    );
    let custom = question(Profile::Custom, &agent);
    assert_eq!(custom.categories(), [Category::Notes]);
    let (permit, left) = custom.by_standing(&standing, &provider, 10, now).unwrap();
    assert_eq!(
        (permit.kind(), permit.recording()),
        (OperationKind::AskStanding, Recording::First)
    );
    assert_eq!(permit.categories(), [Category::Notes]);
    assert_eq!((left.calls, left.bytes), (0, 0));
    assert!(custom.by_standing(&left, &provider, 0, now).is_none());
    let asked_each_time = question(Profile::CloudWithConsent, &agent);
    assert!(
        asked_each_time
            .by_standing(&standing, &provider, 1, now)
            .is_none()
    );
    let by_owner = question(Profile::Custom, &owner(true));
    assert!(by_owner.by_standing(&standing, &provider, 1, now).is_none());
}

#[test]
fn the_owners_network_is_shut_unless_a_profile_opens_it() {
    let now = Timestamp::from_millis(1_000_000);
    for (profile, open) in [
        (Profile::OfflineOnly, false),
        (Profile::LocalNetwork, true),
        (Profile::CloudWithConsent, false),
        (Profile::Custom, true),
    ] {
        let expected = if open {
            Ok(Answer::Yes)
        } else {
            Err(Reason::NetworkShut(profile))
        };
        let lease = Lease::new(profile, now, Duration::from_secs(60));
        let link = decide_link(lease, now).map(|permit| (permit.kind(), permit.recording()));
        assert_eq!(
            link.ok(),
            open.then_some((OperationKind::BrokerLink, Recording::First))
        );
        let late = decide_link(lease, now.plus(Duration::from_secs(60)));
        assert_eq!(late.err(), Some(Reason::NetworkShut(Profile::OfflineOnly)));
        assert_eq!(
            check(profile, &owner(false), OperationKind::BrokerTest, &[]),
            expected
        );
        assert_eq!(check(profile, &Actor::Broker, OperationKind::Lock, &[]), expected);
        let note = check(profile, &Actor::Broker, OperationKind::Add, &[Category::Notes]);
        assert_eq!(note, expected);
    }
}

#[test]
fn over_the_broker_one_can_leave_a_note_and_lock_and_nothing_else() {
    for kind in OperationKind::ALL {
        for category in CATEGORIES {
            let allowed =
                kind == OperationKind::Lock || (kind == OperationKind::Add && category == Category::Notes);
            let answer = check(Profile::Custom, &Actor::Broker, kind, &[category]);
            assert_eq!(answer.is_ok(), allowed, "{kind:?} {category}");
        }
        let more = [Category::Notes, Category::Tasks];
        let answer = check(Profile::Custom, &Actor::Broker, kind, &more);
        assert_eq!(answer.is_ok(), kind == OperationKind::Lock, "{kind:?}");
    }
}

#[test]
fn a_link_needs_a_permit_of_its_own() {
    let terms = crate::LinkTerms {
        host: "broker".to_owned(),
        port: 8883,
        encrypted: true,
        ca: None,
        user: None,
        device: "0".repeat(16),
        prefix: "homeassistant".to_owned(),
        expires: Timestamp::from_millis(1),
        nonce: [0; 16],
    };
    for kind in OperationKind::ALL {
        let permit = crate::RecordedPermit { kind };
        let leave = crate::LinkLeave::new(permit, terms.clone());
        assert_eq!(leave.is_some(), kind == OperationKind::BrokerLink, "{kind:?}");
        let permit = crate::RecordedPermit { kind };
        let call = matches!(kind, OperationKind::AskStanding | OperationKind::ConsentApprove);
        let post = call_terms(crate::Method::Post);
        assert_eq!(crate::Grant::new(permit, post).is_some(), call, "{kind:?}");
        let get = call_terms(crate::Method::Get);
        let sends = crate::Terms {
            body_length: 1,
            ..get.clone()
        };
        let permit = crate::RecordedPermit { kind };
        let fetch = kind == OperationKind::UpdateFetch;
        assert_eq!(crate::Grant::new(permit, get).is_some(), fetch, "{kind:?}");
        let permit = crate::RecordedPermit { kind };
        assert!(crate::Grant::new(permit, sends).is_none(), "{kind:?}");
        for keeps in [crate::Method::KeepS3, crate::Method::KeepWebdav] {
            let permit = crate::RecordedPermit { kind };
            let send = kind == OperationKind::BackupSend;
            assert_eq!(
                crate::Grant::new(permit, call_terms(keeps)).is_some(),
                send,
                "{kind:?}"
            );
        }
    }
}

#[test]
fn a_backup_is_sent_only_where_the_cloud_is_open_and_only_by_the_owner() {
    let everything = agent("outbox:send,notes:read+write");
    for profile in Profile::ALL {
        for kind in [OperationKind::BackupOffer, OperationKind::BackupSend] {
            let by = |actor: &Actor| check(profile, actor, kind, &[]).is_ok();
            assert_eq!(by(&owner(false)), profile.opens_cloud(), "{profile}");
            for other in [
                &everything,
                &Actor::Broker,
                &Actor::Device,
                &Actor::Nobody(Door::Web),
            ] {
                assert!(!by(other), "{profile} {other:?}");
            }
        }
    }
}

#[test]
fn a_release_is_fetched_only_where_the_cloud_is_open_and_only_for_the_owner() {
    let everything = agent("outbox:send,notes:read+write");
    for profile in Profile::ALL {
        let by = |actor: &Actor| check(profile, actor, OperationKind::UpdateFetch, &[]).is_ok();
        assert_eq!(by(&owner(false)), profile.opens_cloud(), "{profile}");
        for other in [
            &everything,
            &Actor::Broker,
            &Actor::Device,
            &Actor::Nobody(Door::Web),
        ] {
            assert!(!by(other), "{profile} {other:?}");
        }
        let stop = check(profile, &owner(false), OperationKind::UpdateFetchStop, &[]);
        assert!(stop.is_ok(), "{profile}");
    }
}

fn call_terms(method: crate::Method) -> crate::Terms {
    crate::Terms {
        id: RecordId::from_bytes([1; 16]),
        host: "api.example.org".to_owned(),
        port: 443,
        path: "/".to_owned(),
        method,
        body_sha256: [0; 32],
        body_length: 0,
        most_answer: 0,
        patience_millis: 0,
        expires: Timestamp::from_millis(1),
        nonce: [0; 16],
        pin: None,
    }
}
