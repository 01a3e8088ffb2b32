//! The table of routes: each with its guard. `routes.txt` beside this crate is the same table for
//! people to review; a test holds the two together.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{self, MethodRouter};

use crate::door::Door;
use crate::guard::{Guard, enter};
use crate::pages::records::{edit, listing, remove, tick};
use crate::pages::{
    agents, asking, audit, backup, broker, consent, device, documents, erasing, export, first_run, home,
    import, keys, login, models, profile, records, search, secrets, sending, settings, standing, strength,
    update, upload, viewing,
};
use crate::trouble::Trouble;
use crate::{assets, events, perimeter};

/// A route: who may use it, and what answers.
struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the list of routes"))]
    method: &'static str,
    path: &'static str,
    guard: Guard,
    answer: MethodRouter<Door>,
}

/// The door as a service.
pub(crate) fn build(door: Door) -> Router {
    let mut router = Router::new();
    for route in table() {
        let guard = from_fn_with_state((door.clone(), route.guard), enter);
        router = router.route(route.path, route.answer.route_layer(guard));
    }
    router
        .fallback(async || Trouble::NotFound)
        .method_not_allowed_fallback(async || Trouble::WrongMethod)
        // Each guard has its own limit; an upload has the engine's.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(door.clone(), perimeter::pass))
        .with_state(door)
}

fn get<T: 'static>(path: &'static str, guard: Guard, answer: impl Handler<T, Door>) -> Route {
    Route {
        method: "GET",
        path,
        guard,
        answer: routing::get(answer),
    }
}

fn post<T: 'static>(path: &'static str, guard: Guard, answer: impl Handler<T, Door>) -> Route {
    Route {
        method: "POST",
        path,
        guard,
        answer: routing::post(answer),
    }
}

/// Every route there is.
fn table() -> Vec<Route> {
    let mut table = entrance();
    table.extend(record_routes());
    table.extend(tool_routes());
    table.extend(device_routes());
    table
}

fn entrance() -> Vec<Route> {
    use Guard::{Asset, Estimate, Events, Owner, Visitor};
    vec![
        get("/", Owner, home::show),
        get("/assets/app.js", Asset, assets::script),
        get("/assets/icon.svg", Asset, assets::icon),
        get("/assets/style.css", Asset, assets::style),
        get("/events", Events, events::stream),
        get("/setup", Visitor, first_run::show),
        post("/setup", Visitor, first_run::submit),
        post("/strength", Estimate, strength::estimate),
        get("/unlock", Visitor, login::show),
        post("/unlock", Visitor, login::submit),
        post("/logout", Owner, login::log_out),
        post("/logout-everywhere", Owner, login::log_out_everywhere),
        post("/lock", Owner, login::lock),
        get("/lock-all", Owner, login::lock_all),
        post("/lock-all", Owner, login::submit_lock_all),
    ]
}

fn record_routes() -> Vec<Route> {
    use Guard::{Owner, Record, Upload};
    vec![
        get("/records/{category}", Owner, listing::list),
        post("/records/{category}/delete", Owner, remove::submit_delete_many),
        get("/records/{category}/new", Owner, edit::add),
        post("/records/{category}/new", Record, edit::submit_add),
        get("/records/{category}/{id}", Owner, records::show),
        get("/records/{category}/{id}/edit", Owner, edit::edit),
        post("/records/{category}/{id}/edit", Record, edit::submit_edit),
        get("/records/{category}/{id}/delete", Owner, remove::delete),
        post("/records/{category}/{id}/delete", Owner, remove::submit_delete),
        post("/tasks/{id}/tick", Owner, tick::tick),
        get("/documents/upload", Owner, upload::upload),
        post("/documents/upload", Upload, upload::submit_upload),
        get("/documents/{id}/file", Owner, documents::download),
        get("/documents/{id}/pages/{number}", Owner, viewing::page),
        post("/documents/{id}/read-again", Owner, viewing::read_again),
        get("/documents/{id}/thumbnail", Owner, viewing::thumbnail),
        get("/documents/{id}/view", Owner, viewing::view),
        get("/notes/named", Owner, records::named),
        post("/undo", Owner, remove::undo),
        get("/search", Owner, search::show),
    ]
}

