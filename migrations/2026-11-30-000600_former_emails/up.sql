-- Lines of the audit log name their user by the address of their time: each change of an address is a line that has the one before.
create index audit_log_email_changes on audit_log (actor_user_id, id) where action = 'email_changed';
create function former_email(of_user uuid, line uuid) returns text language sql stable as $$
    select details->>'was' from audit_log
    where actor_user_id = of_user and action = 'email_changed' and id > line
    order by id limit 1
$$;
