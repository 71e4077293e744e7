//! The tables as the query builder knows them. The migrations are the truth; a test compares the two.

#![expect(missing_docs, reason = "the macro of diesel makes what stands here public, and the migrations describe it")]

diesel::table! {
    installation (id) {
        id -> Bool,
        session_key -> Bytea,
        checksum_key -> Bytea,
        created_at -> Timestamptz,
        set_up_at -> Nullable<Timestamptz>,
        ingest_url -> Nullable<Text>,
        session_key_sealed_under -> Nullable<Bytea>,
        sends_mail -> Bool,
    }
}

diesel::table! {
    installation_keys (id) {
        id -> Integer,
        key -> Bytea,
        sealed_under -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    upkeep (id) {
        id -> Bool,
        noted_at -> Timestamptz,
        steady_since -> Timestamptz,
        doubt -> Nullable<Text>,
        newest_event -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    detached_weeks (name) {
        name -> Text,
        first_id -> Uuid,
        end_id -> Uuid,
        detached_at -> Timestamptz,
    }
}

diesel::table! {
    accounts (id) {
        id -> Uuid,
        name -> Text,
        plan -> Text,
        created_at -> Timestamptz,
        retention_days -> Nullable<Integer>,
        max_credentials -> Nullable<Integer>,
        max_sessions -> Nullable<Integer>,
        max_events -> Nullable<BigInt>,
        max_bytes -> Nullable<BigInt>,
        when_full -> Text,
        event_columns -> Text,
    }
}

diesel::table! {
    deleted_accounts (account_id) {
        account_id -> Uuid,
        deleted_at -> Timestamptz,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        account_id -> Uuid,
        email -> Text,
        password_hash -> Text,
        password_changed_at -> Timestamptz,
        created_at -> Timestamptz,
        devices_forgotten_at -> Nullable<Timestamptz>,
        password_expires_at -> Nullable<Timestamptz>,
        confirmed_email -> Nullable<Text>,
    }
}

diesel::table! {
    outgoing_mails (id) {
        id -> Uuid,
        account_id -> Uuid,
        user_id -> Uuid,
        address -> Text,
        kind -> Text,
        details -> Jsonb,
        created_at -> Timestamptz,
        link_until -> Nullable<Timestamptz>,
        state -> Text,
        tries -> Integer,
        next_try_at -> Timestamptz,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    known_addresses (user_id, address) {
        user_id -> Uuid,
        address -> Inet,
        last_at -> Timestamptz,
    }
}

diesel::table! {
    saved_searches (id) {
        id -> Uuid,
        account_id -> Uuid,
        name -> Text,
        filters -> Text,
    }
}

diesel::table! {
    sign_in_links (user_id) {
        user_id -> Uuid,
        token_hash -> Bytea,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Uuid,
        sealed_secret -> Bytea,
        last_step -> BigInt,
        codes_id -> Uuid,
        turned_on_at -> Timestamptz,
        key_id -> Integer,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> Uuid,
        code_hash -> Bytea,
    }
}

diesel::table! {
    sessions (key_hash) {
        key_hash -> Bytea,
        id -> Uuid,
        user_id -> Nullable<Uuid>,
        state -> Text,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        expires_at -> Timestamptz,
        remote_ip -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    credentials (id) {
        id -> Uuid,
        account_id -> Uuid,
        name -> Text,
        username -> Text,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        holds_late_events -> Bool,
        any_content_type -> Bool,
        compressed_bodies -> Bool,
        batches -> Bool,
        put_as_post -> Bool,
        stored_once_by -> Nullable<Text>,
        networks -> Array<Cidr>,
        external_id -> Nullable<Text>,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> Uuid,
        account_id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        scopes -> Text,
        credentials -> Text,
        networks -> Array<Cidr>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        last_used_ip -> Nullable<Inet>,
        last_used_agent -> Nullable<Text>,
    }
}

diesel::table! {
    api_token_values (hash) {
        hash -> Text,
        token_id -> Uuid,
        hint -> Text,
        issued_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    consumers (id) {
        id -> Uuid,
        account_id -> Uuid,
        name -> Text,
        query -> Text,
        credentials -> Text,
        position -> Text,
        step -> BigInt,
        handed_ids -> Array<Uuid>,
        handed_end -> Nullable<Text>,
        handed_truncated -> Nullable<Text>,
        truncated -> Nullable<Text>,
        truncated_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        last_pulled_at -> Nullable<Timestamptz>,
        last_acked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    credential_secrets (id) {
        id -> Uuid,
        credential_id -> Uuid,
        hint -> Text,
        hash -> Text,
        slot -> Nullable<SmallInt>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        last_used_ip -> Nullable<Inet>,
        last_used_agent -> Nullable<Text>,
        overlap -> Nullable<Text>,
        extended_at -> Nullable<Timestamptz>,
        first_used_at -> Nullable<Timestamptz>,
        use_after_revoke_told_at -> Nullable<Timestamptz>,
        kind -> Text,
    }
}

diesel::table! {
    events (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        credential_id -> Uuid,
        remote_ip -> Inet,
        user_agent -> Nullable<Text>,
        content_type -> Text,
        query -> Nullable<Text>,
        headers -> Text,
        body -> Text,
        size_bytes -> Integer,
        accepted_late_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    held_events (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        credential_id -> Uuid,
        secret_id -> Uuid,
        received_at -> Timestamptz,
        remote_ip -> Inet,
        user_agent -> Nullable<Text>,
        content_type -> Text,
        query -> Nullable<Text>,
        headers -> Text,
        body -> Text,
        size_bytes -> Integer,
        idempotency_key -> Nullable<Bytea>,
        body_sha256 -> Nullable<Bytea>,
        rejected_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    event_counts (account_id, credential_id, half_hour, writer) {
        account_id -> Uuid,
        credential_id -> Uuid,
        half_hour -> Timestamptz,
        writer -> Uuid,
        accepted -> BigInt,
        rejected -> BigInt,
        bytes -> BigInt,
        header_bytes -> BigInt,
    }
}

diesel::table! {
    daily_counts (account_id, credential_id, day) {
        account_id -> Uuid,
        credential_id -> Uuid,
        day -> Timestamptz,
        accepted -> BigInt,
        rejected -> BigInt,
        bytes -> BigInt,
        header_bytes -> BigInt,
        half_hours -> Nullable<Array<Timestamptz>>,
        accepted_parts -> Nullable<Array<BigInt>>,
        rejected_parts -> Nullable<Array<BigInt>>,
        bytes_parts -> Nullable<Array<BigInt>>,
    }
}

diesel::table! {
    event_deletions (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        started_at -> Timestamptz,
        credential_id -> Nullable<Uuid>,
        query -> Nullable<Text>,
        next_id -> Uuid,
        end_id -> Uuid,
        description -> Text,
        seen -> BigInt,
        deleted -> BigInt,
        cancelled_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        snapshot -> Nullable<Text>,
    }
}

diesel::table! {
    event_removals (account_id, half_hour) {
        account_id -> Uuid,
        half_hour -> Timestamptz,
        events -> BigInt,
        bytes -> BigInt,
        header_bytes -> BigInt,
        newest_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    late_events (account_id, accepted_at, id) {
        account_id -> Uuid,
        accepted_at -> Timestamptz,
        id -> Uuid,
        credential_id -> Uuid,
    }
}

diesel::table! {
    senders (account_id, credential_id, remote_ip) {
        account_id -> Uuid,
        credential_id -> Uuid,
        remote_ip -> Inet,
        last_seen_at -> Timestamptz,
        first_seen_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    rejections (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        credential_id -> Uuid,
        reason -> Text,
        second -> Timestamptz,
        hint -> Nullable<Text>,
        detail -> Nullable<Text>,
        remote_ip -> Inet,
        user_agent -> Nullable<Text>,
        size_bytes -> Nullable<BigInt>,
        count -> Integer,
    }
}

diesel::table! {
    idempotency_keys (account_id, credential_id, key) {
        account_id -> Uuid,
        credential_id -> Uuid,
        key -> Bytea,
        event_id -> Uuid,
        body_sha256 -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_log (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor -> Text,
        actor_user_id -> Nullable<Uuid>,
        action -> Text,
        subject -> Text,
        detail -> Text,
        details -> Nullable<Jsonb>,
        remote_ip -> Nullable<Inet>,
        request_id -> Nullable<Text>,
        token_name -> Nullable<Text>,
    }
}

diesel::table! {
    alerts (id) {
        id -> Uuid,
        account_id -> Uuid,
        kind -> Text,
        subject_id -> Uuid,
        name -> Text,
        state -> Text,
        level -> SmallInt,
        since -> Timestamptz,
        facts -> Jsonb,
        told_state -> Nullable<Text>,
        told_level -> Nullable<SmallInt>,
        told_at -> Nullable<Timestamptz>,
        acknowledged_at -> Nullable<Timestamptz>,
        muted_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    alert_changes (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        kind -> Text,
        subject_id -> Uuid,
        name -> Text,
        state -> Text,
        level -> SmallInt,
        facts -> Jsonb,
    }
}

diesel::table! {
    alert_rules (id) {
        id -> Uuid,
        account_id -> Uuid,
        kind -> Text,
        subject_id -> Uuid,
        minutes -> Integer,
        at_least -> Integer,
        percent -> SmallInt,
        weekdays -> SmallInt,
        from_minute -> SmallInt,
        to_minute -> SmallInt,
        zone -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    alert_settings (account_id) {
        account_id -> Uuid,
        kinds -> Text,
        mails -> Bool,
    }
}

diesel::table! {
    alert_evaluation (id) {
        id -> Bool,
        evaluated_at -> Timestamptz,
        steady_since -> Timestamptz,
    }
}

diesel::joinable!(users -> accounts (account_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(known_addresses -> users (user_id));
diesel::joinable!(second_factors -> users (user_id));
diesel::joinable!(second_factors -> installation_keys (key_id));
diesel::joinable!(api_tokens -> users (user_id));
diesel::joinable!(api_token_values -> api_tokens (token_id));
diesel::joinable!(credentials -> accounts (account_id));
diesel::joinable!(credential_secrets -> credentials (credential_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    api_tokens,
    api_token_values,
    users,
    second_factors,
    known_addresses,
    sessions,
    credentials,
    credential_secrets,
    events,
    rejections,
    event_counts,
    audit_log
);
diesel::allow_tables_to_appear_in_same_query!(second_factors, installation_keys);
diesel::allow_columns_to_appear_in_same_group_by_clause!(
    rejections::credential_id,
    rejections::remote_ip,
    rejections::reason,
    rejections::hint,
    credentials::name,
    credentials::username
);