fn tool_routes() -> Vec<Route> {
    use Guard::{Form, Owner, Record};
    vec![
        get("/secrets", Owner, secrets::list),
        get("/secrets/set", Owner, secrets::set),
        post("/secrets/set", Form, secrets::submit_set),
        get("/secrets/delete", Owner, secrets::delete),
        post("/secrets/delete", Owner, secrets::submit_delete),
        get("/agents", Owner, agents::list),
        get("/agents/new", Owner, agents::add),
        post("/agents/new", Form, agents::submit_add),
        get("/agents/revoke", Owner, agents::revoke),
        post("/agents/revoke", Owner, agents::submit_revoke),
        get("/agents/rotate", Owner, agents::rotate),
        post("/agents/rotate", Owner, agents::submit_rotate),
        get("/profile", Owner, profile::show),
        post("/profile", Form, profile::submit),
        post("/profile/press", Form, profile::submit_press),
        get("/settings", Owner, settings::show),
        post("/settings", Form, settings::submit),
        post("/settings/look", Owner, settings::submit_look),
        get("/audit", Owner, audit::show),
        get("/broker", Owner, broker::show),
        post("/broker", Form, broker::submit),
        post("/broker/remove", Owner, broker::remove),
        post("/broker/test", Owner, broker::test),
        get("/ask", Owner, asking::show),
        post("/ask", Record, asking::submit),
        get("/consent", Owner, consent::list),
        get("/consent/standing", Owner, standing::add),
        post("/consent/standing", Form, standing::submit_add),
        post("/consent/standing/{id}/end", Owner, consent::end_standing),
        get("/consent/{id}", Owner, consent::show),
        get("/consent/{id}/pictures/{number}", Owner, consent::picture),
        post("/consent/{id}/approve", Owner, consent::approve),
        post("/consent/{id}/deny", Owner, consent::deny),
        get("/models", Owner, models::list),
        get("/models/new", Owner, models::add),
        post("/models/new", Form, models::submit_add),
        post("/models/remove", Owner, models::remove),
        post("/audit/verify", Owner, audit::verify),
        post("/audit/export", Owner, audit::export),
    ]
}

fn device_routes() -> Vec<Route> {
    use Guard::{Form, Owner, Upload};
    vec![
        get("/device", Owner, device::show),
        get("/device/backup", Owner, backup::show),
        post("/device/backup", Owner, backup::submit),
        post("/device/backup/drill", Upload, backup::drill),
        post("/device/backup/recipient", Owner, backup::recipient),
        post("/device/backup/schedule", Owner, backup::schedule),
        get("/device/backup/send", Owner, sending::show),
        post("/device/backup/send", Form, sending::place),
        post("/device/backup/send/now", Owner, sending::send),
        post("/device/backup/send/offer", Owner, sending::offer),
        get("/device/check", Owner, device::check),
        get("/device/storage", Owner, device::storage),
        post("/device/check", Owner, device::submit_check),
        get("/device/passphrase", Owner, keys::passphrase),
        post("/device/passphrase", Owner, keys::submit_passphrase),
        get("/device/recovery", Owner, keys::renew),
        post("/device/recovery", Owner, keys::submit_renew),
        get("/device/recovery/confirm", Owner, keys::confirm),
        post("/device/recovery/confirm", Owner, keys::submit_confirm),
        get("/device/erase", Owner, erasing::erase),
        post("/device/erase", Form, erasing::submit_erase),
        get("/device/rekey", Owner, erasing::rekey),
        post("/device/rekey", Owner, erasing::submit_rekey),
        get("/device/reset", Owner, erasing::reset),
        post("/device/reset", Owner, erasing::submit_reset),
        get("/device/update", Owner, update::show),
        post("/device/update", Upload, update::submit),
        post("/device/update/fetch", Form, update::fetch),
        post("/device/update/install", Form, update::install),
        post("/device/update/stop", Owner, update::stop),
        get("/import", Owner, import::show),
        post("/import", Upload, import::submit),
        get("/export", Owner, export::show),
        post("/export", Owner, export::submit),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_routes_is_the_table() {
        let lines = table().into_iter().map(|route| {
            format!(
                "{} {} {}\n",
                route.method,
                route.path,
                format!("{:?}", route.guard).to_lowercase()
            )
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort_unstable();
        let listed = include_str!("../routes.txt");
        assert!(
            listed == lines.concat(),
            "routes.txt must be:\n{}",
            lines.concat()
        );
    }

    #[test]
    fn every_change_has_a_guard_that_asks_for_the_forms_token() {
        for route in table().into_iter().filter(|route| route.method == "POST") {
            assert!(
                !matches!(route.guard, Guard::Asset | Guard::Events),
                "{}",
                route.path
            );
        }
    }
}
