//! What would leave, and the owner's yes or no to it.

use std::ops::Range;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use pocket_core::{
    ActorRef, Answer, Asked, Category, Consent, ConsentDetail, ConsentPart, ConsentState, Failure,
    FailureKind, Operation, Place, Profile, RecordId, Replaced, Sensitivity, StandingConsent,
};

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::audit::{Names, who};
use crate::pages::viewing;
use crate::present::{
    Moment, Phrase, Shell, bytes_in_words, counted, counted_plain, filled, grouped, length, page, page_after,
    records_path, title_of,
};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};
use crate::{markdown, present};

/// Questions that are over, on the list.
const MOST_OVER: usize = 50;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    shell: Shell,
    count: Phrase,
    waiting: Vec<Row>,
    over: Vec<Row>,
    standing: Vec<Standing>,
    /// Agents that ask too much.
    pressing: Vec<Phrase>,
    /// Whether consent ahead of time is possible.
    custom: bool,
}

/// A question on the list.
struct Row {
    id: RecordId,
    title: String,
    who: String,
    purpose: String,
    state: &'static str,
    bad: bool,
    repeats: Option<Phrase>,
    size: Phrase,
    replaced: String,
    asked: Moment,
    expires: Moment,
}

impl Row {
    fn new(t: &Words, consent: &Consent, names: &Names) -> Self {
        let repeats = u64::from(consent.repeats);
        Self {
            id: consent.id,
            title: title(t, consent),
            who: who(t, consent.asker, names),
            purpose: consent.purpose.clone(),
            state: state_in_words(t, &consent.state),
            bad: matches!(consent.state, ConsentState::Failed { .. }),
            repeats: (repeats > 0).then(|| counted(t, repeats, t.n_asked_again)),
            size: bytes_in_words(t, consent.size),
            replaced: replaced_in_words(t, &consent.replaced),
            asked: Moment(consent.asked),
            expires: Moment(consent.expires),
        }
    }
}

/// What the owner consented to ahead of time.
struct Standing {
    id: RecordId,
    title: String,
    left: Phrase,
    bytes: Phrase,
    until: Moment,
}

impl Standing {
    fn new(t: &Words, standing: &StandingConsent, names: &Names) -> Self {
        let agent = who(t, ActorRef::Agent(standing.agent), names);
        let what = standing
            .category
            .map_or(t.own_words_only, |category| title_of(t, category));
        Self {
            id: standing.id,
            title: fill(t.standing_title, &[&agent, standing.provider.as_str(), what]),
            left: counted(t, standing.calls.into(), t.n_calls_left),
            bytes: bytes_in_words(t, standing.bytes),
            until: Moment(standing.until),
        }
    }
}

/// The list.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let names = Names::of(&door).await?;
    let Waiting {
        questions,
        standing,
        refused,
    } = all(&door).await?;
    let waits = |consent: &&Consent| consent.state == ConsentState::Waiting;
    let pressing = refused.iter().map(|(agent, count)| {
        let who = who(t, ActorRef::Agent(*agent), &names);
        filled(
            t.asks_too_much,
            &[who.into(), counted(t, (*count).into(), t.n_refused)],
        )
    });
    let row = |consent: &Consent| Row::new(t, consent, &names);
    let waiting: Vec<Row> = questions.iter().filter(waits).map(row).collect();
    let over = questions.iter().filter(|consent| !waits(consent));
    page(&ConsentPage {
        custom: owner.status.profile == Profile::Custom,
        shell: Shell::new(&owner, t.consent_title, "/consent").done(done.code()),
        count: counted(t, length(waiting.len()), t.n_waiting),
        pressing: pressing.collect(),
        waiting,
        over: over.take(MOST_OVER).map(row).collect(),
        standing: standing
            .iter()
            .map(|standing| Standing::new(t, standing, &names))
            .collect(),
    })
}

/// How many questions wait.
pub(crate) async fn waiting(door: &Door) -> Result<usize, Failure> {
    let Waiting { questions, .. } = all(door).await?;
    let waits = |consent: &&Consent| consent.state == ConsentState::Waiting;
    Ok(questions.iter().filter(waits).count())
}

/// What waits, and what goes with it.
struct Waiting {
    questions: Vec<Consent>,
    standing: Vec<StandingConsent>,
    refused: Vec<(RecordId, u32)>,
}

async fn all(door: &Door) -> Result<Waiting, Failure> {
    match door.ask(Operation::ConsentList).await?.answer {
        Answer::Consents {
            questions,
            standing,
            refused,
        } => Ok(Waiting {
            questions,
            standing,
            refused,
        }),
        _ => Err(unexpected()),
    }
}

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    shell: Shell,
    question: Consent,
    title: String,
    facts: Vec<(&'static str, String)>,
    size: Phrase,
    expires: Moment,
    state: &'static str,
    /// Why it failed.
    reason: String,
    parts: Vec<Part>,
    /// The numbers of its pictures.
    pictures: Range<u32>,
    bytes: String,
    local: bool,
    /// What the model has said so far, as HTML that was made safe.
    said: Option<String>,
    alone: bool,
}

