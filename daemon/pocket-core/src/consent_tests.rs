use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn start() -> Timestamp {
    Timestamp::from_millis(1_000_000_000)
}

fn agent(number: u8) -> ActorRef {
    ActorRef::Agent(RecordId::from_bytes([number; 16]))
}

fn consent(number: u8) -> Consent {
    Consent {
        id: RecordId::from_bytes([number; 16]),
        asker: agent(1),
        asked: start(),
        expires: start().plus(Consent::PATIENCE),
        provider: "mine".parse().unwrap(),
        place: "https://api.example.com/v1".parse().unwrap(),
        path: "/v1/chat/completions".to_owned(),
        model: "small".to_owned(),
        purpose: String::new(),
        categories: Vec::new(),
        sha256: format!("{number:064x}"),
        size: 10,
        replaced: Vec::new(),
        pictures: 0,
        tokens: 3,
        cost: None,
        repeats: 0,
        standing: false,
        state: ConsentState::Waiting,
    }
}

fn answered() -> ConsentState {
    ConsentState::Answered { sent: 1, received: 2 }
}

#[test]
fn a_yes_is_for_the_very_bytes_once_and_in_time() {
    let digest = consent(1).sha256;
    let sending = consent(1).approve(&digest, start()).unwrap();
    assert_eq!(sending.state, ConsentState::Sending);
    assert_eq!(
        sending.clone().approve(&digest, start()),
        Err(ConsentError::Over("sending"))
    );
    let over = sending.end(answered()).unwrap();
    assert_eq!(
        over.clone().approve(&digest, start()),
        Err(ConsentError::Over("answered"))
    );
    assert_eq!(over.end(answered()), Err(ConsentError::Over("answered")));
    assert_eq!(
        consent(1).approve(&consent(2).sha256, start()),
        Err(ConsentError::OtherBytes)
    );
    let last = start().plus(Consent::PATIENCE - Duration::from_millis(1));
    assert!(consent(1).approve(&digest, last).is_ok());
}

#[test]
fn no_answer_is_no_and_a_clock_set_back_gives_no_more_time() {
    let digest = consent(1).sha256;
    let before = Timestamp::from_millis(start().millis() - 1);
    for now in [start().plus(Consent::PATIENCE), before] {
        assert_eq!(consent(1).at(now).state, ConsentState::Expired);
        assert_eq!(
            consent(1).approve(&digest, now),
            Err(ConsentError::Over("expired"))
        );
        assert_eq!(consent(1).deny(now), Err(ConsentError::Over("expired")));
    }
    assert_eq!(consent(1).end(answered()), Err(ConsentError::Over("waiting")));
}

#[test]
fn a_no_is_final_and_stops_what_is_on_its_way() {
    let digest = consent(1).sha256;
    let denied = consent(1).deny(start()).unwrap();
    assert_eq!(denied.state, ConsentState::Denied);
    assert_eq!(
        denied.approve(&digest, start()),
        Err(ConsentError::Over("denied"))
    );
    let stopped = consent(1)
        .approve(&digest, start())
        .unwrap()
        .deny(start())
        .unwrap();
    assert!(matches!(stopped.state, ConsentState::Failed { .. }));
    assert_eq!(stopped.end(answered()), Err(ConsentError::Over("failed")));
}

#[test]
fn nothing_is_sent_again_after_a_restart() {
    let digest = consent(1).sha256;
    let sending = consent(1).approve(&digest, start()).unwrap();
    assert!(matches!(
        sending.after_restart(start()).state,
        ConsentState::Failed { .. }
    ));
    assert_eq!(consent(1).after_restart(start()).state, ConsentState::Waiting);
    assert_eq!(
        consent(1).after_restart(start().plus(Consent::PATIENCE)).state,
        ConsentState::Expired
    );
}

