-- Who did what, when, from where. Written in the transaction of the act, and never changed: the trigger refuses it, so that
-- not even the program itself can rewrite what it wrote.
create table audit_log (
    account_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    actor text not null,
    actor_user_id uuid,
    action text not null,
    subject text not null,
    detail text not null,
    remote_ip inet,
    request_id text,
    constraint audit_log_pkey primary key (account_id, id)
);

create function refuse_to_change_the_audit_log() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end
$$;

create trigger audit_log_is_append_only before update or delete on audit_log
    for each row execute function refuse_to_change_the_audit_log();
create trigger audit_log_is_never_emptied before truncate on audit_log
    for each statement execute function refuse_to_change_the_audit_log();