impl QuestionPage {
    fn waits(&self) -> bool {
        self.question.state == ConsentState::Waiting
    }

    fn runs(&self) -> bool {
        self.question.state == ConsentState::Sending
    }

    fn was_answered(&self) -> bool {
        matches!(self.question.state, ConsentState::Answered { .. })
    }
}

/// A text of a question.
struct Part {
    title: String,
    /// Where the record is that goes along.
    path: Option<String>,
    pieces: Vec<Piece>,
}

/// A piece of a text: as it leaves; or what stays here, and what leaves in its place.
enum Piece {
    Plain(String),
    Replaced {
        original: String,
        placeholder: String,
        kind: &'static str,
    },
}

/// All of a question.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Path(id): Path<RecordId>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().consent_title, "/consent").done(done.code());
    page(&question(&door, shell, id).await?)
}

async fn question(door: &Door, shell: Shell, id: RecordId) -> Result<QuestionPage, Failure> {
    let t = shell.look.words();
    let names = Names::of(door).await?;
    let asked = status(door, id).await?;
    let (parts, bytes) = match detail(door, id).await {
        Ok((detail, bytes)) => (detail.parts.iter().map(|part| pieces(t, part)).collect(), bytes),
        // What was deleted from the outbox is gone; what became of it is still known.
        Err(failure) if failure.kind == FailureKind::NotFound => (Vec::new(), String::new()),
        Err(failure) => return Err(failure),
    };
    let question = asked.question;
    let reason = match &question.state {
        ConsentState::Failed { reason, .. } => reason.clone(),
        _ => String::new(),
    };
    let local = matches!(question.place, Place::Local { .. });
    let alone = question.replaced.is_empty();
    Ok(QuestionPage {
        title: title(t, &question),
        facts: facts(t, &question, &names),
        size: bytes_in_words(t, question.size),
        expires: Moment(question.expires),
        state: state_in_words(t, &question.state),
        reason,
        pictures: if parts.is_empty() {
            0..0
        } else {
            0..question.pictures
        },
        parts,
        bytes,
        local,
        said: (!asked.text.is_empty())
            .then(|| markdown::render(&asked.text).unwrap_or_else(|| escaped(&asked.text))),
        alone,
        question,
        shell,
    })
}

/// One of the pictures that would leave, as they would.
pub(crate) async fn picture(
    State(door): State<Door>,
    Path((id, number)): Path<(RecordId, u32)>,
) -> Result<Response, Trouble> {
    let picture = Some(number);
    let reply = door.ask(Operation::ConsentShow { id, picture }).await?;
    let bytes = reply.payload.ok_or_else(unexpected)?;
    viewing::picture(bytes.expose_bytes().to_vec())
}

async fn status(door: &Door, id: RecordId) -> Result<Asked, Failure> {
    match door.ask(Operation::ConsentStatus { id, from: 0 }).await?.answer {
        Answer::Asked(asked) => Ok(*asked),
        _ => Err(unexpected()),
    }
}

async fn detail(door: &Door, id: RecordId) -> Result<(ConsentDetail, String), Failure> {
    let reply = door.ask(Operation::ConsentShow { id, picture: None }).await?;
    let (Answer::Consent(detail), Some(bytes)) = (reply.answer, reply.payload) else {
        return Err(unexpected());
    };
    let bytes = detail.readable(bytes.expose_bytes());
    Ok((*detail, bytes))
}

fn facts(t: &Words, question: &Consent, names: &Names) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (t.asked_by, who(t, question.asker, names)),
        (t.goes_to, question.place.to_string()),
        (t.provider, question.provider.to_string()),
        (t.model, question.model.clone()),
    ];
    if !question.purpose.is_empty() {
        facts.insert(0, (t.what_for, question.purpose.clone()));
    }
    if !question.categories.is_empty() {
        let each = question.categories.iter();
        let each: Vec<String> = each.map(|category| with_sensitivity(t, *category)).collect();
        facts.push((t.goes_along, each.join(", ")));
    }
    facts.push((t.was_replaced, replaced_in_words(t, &question.replaced)));
    facts.push((t.tokens_about, grouped(t, question.tokens)));
    if let Some(cost) = &question.cost {
        facts.push((t.costs_at_most, cost.to_string()));
    }
    if question.repeats > 0 {
        facts.push((
            t.asked_again,
            counted_plain(t, question.repeats.into(), t.n_asked_again),
        ));
    }
    facts
}

fn with_sensitivity(t: &Words, category: Category) -> String {
    let sensitivity = match category.sensitivity() {
        Sensitivity::Critical => t.sensitivity_critical,
        Sensitivity::High => t.sensitivity_high,
        Sensitivity::Medium => t.sensitivity_medium,
    };
    format!("{} ({sensitivity})", title_of(t, category))
}