#[test]
fn an_agent_can_not_tire_the_owner() {
    use asking::{MOST_ASKED, MOST_WAITING, SPAN, Verdict, judge};
    let judged = |known: &[Consent], asker, number: u8, now| {
        let consent = consent(number);
        judge(&mut known.iter(), asker, &consent.provider, &consent.sha256, now)
    };
    assert_eq!(judged(&[], agent(1), 9, start()), Verdict::New);
    assert_eq!(
        judged(&[consent(9)], agent(1), 9, start()),
        Verdict::Same(consent(9).id)
    );
    assert_eq!(
        judged(&[consent(9)], agent(2), 9, start()),
        Verdict::New,
        "another agent"
    );
    let denied = [consent(9).deny(start()).unwrap()];
    assert_eq!(
        judged(&denied, agent(1), 9, start().plus(MINUTE)),
        Verdict::Denied
    );
    assert_eq!(judged(&denied, agent(1), 9, start().plus(SPAN)), Verdict::New);
    assert_eq!(
        judged(&denied, agent(1), 8, start()),
        Verdict::New,
        "another question"
    );

    let waiting: Vec<Consent> = (0..3).map(consent).collect();
    assert_eq!(waiting.len(), MOST_WAITING);
    assert_eq!(judged(&waiting, agent(1), 9, start()), Verdict::TooMany);
    assert_eq!(judged(&waiting, agent(2), 9, start()), Verdict::New);
    assert_eq!(
        judged(&waiting, ActorRef::Owner(crate::Door::Web), 9, start()),
        Verdict::New
    );
    let later = start().plus(Consent::PATIENCE);
    assert_eq!(
        judged(&waiting, agent(1), 9, later),
        Verdict::New,
        "those have expired"
    );
    let many: Vec<Consent> = (0..12)
        .map(|number| consent(number).deny(start()).unwrap())
        .collect();
    assert_eq!(many.len(), MOST_ASKED);
    assert_eq!(judged(&many, agent(1), 99, later), Verdict::TooMany);
    assert_eq!(judged(&many, agent(1), 99, start().plus(SPAN)), Verdict::New);
}

fn standing() -> StandingConsent {
    StandingConsent {
        id: RecordId::from_bytes([7; 16]),
        agent: RecordId::from_bytes([1; 16]),
        provider: "mine".parse().unwrap(),
        category: Some(Category::Notes),
        calls: 2,
        bytes: 100,
        from: start(),
        until: start().plus(MINUTE),
    }
}

#[test]
fn a_standing_consent_covers_what_it_names_and_is_used_up() {
    let mine = "mine".parse().unwrap();
    let other = "other".parse().unwrap();
    let notes = [Category::Notes];
    let covers = |asker, provider: &ProviderName, categories: &[Category], bytes, now| {
        standing()
            .after(asker, provider, categories, bytes, now)
            .is_some()
    };
    assert!(covers(agent(1), &mine, &notes, 100, start()));
    assert!(covers(agent(1), &mine, &[], 100, start()));
    assert!(!covers(agent(2), &mine, &notes, 1, start()));
    assert!(!covers(
        ActorRef::Owner(crate::Door::Web),
        &mine,
        &notes,
        1,
        start()
    ));
    assert!(!covers(agent(1), &other, &notes, 1, start()));
    assert!(!covers(agent(1), &mine, &[Category::Tasks], 1, start()));
    assert!(!covers(
        agent(1),
        &mine,
        &[Category::Notes, Category::Tasks],
        1,
        start()
    ));
    assert!(!covers(agent(1), &mine, &notes, 101, start()));
    assert!(!covers(agent(1), &mine, &notes, 1, start().plus(MINUTE)));
    assert!(!covers(
        agent(1),
        &mine,
        &notes,
        1,
        Timestamp::from_millis(start().millis() - 1)
    ));
    let once = standing().after(agent(1), &mine, &notes, 60, start()).unwrap();
    assert_eq!((once.calls, once.bytes), (1, 40));
    assert_eq!(once.after(agent(1), &mine, &notes, 41, start()), None);
    let twice = once.after(agent(1), &mine, &notes, 40, start()).unwrap();
    assert_eq!(twice.after(agent(1), &mine, &notes, 0, start()), None);
    let secret = StandingConsent {
        category: Some(Category::Documents),
        ..standing()
    };
    assert_eq!(
        secret.after(agent(1), &mine, &[Category::Documents], 1, start()),
        None
    );
}

