//! Telling a client how far long work has come, if it wants to know.

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};

/// Where to tell it.
pub(crate) struct Progress(Option<(Peer<RoleServer>, ProgressToken)>);

impl Progress {
    /// To the sender of a request that brought a token for it.
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
        let token = context.meta.get_progress_token();
        Self(token.map(|token| (context.peer.clone(), token)))
    }

    /// `done` of `total`. Who does not listen any more has gone away, and its call ends elsewhere.
    pub(crate) async fn step(&self, done: usize, total: Option<usize>) {
        let Some((peer, token)) = &self.0 else { return };
        // Far beyond what one call may touch, and exact in a float.
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let mut step = ProgressNotificationParam::new(token.clone(), number(done));
        step.total = total.map(number);
        peer.notify_progress(step).await.unwrap_or_default();
    }
}
