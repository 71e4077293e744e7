-- The columns that the people of an account chose for their list of events, as they were typed.
alter table accounts
    add column event_columns text not null default '' check (length(event_columns) <= 2000);
