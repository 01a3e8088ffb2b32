//! Asking other models. What would leave waits for the owner; what a model says is marked as what it is.

use std::time::Duration;

use pocket_core::{
    Actor, Answer, Ask, Asked, ConsentState, Failure, FailureKind, InvalidProvider, Operation, RecordId,
};
use pocket_crypto::SecretBytes;
use pocket_service::Request;
use tokio::time::{Instant, timeout_at};

use super::{Desk, unexpected};
use crate::arguments::{CloudArguments, ConsentArguments};
use crate::results::{AskResult, ConsentResult};

/// How long a call is held while a model writes, or the owner makes up their mind. Clients give up after a
/// minute.
const HELD: Duration = Duration::from_secs(15);

impl Desk {
    /// Asks a model. What policy does not leave to the owner is refused in words.
    pub(crate) async fn cloud_ask(&self, asked: CloudArguments) -> Result<AskResult, Failure> {
        let provider = asked.provider.map(|name| name.parse()).transpose();
        let provider = provider.map_err(|error: InvalidProvider| {
            let remedy = "leave it out, or name one that the owner has added";
            Failure::new(FailureKind::Invalid, error.to_string(), remedy)
        })?;
        let with = asked.with.unwrap_or_default();
        let ask = Operation::Ask(Box::new(Ask {
            provider,
            purpose: asked.purpose.unwrap_or_default(),
            with: with.iter().map(|named| (named.category, named.id)).collect(),
        }));
        let text = SecretBytes::new(asked.text.into_bytes());
        let request = Request::new(Actor::Agent(self.agent.clone()), ask).with_payload(text);
        let Answer::Asked(asked) = self.handle.call(request).await?.answer else {
            return Err(unexpected());
        };
        if asked.question.state == ConsentState::Sending {
            // A model of this device answers, or the owner has consented ahead of time.
            return Ok(AskResult::new(&self.settled(asked.question.id).await?, 0));
        }
        Ok(AskResult::new(&asked, 0))
    }

    /// Which of this agent's questions wait for the owner, and what has become of one of them.
    pub(crate) async fn consent_status(&self, asked: ConsentArguments) -> Result<ConsentResult, Failure> {
        let question = match asked.id {
            Some(id) => {
                let settled = self.settled(id.0).await?;
                Some(AskResult::new(&settled, asked.from.unwrap_or(0)))
            }
            None => None,
        };
        let Answer::Consents { questions, .. } = self.ask(Operation::ConsentList).await? else {
            return Err(unexpected());
        };
        let waiting = questions
            .iter()
            .filter(|question| question.state == ConsentState::Waiting);
        Ok(ConsentResult {
            waiting: waiting.map(|question| question.id.to_string()).collect(),
            question,
        })
    }

    /// A question once nothing more will come of it, or as it is after [`HELD`].
    async fn settled(&self, id: RecordId) -> Result<Asked, Failure> {
        let until = Instant::now() + HELD;
        let mut changes = self.handle.changes();
        loop {
            changes.mark_unchanged();
            let Answer::Asked(asked) = self.ask(Operation::ConsentStatus { id, from: 0 }).await? else {
                return Err(unexpected());
            };
            let over = asked.question.state.is_over();
            if over || !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
                return Ok(*asked);
            }
        }
    }
}
