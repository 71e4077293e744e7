-- The events that were accepted late: their ids are those of their first arrival, far behind what whoever follows events looks at. Each row
-- is of the transaction that stored its event, so that its xmin says who has not seen it, and the time bounds what is asked.
create table late_events (
    account_id uuid not null,
    accepted_at timestamptz not null,
    id uuid not null,
    credential_id uuid not null,
    constraint late_events_pkey primary key (account_id, accepted_at, id)
);