#[test]
fn a_standing_consent_is_for_custom_alone_and_for_nothing_critical() {
    assert!(standing().checked(Profile::Custom).is_ok());
    for profile in [
        Profile::OfflineOnly,
        Profile::LocalNetwork,
        Profile::CloudWithConsent,
    ] {
        assert_eq!(
            standing().checked(profile),
            Err(InvalidStanding::Profile(profile))
        );
    }
    for category in Category::ALL {
        let of = StandingConsent {
            category: Some(category),
            ..standing()
        };
        let critical = category.never_leaves();
        assert_eq!(of.checked(Profile::Custom).is_err(), critical, "{category}");
    }
    let spoilt: [fn(&mut StandingConsent); 6] = [
        |standing| standing.calls = 0,
        |standing| standing.calls = StandingConsent::MOST_CALLS + 1,
        |standing| standing.bytes = 0,
        |standing| standing.bytes = StandingConsent::MOST_BYTES + 1,
        |standing| standing.until = standing.from,
        |standing| standing.until = standing.from.plus(crate::Lease::LONGEST + MINUTE),
    ];
    for spoil in spoilt {
        let mut standing = standing();
        spoil(&mut standing);
        assert_eq!(standing.checked(Profile::Custom), Err(InvalidStanding::Limits));
    }
}

#[test]
fn a_call_ends_with_an_end() {
    let digest = consent(1).sha256;
    let sending = || consent(1).approve(&digest, start()).unwrap();
    for state in [ConsentState::Sending, ConsentState::Waiting] {
        assert_eq!(sending().end(state), Err(ConsentError::Over("sending")));
    }
    for state in [answered(), ConsentState::Denied, ConsentState::Expired] {
        assert_eq!(sending().end(state.clone()).unwrap().state, state);
    }
}

#[test]
fn times_and_sizes_are_those_that_are_documented() {
    assert_eq!(Consent::PATIENCE.as_secs(), 600);
    assert_eq!(asking::SPAN.as_secs(), 3600);
    assert_eq!(StandingConsent::MOST_BYTES, 10_485_760);
}

#[test]
fn a_picture_is_counted_among_what_is_to_be_read() {
    let detail = |pictured: &[(u64, u64)]| crate::ConsentDetail {
        question: consent(1),
        parts: Vec::new(),
        pictured: pictured.to_vec(),
    };
    assert_eq!(detail(&[]).readable(b"abc"), "abc");
    assert_eq!(
        detail(&[(1, 4), (5, 7)]).readable(b"aXXXbYYc"),
        "a[3 characters of a picture]b[2 characters of a picture]c"
    );
    // Places that are not there show no more than there is.
    assert_eq!(
        detail(&[(5, 9), (7, u64::MAX)]).readable(b"abc"),
        format!(
            "[4 characters of a picture][{} characters of a picture]",
            u64::MAX - 7
        )
    );
}

#[test]
fn a_press_is_needed_for_what_is_sensitive_or_a_picture() {
    use crate::PressFor;
    let of = |categories: &[Category], pictures| Consent {
        categories: categories.to_vec(),
        pictures,
        ..consent(1)
    };
    for (categories, pictures, sensitive) in [
        (&[][..], 0, false),
        (&[], 1, true),
        (&[], 2, true),
        (&[Category::Tasks], 0, false),
        (&[Category::Tasks, Category::Contacts], 0, true),
    ] {
        let consent = of(categories, pictures);
        assert_eq!(
            PressFor::Sensitive.covers(&consent),
            sensitive,
            "{categories:?} {pictures}"
        );
        assert!(!PressFor::Off.covers(&consent));
        assert!(PressFor::Every.covers(&consent));
    }
}
