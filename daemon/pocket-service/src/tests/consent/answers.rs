//! What comes back: kept whole, shown as a suggestion, and a failure with its reason where it is none.

use super::*;

#[test]
fn an_answer_that_is_none_is_a_failure_with_its_reason() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let reports: [Vec<Report>; 4] = [
        vec![Report::refused(CallFailure::CertificateName)],
        vec![head(), Report::Piece(b"data: {garbage\n\n".to_vec()), end()],
        vec![end()],
        vec![
            Report::Head {
                status: 302,
                media_type: None,
                length: None,
                leads_to: None,
            },
            end(),
        ],
    ];
    for (number, reports) in reports.into_iter().enumerate() {
        let asked = desk.ask(&format!("Question {number}")).unwrap();
        desk.approve(&asked).map(drop).unwrap();
        for report in reports {
            drop(desk.report(asked.id, report));
        }
        let state = desk.status(asked.id).question.state;
        assert!(
            matches!(&state, ConsentState::Failed { reason, .. } if !reason.is_empty()),
            "{state:?}"
        );
    }
}

#[test]
fn a_model_on_the_device_is_asked_offline_and_sees_the_text_as_it_is() {
    let mut desk = Desk::new(Profile::OfflineOnly);
    desk.provider(Provider {
        name: "here".parse().unwrap(),
        ..provider("unix:/run/model.sock")
    });
    let here = Ask {
        provider: Some("here".parse().unwrap()),
        ..Ask::default()
    };
    let asked = desk.ask_as(owner(), here, QUESTION).unwrap().question;
    assert_eq!(asked.state, ConsentState::Sending);
    let call = desk.next_call().unwrap();
    assert!(matches!(&call.way, Way::Local { socket, .. } if socket == "/run/model.sock"));
    assert!(
        String::from_utf8(call.body)
            .unwrap()
            .contains("Annegret Moosbichler")
    );
    assert!(call.headers.iter().all(|header| header.name != "authorization"));
    desk.report(asked.id, head()).unwrap();
    desk.report(asked.id, piece("A book")).unwrap();
    desk.report(asked.id, Report::Piece(DONE.to_vec())).unwrap();
    desk.report(asked.id, end()).unwrap();
    assert_eq!(desk.status(asked.id).text, "A book");
    assert!(
        desk.logged(OperationKind::CallSent).is_empty(),
        "nothing left the device"
    );
    desk.open(Profile::CloudWithConsent);
    let several = desk.ask_as(owner(), Ask::default(), QUESTION);
    assert_eq!(kind(several), Some(FailureKind::Invalid), "which of two models?");
}

#[test]
fn an_answer_in_one_piece_is_kept_too() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let asked = desk.ask(QUESTION).unwrap();
    desk.approve(&asked).map(drop).unwrap();
    let media_type = Some("application/json".to_owned());
    desk.report(
        asked.id,
        Report::Head {
            status: 200,
            media_type,
            length: None,
            leads_to: None,
        },
    )
    .unwrap();
    let whole = serde_json::json!({"choices": [{"message": {"content": "A book for [PERSON_1]"}, "finish_reason": "stop"}]});
    desk.report(asked.id, Report::Piece(whole.to_string().into_bytes()))
        .unwrap();
    desk.report(asked.id, end()).unwrap();
    assert_eq!(desk.status(asked.id).text, "A book for Annegret Moosbichler");
}

#[test]
fn of_a_call_that_is_cut_off_all_counts_as_sent_and_a_deleted_question_ends_it() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let address = "192.0.2.1:443".parse().unwrap();
    let asked = desk.ask(QUESTION).unwrap();
    desk.approve(&asked).map(drop).unwrap();
    desk.report(asked.id, Report::Connected { address }).unwrap();
    desk.deny(&asked).map(drop).unwrap();
    assert_eq!(
        u64::from(desk.logged(OperationKind::CallSent)[0].count),
        asked.size
    );

    let asked = desk.ask("Another question").unwrap();
    desk.approve(&asked).map(drop).unwrap();
    let (category, id) = (Category::Outbox, asked.id);
    desk.device
        .ask(Operation::Delete { category, id })
        .map(drop)
        .unwrap();
    // The profile can be closed all the same, and nothing is counted that had no way out.
    desk.open(Profile::OfflineOnly);
    assert_eq!(desk.logged(OperationKind::CallSent)[0].count, 0);
    assert!(desk.report(id, head()).is_err(), "it goes on");
}
