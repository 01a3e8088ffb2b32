//! Carries the engine's calls: out of the device by the gateway, or to a model on it.

use std::path::Path;
use std::time::Duration;

use pocket_core::Profile;
use pocket_courier::{Gateway, LocalLimits, local};
use pocket_service::{Call, Calls, Handle, Way};
use tokio::sync::watch;

/// What an answer of a model on this device may take: as much as one from elsewhere, and the time that a
/// small board thinks.
const LOCAL: LocalLimits = LocalLimits {
    patience: Duration::from_secs(20 * 60),
    most_answer: 4 * 1024 * 1024,
};

/// Carries calls until the engine stops. The gateway runs only while something may leave.
pub(crate) async fn carry(mut calls: Calls, handle: Handle, gateway: Option<Gateway>) {
    let mut profile = handle.profile();
    loop {
        if let Some(gateway) = &gateway {
            gateway.set_wanted(opens(&mut profile));
        }
        tokio::select! {
            call = calls.next() => match call {
                Some(call) => begin(call, &handle, gateway.as_ref(), &mut profile),
                None => return,
            },
            changed = profile.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// Whether something may leave.
fn opens(profile: &mut watch::Receiver<Profile>) -> bool {
    matches!(
        *profile.borrow_and_update(),
        Profile::CloudWithConsent | Profile::Custom
    )
}

fn begin(call: Call, handle: &Handle, gateway: Option<&Gateway>, profile: &mut watch::Receiver<Profile>) {
    let Call {
        id,
        way,
        body,
        headers,
        given_up,
    } = call;
    let mut reports = match (way, gateway) {
        (Way::Local { socket, path }, _) => local(Path::new(&socket), &path, &headers, body, LOCAL),
        (Way::Out(grant), Some(gateway)) => {
            // The engine has let it go: the profile that allowed it may be news here.
            gateway.set_wanted(opens(profile));
            gateway.send(grant, &headers, body)
        }
        // The engine asks about nothing that could leave where there is no gateway.
        (Way::Out(_), None) => return,
    };
    let handle = handle.clone();
    tokio::spawn(async move {
        let told = async {
            while let Some(report) = reports.next().await {
                if handle.report(id, report).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = told => {}
            // Nobody wants it any more: dropping what reports of it ends the call.
            _ = given_up => {}
        }
    });
}
