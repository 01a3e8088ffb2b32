//! Every text of the page, in every language: the one catalogue.
//!
//! A language is a value of [`Words`], so the compiler holds the languages to the same keys and says
//! which key nobody uses. Placeholders are `{0}`, `{1}`; the forms of a count stand apart by `|`.

mod de;
mod en;

use pocket_core::{FailureKind, OperationKind};

pub(crate) use de::GERMAN;
pub(crate) use en::ENGLISH;

macro_rules! words {
    ($($(#[$about:meta])* $area:ident $type:ident { $($key:ident,)* })*) => {
        $($(#[$about])*
        struct $type {
            $($key: &'static str,)*
        })*

        /// The texts of one language.
        pub(crate) struct Words {
            $($(pub(crate) $key: &'static str,)*)*
        }

        impl Words {
            /// Put together from their areas.
            #[expect(clippy::too_many_arguments, reason = "one argument an area")]
            const fn of($($area: &$type,)*) -> Self {
                Self { $($($key: $area.$key,)*)* }
            }
        }

        #[cfg(test)]
        impl Words {
            /// Each key with its text.
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$($((stringify!($key), self.$key),)*)*]
            }
        }
    };
}

words! {
    /// What would leave, and whom one can ask.
    consent_page ConsentWords {
        add_model, approve_once, ask_a_model, ask_about, ask_local_about, ask_more, asked_again,
        asked_before, asked_by, asks_too_much, consent_agent, costs_at_most, currency, deny,
        deny_here, deny_key, done_denied, done_sent, files_along, files_along_hint, from_records,
        goes_along, goes_to, i_have_read, key_is, kind_address, kind_birth, kind_card,
        kind_coordinates, kind_email, kind_iban, kind_identity, kind_network, kind_other,
        kind_person, kind_phone, kind_secret, kind_url, kind_vehicle, look_at_it, model,
        model_name_hint, model_place_hint, model_secret_hint, model_thinks, models, models_about,
        n_asked_again, n_calls_left, n_refused, new_standing, no_models, not_ticked, not_ticked_do,
        nothing_replaced, nothing_replaced_about, on_this_device, own_words_only, picture_leaves,
        pictures_leave, pictures_leave_about, price, price_hint, price_in, price_out, protocol,
        press_now, provider, question_here, question_to, replaced_about, sensitivity_critical,
        sensitivity_high, sensitivity_medium, standing_about, standing_bytes, standing_calls,
        standing_consents, standing_title, state_answered, state_denied, state_expired,
        state_sending, state_waiting, stop_it, suggestion, suggestion_about, take_back,
        the_question, the_very_bytes, tokens_about, was_replaced, what_for, what_for_hint,
        your_question,
    }
    /// The device, home, in and out, what can't be undone.
    device DeviceWords {
        accept_loss, all_whole, ask_again_loss, back, backup_about, backup_daily, backup_file,
        backup_hint, backup_make, backup_never, backup_newest, backup_no_key, backup_none, backup_others,
        backup_others_about, backup_overdue, backup_recipient, backup_recipient_add, backup_recipient_remove, backup_schedule,
        backup_schedule_about, backup_stale, backup_title, backup_tried, backup_try, backup_try_about,
        backup_unproved, backup_untried, backup_weekly, category, change, check, check_about,
        check_long, choose, confirm_key, critical, database_order, destroying, disk_full,
        disk_full_do, disk_nearly_full, ends, erase_about, erase_category, erase_for_good, erasing,
        export_about, export_everything, export_first, export_hint, export_now, export_open,
        export_progress, export_unfinished, export_without, factory_reset, failed_unlocks_do,
        for_good, for_good_about, free, go_on, import_files_how, import_formats, import_how,
        import_title, import_twice, import_what, import_why, in_and_out, in_and_out_about, kept_for,
        key_unconfirmed, key_unconfirmed_why, last_backup, last_export, last_step, lock_hint, lock_now,
        log_out_everywhere, log_out_here, logged_in, make_new_device, must_stay_free, n_damaged,
        n_days, n_sessions, n_wrong_passphrases, new_memory, new_note, new_task, no_category,
        not_the_word, nothing_brings_back, nothing_waits, panic_lock, quick_add, recent_activity,
        rekey, rekey_about, rekey_none, rekey_now, rekey_since, rekeying, reset_about, reset_keeps,
        room, room_unknown, send_about, send_address, send_address_hint, send_answered, send_closed, send_consent_about, send_failed, send_left,
        send_now, send_offer, send_offer_about, send_place, send_region, send_remove, send_secret, send_secret_hint, send_sent,
        send_stop_how, send_title, send_to, send_under_way, send_user, sessions_and_lock, state_damaged, state_locked, state_new,
        state_unlocked, step_numbers, step_word, storage, storage_about, storage_by_category,
        storage_rest, taken, type_erase, type_it_back, update_about, update_changed, update_fetch,
        update_fetch_about, update_fetch_address, update_fetch_closed, update_fetch_consent,
        update_fetch_failed, update_fetch_leads, update_fetch_now, update_fetch_of, update_fetch_open,
        update_fetch_show, update_fetch_status, update_fetch_stopped, update_fetching, update_file,
        update_good, update_install, update_installed, update_installing, update_left, update_look_again,
        update_looking, update_newer, update_none, update_not_written, update_offered, update_older, update_on_trial,
        update_older_yes, update_room, update_runs, update_same, update_send, update_signature, update_slot,
        update_title, update_trial, update_was_older, vault, version, waits_for_you, was_read,
        what_you_keep, whole_log, will_be_gone, your_keys,
    }
    /// Setup, unlock, the keys in the owner's hands.
    entrance EntranceWords {
        all_gone, change_it, checking, compare, confirm_about, confirm_title, confirmed_already,
        disk_damaged, fair, flaw_capitals, flaw_common, flaw_date, flaw_keys, flaw_name,
        flaw_repeats, flaw_reversed, flaw_sequence, flaw_single_word, flaw_substitutions,
        flaw_too_short, forgot, good, group, is_locked, is_unlocked, kept_about, kept_title,
        key_about, key_next, key_on_paper, key_printed, later, left_behind, log_in, lost_paper,
        make_key, make_mine, making_keys, none, nothing_changed, old_missing, old_missing_do,
        panic_about, panic_now, panic_title, passphrase, passphrase_about, passphrase_again,
        passphrase_empty, passphrase_hint, passphrase_new, passphrase_now, passphrase_weak,
        passphrase_weak_do, passphrases_differ, passphrases_differ_do, print, proof_failed,
        proof_files, proof_opened, proof_samples, proof_tried, recovery_hint, recovery_key,
        renew_about, reset_finished, same_again, setup_about, setup_code, setup_code_hint,
        setup_title, step_key, step_read_back, strength, strength_unknown, strong, take_weak,
        unlock, unlock_by_key, use_passphrase, very_weak, wait_guess, weak, working,
        your_recovery_key,
    }
    /// Files of strangers: how they are read and brought in.
    files FilesWords {
        at_card, at_file, at_line, at_note, at_part, at_task, import_again, import_bytes_apart,
        import_differs, import_done, import_folder, import_left_out, import_many, import_more,
        import_no_reader, import_place, import_too_many, import_too_many_do, import_zip,
        left_before_message, left_nameless, left_no_card, left_no_contact, left_no_export_line,
        left_no_fact, left_no_json, left_no_message, left_no_records, left_no_task, left_not_text,
        left_other_fields, left_stays_out, left_too_large, left_unreadable_card,
        left_unreadable_task, left_untitled, n_already_here, n_calendar_parts, n_events,
        n_free_busy, n_hidden, n_imported, n_journal, n_pages, n_unlisted, nothing_imported,
        only_tasks, page_of, previous_page, read_again, reading_failed, reading_no_reader,
        reading_partly, reading_pending, remark_attachment, remark_attachments_named,
        remark_cancelled, remark_card_cut_off, remark_cut_message, remark_day_first,
        remark_duration, remark_exceptions, remark_foreign_path, remark_front_matter, remark_geo,
        remark_key, remark_latin, remark_logo, remark_long_line, remark_long_list,
        remark_no_such_dates, remark_odd_date, remark_our_fields, remark_photo, remark_related_task,
        remark_reminder, remark_repeats_from_due, remark_sound, remark_task_cut_off, remark_utf_16,
        remark_zone, text_goes_on, unreadable_broke, unreadable_damaged, unreadable_large,
        unreadable_long, unreadable_page, unreadable_protected, unreadable_unsafe,
        unreadable_unsupported,
    }
    /// What all pages have, and several.
    frame FrameWords {
        agents, ask_again_hint, ask_again_why, audit_log, cancel, change_passphrase,
        changed_elsewhere, connection_lost, consent, contacts, conversations, copied, correct_field,
        decimal, delete, device, device_secret, documents, done_added, done_again, done_confirmed,
        done_deleted, done_erased, done_passphrase, done_profile, done_rekeyed, done_restored,
        done_revoked, done_saved, done_tried, done_uploaded, everything, export, failed_conflict,
        failed_conflict_do, failed_credential, failed_credential_do, failed_full, failed_full_do,
        failed_not_found, failed_not_found_do, failed_throttled, failed_throttled_do,
        failed_unavailable, failed_unavailable_do, failed_uncertain, failed_uncertain_do, home, import, is_done, kept_again, kept_again_do,
        kept_partly_do, lock, logged_out_elsewhere, marked, means_consent, means_custom,
        means_local, means_offline, memory, more, n_bytes, n_records, name, new_recovery_key, note,
        notes, nothing_fits, outbox, pages, profile, reading_all, reload, save, search,
        search_everything, secrets, sections, sending, settings, show, show_again, show_again_do,
        shown_once, skip, step_passphrase, steps, tasks, thousands, undo, until, upload,
        upload_broken, upload_login, upload_refused, value, what_may_leave, where_word,
        your_passphrase,
    }
    /// The audit log.
    log LogWords {
        agent_named, allowed, asked_owner, audit_about, by_mcp, by_pocketctl, failed_with, failure_conflict,
        failure_consent_needed, failure_damaged, failure_device_secret_foreign,
        failure_device_secret_missing, failure_full, failure_internal, failure_invalid,
        failure_locked, failure_newer, failure_not_found, failure_not_set_up, failure_refused,
        failure_throttled, failure_unavailable, failure_uncertain, failure_wrong_credential, former_agent, log_broken,
        log_broken_do, log_whole, newest, older, on_this_page, only_agents, only_all, only_changes,
        only_refused, op_accept_loss, op_add, op_agent_add, op_agent_limit, op_agent_list,
        op_agent_revoke, op_agent_rotate, op_ask, op_ask_local, op_ask_standing, op_audit_export,
        op_audit_show, op_audit_verify, op_authenticate, op_auto_lock, op_backup_create, op_backup_done, op_backup_drill, op_backup_drilled, op_backup_key, op_backup_offer, op_backup_place_remove, op_backup_place_set, op_backup_recipient_add, op_backup_recipient_remove, op_backup_restore, op_backup_schedule, op_backup_send, op_backup_sent, op_broker_link, op_broker_remove,
        op_broker_set, op_broker_show, op_broker_test, op_call_end,
        op_call_received, op_call_sent, op_category_erase, op_category_rekey, op_check,
        op_consent_approve, op_consent_deny, op_consent_expire, op_consent_list, op_consent_show,
        op_consent_status, op_delete, op_edit, op_export, op_export_done, op_extract,
        op_factory_reset, op_failed_unlocks, op_gateway_widened, op_get, op_health, op_keyring_written, op_list,
        op_lock, op_passphrase_change, op_press, op_press_set, op_profile_set, op_profile_show, op_provider_add,
        op_provider_list, op_provider_remove, op_purge, op_read_again, op_standing_add,
        op_standing_bytes, op_standing_calls, op_standing_minutes, standing_between,
        op_standing_remove,
        op_read_blob, op_recovery_confirm, op_recovery_new, op_rekey, op_resume, op_search,
        op_secret_delete, op_secret_list, op_secret_set, op_self_test, op_setup, op_setup_code,
        op_status, op_stop, op_unlock, op_update_chunk,
        op_update_fetch, op_update_fetch_stop, op_update_install, op_update_offer, op_upload_begin, op_upload_chunk, refusal_anonymous,
        refusal_audit, refusal_door, refusal_gateway, refusal_leaves, refusal_network, refusal_owner, refusal_passphrase,
        refusal_profile, refusal_scope, refusal_secrets, refused_for, someone_by, the_broker, the_device,
        verify, you_by,
    }
    /// The broker in the owner's own network.
    network NetworkWords {
        bad_authority, bad_host, bad_port, bad_prefix, bad_readable, bad_user, broker_host,
        broker_host_hint, broker_port, broker_port_hint, broker_secret, broker_secret_hint,
        broker_user, device_topics, discovery_prefix, discovery_prefix_hint, encryption,
        fault_address_public, fault_authority, fault_certificate_expired, fault_certificate_invalid,
        fault_certificate_issuer, fault_certificate_name, fault_expired,
        fault_garbled, fault_gateway, fault_host_unknown, fault_login, fault_lost,
        fault_not_allowed, fault_secret, fault_silent, fault_tls, fault_unreachable, inbox,
        link_connected, link_connecting, link_failed, link_shut, network_about, network_title,
        no_broker, not_kept, own_authority, own_authority_hint, password_readable,
        password_readable_warning, refused_empty, refused_not_text, refused_retained,
        refused_too_long, remove_broker, set_broker, test_broker, texts_wait, tls_off,
        tls_off_about, tls_on,
    }
    /// Records, documents, search.
    records RecordsWords {
        about, about_hint, add, add_messages, add_messages_hint, address, all_lists, all_tasks,
        an_agent, an_import, back_to_list, bad_file_name, birthday, by, by_due, by_title, came_in,
        by_broker, changed_meanwhile_do, changed_meanwhile_replace, channel, confidence, confidence_hint,
        daily, day_hint, delete_question, delete_selected, delete_these, digits_only, done, done_on,
        done_tasks, download, drop_here, due, earlier_messages, edit, edit_of, email,
        empty_contacts, empty_conversations, empty_documents, empty_memory, empty_notes,
        empty_outbox, empty_tasks, fact, field_no_text, field_too_long, file_too_large,
        file_too_large_do, files, filter_in, first_page, fortnightly, found_nothing, from_file,
        gone, gone_do, gone_document, gone_document_do, holds_from, holds_until, in_the_file,
        invalid_empty, invalid_line_break, invalid_percentage, invalid_priority, invalid_too_large,
        invalid_too_long, invalid_too_many, labelled_hint, last_changed, list, mark_done,
        markdown_hint, media_type, monthly, n_changes, n_found, n_messages, n_stored, needed, never,
        new_in, newest_first, next_page, nickname, no_file, no_file_do, not_a_date, not_a_number,
        not_done, notes_on_it, nothing_more, nothing_there, nothing_yet, oldest_first, one_a_line,
        open_again, open_tasks, order, order_due, order_newest, order_oldest, order_title,
        organisation, overdue, priority, priority_hint, priority_is, properties, rename_file,
        repeats, repeats_hint, role, save_as_new, search_about, search_hint, select, sha256,
        show_all, shown_of, size, source, source_hint, start, state, state_draft,
        state_failed, state_queued, state_sent, stored_now, subject, tags, tags_hint, telephone,
        text, text_in_it, the_record, tick_off, title, to, to_do, too_many_files, too_many_files_do,
        too_much_at_once, undo_too_late, undo_too_late_do, unknown_part, unknown_part_do,
        upload_broke_off, upload_broke_off_do, upload_hint, upload_or_import, upload_title, web,
        weekly, what_to_do, which_tasks, with_whom, words, yearly, you,
    }
    /// Agents, secrets, profile, settings.
    tools ToolsWords {
        agent_may, agent_may_hint, agent_name_hint, agent_share, agents_about, agents_token, allows_consent,
        allows_custom, allows_local, allows_offline, as_browser, ask_again_auto_lock,
        ask_again_open, auto_lock, auto_lock_hint, bad_agent_name, bad_auto_lock, bad_days,
        bad_minutes, bad_minutes_do, choose_of_four, client_config, client_config_http,
        client_config_stdio, config_for, consent_about, consent_title, copy, dark, days_hint,
        days_to_keep, delete_secret, delete_secret_question, for_minutes, i_have_it, language,
        last_used, light, made, make_agent, may_nothing, may_nothing_do, minutes_hint, n_waiting,
        never_used, new_agent, no_agents, no_profile, no_secrets, never_leaves_about, nothing_can_wait, press_about, press_again, press_every, press_none,
        press_off, press_sensitive, press_set, press_title,
        now, profile_title, replace, revoke, revoke_agent, revoke_question, rotate, rotate_agent,
        rotate_question, secret_name_hint,
        secret_value_hint, secrets_about, set_it, set_on, set_profile, set_secret, theme,
        this_browser, this_device, token_about, token_of, verb_delete, verb_read, verb_search, verb_send,
        verb_write,
    }
    /// What goes wrong.
    trouble TroubleWords {
        begin_at_home, broke, broke_do, broke_why, foreign_page, foreign_page_do, internal,
        kind_conflict, kind_consent, kind_credential, kind_damaged, kind_full, kind_invalid,
        kind_locked, kind_not_found, kind_not_set_up, kind_throttled, kind_unavailable, kind_uncertain, logged_out,
        logged_out_do, logged_out_why, no_such_page, no_such_page_why, not_a_form, not_a_form_do,
        not_possible_here, not_understood, out_of_date, refused, send_again, send_it_again,
        stale_form, stale_form_do, stale_record, stale_record_do, too_large, too_large_do,
        too_large_why, too_many, too_many_do, too_many_why, unexpected, unexpected_do,
        wrong_address, wrong_host, wrong_host_do, wrong_method,
    }
}

impl Words {
    /// Why something failed, as the audit log has it.
    pub(crate) const fn failure(&self, kind: FailureKind) -> &'static str {
        match kind {
            FailureKind::Conflict => self.failure_conflict,
            FailureKind::ConsentNeeded => self.failure_consent_needed,
            FailureKind::Damaged => self.failure_damaged,
            FailureKind::DeviceSecretForeign => self.failure_device_secret_foreign,
            FailureKind::DeviceSecretMissing => self.failure_device_secret_missing,
            FailureKind::Full => self.failure_full,
            FailureKind::Internal => self.failure_internal,
            FailureKind::Invalid => self.failure_invalid,
            FailureKind::Locked => self.failure_locked,
            FailureKind::Newer => self.failure_newer,
            FailureKind::NotFound => self.failure_not_found,
            FailureKind::NotSetUp => self.failure_not_set_up,
            FailureKind::Refused => self.failure_refused,
            FailureKind::Throttled => self.failure_throttled,
            FailureKind::Unavailable => self.failure_unavailable,
            FailureKind::Uncertain => self.failure_uncertain,
            FailureKind::WrongCredential => self.failure_wrong_credential,
        }
    }

    /// What was done, as the audit log has it.
    #[expect(clippy::too_many_lines, reason = "a table, one line a kind")]
    pub(crate) const fn operation(&self, kind: OperationKind) -> &'static str {
        match kind {
            OperationKind::AcceptLoss => self.op_accept_loss,
            OperationKind::Add => self.op_add,
            OperationKind::AgentAdd => self.op_agent_add,
            OperationKind::AgentList => self.op_agent_list,
            OperationKind::AgentLimit => self.op_agent_limit,
            OperationKind::AgentRevoke => self.op_agent_revoke,
            OperationKind::AgentRotate => self.op_agent_rotate,
            OperationKind::BackupCreate => self.op_backup_create,
            OperationKind::BackupDone => self.op_backup_done,
            OperationKind::BackupDrill => self.op_backup_drill,
            OperationKind::BackupDrilled => self.op_backup_drilled,
            OperationKind::BackupKey => self.op_backup_key,
            OperationKind::BackupRecipientAdd => self.op_backup_recipient_add,
            OperationKind::BackupRecipientRemove => self.op_backup_recipient_remove,
            OperationKind::BackupRestore => self.op_backup_restore,
            OperationKind::BackupOffer => self.op_backup_offer,
            OperationKind::BackupPlaceRemove => self.op_backup_place_remove,
            OperationKind::BackupPlaceSet => self.op_backup_place_set,
            OperationKind::BackupSchedule => self.op_backup_schedule,
            OperationKind::BackupSend => self.op_backup_send,
            OperationKind::BackupSent => self.op_backup_sent,
            OperationKind::BrokerLink => self.op_broker_link,
            OperationKind::BrokerRemove => self.op_broker_remove,
            OperationKind::BrokerSet => self.op_broker_set,
            OperationKind::BrokerShow => self.op_broker_show,
            OperationKind::BrokerTest => self.op_broker_test,
            OperationKind::Ask => self.op_ask,
            OperationKind::AskLocal => self.op_ask_local,
            OperationKind::AskStanding => self.op_ask_standing,
            OperationKind::CallEnd => self.op_call_end,
            OperationKind::CallReceived => self.op_call_received,
            OperationKind::CallSent => self.op_call_sent,
            OperationKind::ConsentApprove => self.op_consent_approve,
            OperationKind::ConsentDeny => self.op_consent_deny,
            OperationKind::ConsentExpire => self.op_consent_expire,
            OperationKind::ConsentShow => self.op_consent_show,
            OperationKind::ConsentStatus => self.op_consent_status,
            OperationKind::ProviderAdd => self.op_provider_add,
            OperationKind::ProviderList => self.op_provider_list,
            OperationKind::ProviderRemove => self.op_provider_remove,
            OperationKind::StandingAdd => self.op_standing_add,
            OperationKind::StandingBytes => self.op_standing_bytes,
            OperationKind::StandingCalls => self.op_standing_calls,
            OperationKind::StandingMinutes => self.op_standing_minutes,
            OperationKind::StandingRemove => self.op_standing_remove,
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
            OperationKind::ExportDone => self.op_export_done,
            OperationKind::Extract => self.op_extract,
            OperationKind::FactoryReset => self.op_factory_reset,
            OperationKind::FailedUnlocks => self.op_failed_unlocks,
            OperationKind::GatewayWidened => self.op_gateway_widened,
            OperationKind::Get => self.op_get,
            OperationKind::Health => self.op_health,
            OperationKind::KeyringWritten => self.op_keyring_written,
            OperationKind::List => self.op_list,
            OperationKind::Lock => self.op_lock,
            OperationKind::PassphraseChange => self.op_passphrase_change,
            OperationKind::Press => self.op_press,
            OperationKind::PressSet => self.op_press_set,
            OperationKind::ProfileSet => self.op_profile_set,
            OperationKind::ProfileShow => self.op_profile_show,
            OperationKind::Purge => self.op_purge,
            OperationKind::ReadAgain => self.op_read_again,
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
            OperationKind::UpdateChunk => self.op_update_chunk,
            OperationKind::UpdateFetch => self.op_update_fetch,
            OperationKind::UpdateFetchStop => self.op_update_fetch_stop,
            OperationKind::UpdateInstall => self.op_update_install,
            OperationKind::UpdateOffer => self.op_update_offer,
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