/// Cuts a text where something was replaced in it.
fn pieces(t: &Words, part: &ConsentPart) -> Part {
    let mut pieces = Vec::new();
    let mut from = 0;
    let at = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
    for mark in &part.marks {
        let (start, end) = (at(mark.redacted.0), at(mark.redacted.1));
        let between = part.redacted.get(from..start).unwrap_or_default();
        pieces.push(Piece::Plain(between.to_owned()));
        let original = part.original.get(at(mark.original.0)..at(mark.original.1));
        pieces.push(Piece::Replaced {
            original: original.unwrap_or_default().to_owned(),
            placeholder: part.redacted.get(start..end).unwrap_or_default().to_owned(),
            kind: kind_in_words(t, &mark.kind),
        });
        from = end;
    }
    pieces.push(Piece::Plain(
        part.redacted.get(from..).unwrap_or_default().to_owned(),
    ));
    let (title, path) = match part.record {
        Some((category, id)) => (
            fill(t.from_records, &[title_of(t, category)]),
            Some(format!("{}/{id}", records_path(category))),
        ),
        None => (t.the_question.to_owned(), None),
    };
    Part { title, path, pieces }
}

/// The owner says yes to the bytes that this very page showed.
pub(crate) async fn approve(
    State(door): State<Door>,
    owner: Owner,
    Path(id): Path<RecordId>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let approved = if fields.ticked("read") {
        let sha256 = fields.line("sha256").to_owned();
        door.ask(Operation::ConsentApprove { id, sha256 }).await
    } else {
        Err(Failure::new(FailureKind::Invalid, t.not_ticked, t.not_ticked_do))
    };
    let done = match approved.as_ref().map(|reply| &reply.answer) {
        // The page itself says that the button is waited for.
        Ok(Answer::PressNeeded { .. }) => "",
        _ => "sent",
    };
    answered(&door, &owner, id, approved.map(drop), done).await
}

/// The owner says no, or stops it.
pub(crate) async fn deny(
    State(door): State<Door>,
    owner: Owner,
    Path(id): Path<RecordId>,
) -> Result<Response, Trouble> {
    match door.ask(Operation::ConsentDeny { id }).await {
        Ok(_) => Ok(present::go("/consent?done=denied")),
        Err(failure) => answered(&door, &owner, id, Err(failure), "").await,
    }
}

async fn answered(
    door: &Door,
    owner: &Owner,
    id: RecordId,
    answer: Result<(), Failure>,
    done: &str,
) -> Result<Response, Trouble> {
    match answer {
        Ok(()) => Ok(present::go(&format!("/consent/{id}?done={done}"))),
        Err(failure) => {
            let shell = Shell::new(owner, owner.look.words().consent_title, "/consent").failed(&failure);
            page_after(&failure, &question(door, shell, id).await?)
        }
    }
}

/// Takes consent ahead of time back.
pub(crate) async fn end_standing(
    State(door): State<Door>,
    Path(id): Path<RecordId>,
) -> Result<Response, Trouble> {
    door.ask(Operation::StandingRemove { id }).await?;
    Ok(present::go("/consent?done=saved"))
}

/// To whom it goes.
fn title(t: &Words, consent: &Consent) -> String {
    match &consent.place {
        Place::Cloud { host, .. } => fill(t.question_to, &[&consent.model, host]),
        Place::Local { .. } => fill(t.question_here, &[&consent.model]),
    }
}

pub(crate) const fn state_in_words(t: &Words, state: &ConsentState) -> &'static str {
    match state {
        ConsentState::Answered { .. } => t.state_answered,
        ConsentState::Denied => t.state_denied,
        ConsentState::Expired => t.state_expired,
        ConsentState::Failed { .. } => t.state_failed,
        ConsentState::Sending => t.state_sending,
        ConsentState::Waiting => t.state_waiting,
    }
}

fn replaced_in_words(t: &Words, replaced: &[Replaced]) -> String {
    if replaced.is_empty() {
        return t.nothing_replaced.to_owned();
    }
    let each = replaced.iter().map(|replaced| {
        let count = grouped(t, replaced.count.into());
        format!("{count} × {}", kind_in_words(t, &replaced.kind))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn kind_in_words(t: &Words, kind: &str) -> &'static str {
    match kind {
        "address" => t.kind_address,
        "birthdate" => t.kind_birth,
        "card" => t.kind_card,
        "coordinates" => t.kind_coordinates,
        "email" => t.kind_email,
        "iban" => t.kind_iban,
        "id" => t.kind_identity,
        "ip" | "mac" => t.kind_network,
        "key" | "secret" => t.kind_secret,
        "person" => t.kind_person,
        "phone" => t.kind_phone,
        "url" => t.kind_url,
        "vehicle" => t.kind_vehicle,
        _ => t.kind_other,
    }
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<pre>{text}</pre>")
}
