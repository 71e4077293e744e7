alter table accounts
    drop column event_columns;
