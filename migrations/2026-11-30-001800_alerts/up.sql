-- Alerts: what should be told of, its state, and what has been told. A row is made when something comes about for the first time; one
-- subject has one row of a kind. A program of the release before looks at none of this.
create table alerts (
    id uuid not null constraint alerts_pkey primary key,
    account_id uuid not null constraint alerts_account_fkey references accounts (id) on delete cascade,
    kind text not null,
    -- The credential, API token or consumer that it is about, or the account.
    subject_id uuid not null,
    name text not null,
    state text not null constraint alerts_state_is_known check (state in ('ok', 'pending', 'firing', 'resolved')),
    -- How urgent it is, from 1.
    level smallint not null,
    since timestamptz not null,
    facts jsonb not null,
    -- What the last message said, and when it was made.
    told_state text,
    told_level smallint,
    told_at timestamptz,
    acknowledged_at timestamptz,
    muted_until timestamptz,
    constraint alerts_of_one_subject unique (account_id, kind, subject_id)
);
-- What each evaluation looks at, of however many there were: what is open, and what ended without a word of it.
create index alerts_open on alerts (account_id) where state in ('pending', 'firing') or told_state = 'firing';
create index alerts_by_age on alerts (since) where state in ('ok', 'resolved');

-- Their changes of state, for whoever looks back.
create table alert_changes (
    account_id uuid not null constraint alert_changes_account_fkey references accounts (id) on delete cascade,
    id uuid not null,
    at timestamptz not null,
    kind text not null,
    subject_id uuid not null,
    name text not null,
    state text not null,
    level smallint not null,
    facts jsonb not null,
    constraint alert_changes_pkey primary key (account_id, id)
);
create index alert_changes_by_age on alert_changes (at);

-- What an account wants to be told of beyond the default; of one subject there is one rule of a kind.
create table alert_rules (
    id uuid not null constraint alert_rules_pkey primary key,
    account_id uuid not null constraint alert_rules_account_fkey references accounts (id) on delete cascade,
    kind text not null,
    subject_id uuid not null,
    minutes integer not null constraint alert_rules_minutes_are_bounded check (minutes between 1 and 43200),
    at_least integer not null default 0,
    percent smallint not null default 0 constraint alert_rules_percent_is_one check (percent between 0 and 100),
    -- When events are expected: a bit for each weekday from Monday on, minutes of the day, and where these are read.
    weekdays smallint not null default 127 constraint alert_rules_weekdays_are_some check (weekdays between 1 and 127),
    from_minute smallint not null default 0,
    to_minute smallint not null default 1440,
    zone text not null default 'UTC',
    created_at timestamptz not null,
    constraint alert_rules_hours_are_some check (from_minute >= 0 and from_minute < to_minute and to_minute <= 1440),
    constraint alert_rules_of_one_subject unique (account_id, kind, subject_id)
);
create index alert_rules_by_kind on alert_rules (kind);

-- What an account has chosen of the rest. Without a row: the default.
create table alert_settings (
    account_id uuid not null constraint alert_settings_pkey primary key
        constraint alert_settings_account_fkey references accounts (id) on delete cascade,
    -- The kinds without rules that it is told of, with a space between.
    kinds text not null,
    mails boolean not null
);

-- One row: when alerts were evaluated last, and since when that went on without a pause. Whoever updates it evaluates.
create table alert_evaluation (
    id boolean not null default true constraint alert_evaluation_pkey primary key,
    evaluated_at timestamptz not null,
    steady_since timestamptz not null,
    constraint alert_evaluation_is_one_row check (id)
);
insert into alert_evaluation values (true, to_timestamp(0), to_timestamp(0));

create index api_tokens_by_end on api_tokens (expires_at) where revoked_at is null;
