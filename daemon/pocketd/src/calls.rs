//! Carries the engine's calls: out of the device by the gateway, or to a model on it.

use std::path::Path;
use std::time::Duration;

use pocket_core::Profile;
use pocket_courier::{Gateway, LocalLimits, local};
use pocket_service::{Call, Calls, Handle, Links, Way};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::link;

/// What an answer of a model on this device may take: as much as one from elsewhere, and the time that a
/// small board thinks.
const LOCAL: LocalLimits = LocalLimits {
    patience: Duration::from_secs(20 * 60),
    most_answer: 4 * 1024 * 1024,
};

/// Carries calls and keeps the link until the engine stops. The gateway runs only while something may leave.
pub(crate) async fn carry((mut calls, mut links): (Calls, Links), handle: Handle, gateway: Option<Gateway>) {
    let mut profile = handle.profile();
    let mut linking = JoinSet::new();
    loop {
        if let Some(gateway) = &gateway {
            gateway.set_wanted(opens(&mut profile, &mut linking));
        }
        tokio::select! {
            call = calls.next() => match call {
                Some(call) => {
                    // The engine has let it go: the profile that allowed it may be news here.
                    let open = opens(&mut profile, &mut linking);
                    gateway.iter().for_each(|gateway| gateway.set_wanted(open));
                    begin(call, &handle, gateway.as_ref());
                }
                None => return,
            },
            link = links.next() => match (link, &gateway) {
                (Some(link), Some(gateway)) => {
                    linking.abort_all();
                    linking.spawn(link::keep(link, handle.clone(), gateway.clone()));
                    gateway.set_wanted(opens(&mut profile, &mut linking));
                }
                // The engine opens none where there is no gateway.
                (Some(_), None) => {}
                (None, _) => return,
            },
            Some(_) = linking.join_next() => {}
            changed = profile.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// Whether something may leave: a call that the owner approves, or what a link says while there is one.
fn opens(profile: &mut watch::Receiver<Profile>, linking: &mut JoinSet<()>) -> bool {
    let profile = *profile.borrow_and_update();
    if !profile.opens_local_network() {
        linking.abort_all();
    }
    profile.opens_cloud() || (profile.opens_local_network() && !linking.is_empty())
}

fn begin(call: Call, handle: &Handle, gateway: Option<&Gateway>) {
    let Call {
        id,
        way,
        body,
        headers,
        given_up,
    } = call;
    let mut reports = match (way, gateway) {
        (Way::Local { socket, path }, _) => local(Path::new(&socket), &path, &headers, body, LOCAL),
        (Way::Out(grant), Some(gateway)) => gateway.send(grant, &headers, body),
        (Way::Keep(grant, file), Some(gateway)) => gateway.keep(grant, &headers, file),
        // The engine asks about nothing that could leave where there is no gateway.
        (Way::Keep(..) | Way::Out(_), None) => return,
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
