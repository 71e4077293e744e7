-- One row: what the last round of upkeep noted, by the database's clock. The next round compares what time it is with it before it
-- deletes anything: a clock that jumped, or that went back, shows here. `steady_since` is since when upkeep runs without anything that
-- speaks against the clock, and `doubt` what did so last. `newest_event` is how far the counts of stored events reached. No row means
-- that no upkeep has run since this table is there, and then the next ones delete nothing for a day. Older programs neither read nor
-- write it.
create table upkeep (
    id boolean not null default true constraint upkeep_pkey primary key,
    noted_at timestamptz not null,
    steady_since timestamptz not null,
    doubt text,
    newest_event timestamptz,
    constraint upkeep_is_one_row check (id)
);

-- Weeks that were taken out of the table of events because all in them is too old. Each is still a table of its own under its name,
-- is dropped a day later, and comes back before that where the clock turns out to have been wrong. The bounds are those that it had as
-- a partition. A row is written in the transaction that detaches the week, and goes in the one that attaches it again or drops it.
create table detached_weeks (
    name text not null constraint detached_weeks_pkey primary key,
    first_id uuid not null,
    end_id uuid not null,
    detached_at timestamptz not null
);
