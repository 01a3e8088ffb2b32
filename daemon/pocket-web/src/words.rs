//! Every text of the page, in every language: the one catalogue.
//!
//! A language is a value of [`Words`], so the compiler holds the languages to the same keys and says
//! which key nobody uses. Placeholders are `{0}`, `{1}`; the forms of a count stand apart by `|`.

mod de;
mod en;

use pocket_core::OperationKind;

pub(crate) use de::GERMAN;
pub(crate) use en::ENGLISH;

macro_rules! words {
    ($($key:ident,)*) => {
        /// The texts of one language.
        pub(crate) struct Words {
            $(pub(crate) $key: &'static str,)*
        }

        #[cfg(test)]
        impl Words {
            /// Each key with its text.
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)*]
            }
        }
    };
}

words! {
    about, about_hint, accept_loss, add, add_messages, add_messages_hint, address, agent_may,
    agent_may_hint, agent_name_hint, agent_named, agents, agents_about, agents_token, all_gone, all_lists,
    all_tasks, all_whole, allowed, allows_consent, allows_custom, allows_local, allows_offline, an_agent,
    an_import, as_browser, ask_again_loss, ask_again_open, ask_again_why, audit_about, audit_log, auto_lock, auto_lock_hint, back,
    back_to_list, bad_minutes, bad_minutes_do, begin_at_home, birthday, broke, broke_do, broke_why, by,
    by_due, by_mcp, by_pocketctl, by_title, came_in, cancel, category, change, change_it, change_passphrase,
    changed_elsewhere, channel, check, check_about, check_long, checking, choose, choose_of_four,
    client_config, client_config_http, client_config_stdio, compare, confidence, confidence_hint,
    config_for, confirm_about, confirm_key, confirm_title, confirmed_already, connection_lost, contacts,
    conversations, copied, copy, correct_field, critical, daily, dark, day_hint, days_hint, days_to_keep,
    decimal, delete, delete_question, delete_secret, delete_secret_question, delete_selected, delete_these,
    destroying, device, device_secret, digits_only, disk_damaged, documents, done, done_added, done_again,
    done_confirmed, done_deleted, done_erased, done_on, done_passphrase, done_profile, done_rekeyed,
    done_restored, done_revoked, done_saved, done_tasks, done_uploaded, download, drop_here, due,
    earlier_messages, edit, edit_of, email, empty_contacts, empty_conversations, empty_documents,
    empty_memory, empty_notes, empty_outbox, empty_tasks, ends, erase_about, erase_category, erase_for_good,
    erasing, everything, export, export_about, export_everything, export_first, export_hint, export_now,
    export_open, export_progress, export_without, fact, factory_reset, failed_conflict, failed_conflict_do,
    failed_credential, failed_credential_do, failed_full, failed_full_do, failed_not_found,
    failed_not_found_do, failed_throttled, failed_throttled_do, failed_unavailable, failed_unavailable_do,
    failed_unlocks_do, failed_with, fair, field_no_text, field_too_long, file_too_large, file_too_large_do,
    files, filter_in, first_page, for_good, for_good_about, for_minutes, foreign_page, foreign_page_do,
    forgot, former_agent, fortnightly, found_nothing, from_file, go_on, good, group, holds_from,
    holds_until, home, i_have_it, import, import_files, import_files_how, import_formats, import_how,
    import_title, import_twice, import_what, import_why, in_and_out, in_and_out_about, in_the_file, is_done,
    is_locked, is_unlocked, kept_about, kept_again, kept_again_do, kept_for, kept_title, key_about,
    key_next, key_on_paper, key_printed, key_unconfirmed, key_unconfirmed_why, kind_conflict, kind_consent,
    kind_credential, kind_damaged, kind_full, kind_invalid, kind_locked, kind_not_found, kind_not_set_up,
    kind_throttled, kind_unavailable, labelled_hint, language, last_changed, last_export, last_step,
    last_used, later, left_behind, light, list, lock, lock_hint, lock_now, log_broken, log_broken_do,
    log_in, log_out_everywhere, log_out_here, log_whole, logged_in, logged_out, logged_out_do,
    logged_out_elsewhere, logged_out_why, lost_paper, made, make_agent, make_key, make_mine,
    make_new_device, making_keys, mark_done, markdown_hint, marked, may_nothing, may_nothing_do,
    means_consent, means_custom, means_local, means_offline, media_type, memory, minutes_hint, monthly,
    more, n_bytes, n_changes, n_damaged, n_days, n_found, n_messages, n_records, n_sessions,
    n_wrong_passphrases, name, needed, never, never_used, new_agent, new_in, new_memory, new_note,
    new_recovery_key, new_task, newest, newest_first, next_page, nickname, no_agents, no_file, no_file_do,
    no_secrets, no_such_page, no_such_page_why, no_way_out_yet, none, none_lately, not_a_date, not_a_form,
    not_a_form_do, not_a_number, not_done, not_possible_here, not_the_word, not_understood, note, notes,
    notes_on_it, nothing_brings_back, nothing_changed, nothing_fits, nothing_more, nothing_waits,
    nothing_yet, now, old_missing, old_missing_do, older, oldest_first, on_this_page, one_a_line,
    only_agents, only_all, only_changes, only_refused, op_accept_loss, op_add, op_agent_add, op_agent_list,
    op_agent_revoke, op_ask, op_audit_export, op_audit_show, op_audit_verify, op_authenticate, op_auto_lock,
    op_category_erase, op_category_rekey, op_check, op_consent_list, op_delete, op_edit, op_export,
    op_factory_reset, op_failed_unlocks, op_get, op_health, op_keyring_written, op_list, op_lock,
    op_passphrase_change, op_profile_set, op_profile_show, op_purge, op_read_blob, op_recovery_confirm,
    op_recovery_new, op_rekey, op_resume, op_search, op_secret_delete, op_secret_list, op_secret_set,
    op_self_test, op_setup, op_setup_code, op_status, op_stop, op_unlock, op_upload_begin, op_upload_chunk,
    open_again, open_tasks, order, order_due, order_newest, order_oldest, order_title, organisation,
    out_of_date, outbox, overdue, pages, panic_about, panic_lock, panic_now, panic_title, passphrase,
    passphrase_about, passphrase_again, passphrase_empty, passphrase_hint, passphrase_new, passphrase_now,
    passphrase_weak, passphrase_weak_do, passphrases_differ, passphrases_differ_do, print, priority,
    priority_hint, priority_is, profile, profile_title, proof_failed, proof_files, proof_opened,
    proof_samples, proof_tried, properties, quick_add, reading_all, recent_activity, recovery_hint,
    recovery_key, refusal_anonymous, refusal_audit, refusal_door, refusal_gateway, refusal_owner,
    refusal_passphrase, refusal_profile, refusal_scope, refusal_secrets, refused, refused_for, rekey,
    rekey_about, rekey_none, rekey_now, rekey_since, rekeying, reload, rename_file, renew_about, repeats,
    repeats_hint, replace, reset_about, reset_finished, reset_keeps, revoke, revoke_agent, revoke_question,
    role, same_again, save, search, search_about, search_everything, search_hint, secret_name_hint,
    secret_value_hint, secrets, secrets_about, sections, select, send_again, send_it_again, sending,
    sessions_and_lock, set_it, set_on, set_profile, set_secret, settings, setup_about, setup_code,
    setup_code_hint, setup_title, sha256, show, show_all, shown_and_more, shown_of, shown_once, size, skip,
    someone_by, source, source_hint, stale_form, stale_form_do, stale_record, stale_record_do, start, state,
    state_damaged, state_draft, state_failed, state_locked, state_new, state_queued, state_sent,
    state_unlocked, step_key, step_numbers, step_passphrase, step_read_back, step_word, steps, strength,
    strong, subject, tags, tags_hint, take_weak, tasks, telephone, text, text_in_it, the_device, theme,
    this_browser, this_device, tick_off, title, to, to_do, token_about, token_of, too_large, too_large_do,
    too_large_why, too_many, too_many_do, too_many_files, too_many_files_do, too_many_why, type_erase,
    type_it_back, undo, undo_too_late, undo_too_late_do, unlock, unlock_by_key, until, upload,
    upload_broke_off, upload_broke_off_do, upload_broken, upload_hint, upload_or_import, upload_refused,
    upload_title, use_passphrase, value, vault, verb_delete, verb_read, verb_search, verb_write, verify,
    version, very_weak, wait_guess, waits_for_you, was_read, weak, web, weekly, what_may_leave, what_to_do,
    what_you_keep, where_word, which_tasks, whole_log, will_be_gone, with_whom, words, working,
    wrong_address, wrong_host, wrong_host_do, wrong_method, yearly, you, you_by, your_keys, your_passphrase,
    your_recovery_key,
}

