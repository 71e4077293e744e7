-- Gives back what it was given, and fails where commits wait for no standby. The setting can change while the server runs, so it is
-- asked in the transaction that stores.
create function require_synchronous_standby(plans text[]) returns text[] language plpgsql as $$
begin
    if current_setting('synchronous_standby_names') = '' then
        raise exception 'synchronous_standby_names is empty' using errcode = 'RW001';
    end if;
    return plans;
end $$;