impl Words {
    /// What was done, as the audit log has it.
    pub(crate) const fn operation(&self, kind: OperationKind) -> &'static str {
        match kind {
            OperationKind::AcceptLoss => self.op_accept_loss,
            OperationKind::Add => self.op_add,
            OperationKind::AgentAdd => self.op_agent_add,
            OperationKind::AgentList => self.op_agent_list,
            OperationKind::AgentRevoke => self.op_agent_revoke,
            OperationKind::Ask => self.op_ask,
            OperationKind::AuditExport => self.op_audit_export,
            OperationKind::AuditShow => self.op_audit_show,
            OperationKind::AuditVerify => self.op_audit_verify,
            OperationKind::Authenticate => self.op_authenticate,
            OperationKind::AutoLock => self.op_auto_lock,
            OperationKind::CategoryErase => self.op_category_erase,
            OperationKind::CategoryRekey => self.op_category_rekey,
            OperationKind::Check => self.op_check,
            OperationKind::ConsentList => self.op_consent_list,
            OperationKind::Delete => self.op_delete,
            OperationKind::Edit => self.op_edit,
            OperationKind::Export => self.op_export,
            OperationKind::FactoryReset => self.op_factory_reset,
            OperationKind::FailedUnlocks => self.op_failed_unlocks,
            OperationKind::Get => self.op_get,
            OperationKind::Health => self.op_health,
            OperationKind::KeyringWritten => self.op_keyring_written,
            OperationKind::List => self.op_list,
            OperationKind::Lock => self.op_lock,
            OperationKind::PassphraseChange => self.op_passphrase_change,
            OperationKind::ProfileSet => self.op_profile_set,
            OperationKind::ProfileShow => self.op_profile_show,
            OperationKind::Purge => self.op_purge,
            OperationKind::ReadBlob => self.op_read_blob,
            OperationKind::RecoveryConfirm => self.op_recovery_confirm,
            OperationKind::RecoveryNew => self.op_recovery_new,
            OperationKind::Rekey => self.op_rekey,
            OperationKind::Resume => self.op_resume,
            OperationKind::Search => self.op_search,
            OperationKind::SecretDelete => self.op_secret_delete,
            OperationKind::SecretList => self.op_secret_list,
            OperationKind::SecretSet => self.op_secret_set,
            OperationKind::SelfTest => self.op_self_test,
            OperationKind::Setup => self.op_setup,
            OperationKind::SetupCode => self.op_setup_code,
            OperationKind::Status => self.op_status,
            OperationKind::Stop => self.op_stop,
            OperationKind::Unlock => self.op_unlock,
            OperationKind::UploadBegin => self.op_upload_begin,
            OperationKind::UploadChunk => self.op_upload_chunk,
        }
    }
}

/// A text with its placeholders filled.
pub(crate) fn fill(text: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let value = after.split_once('}').and_then(|(number, after)| {
            let number: usize = number.parse().ok()?;
            Some((values.get(number)?, after))
        });
        if let Some((value, after)) = value {
            out.push_str(value);
            rest = after;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
