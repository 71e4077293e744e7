-- The keys under which secrets are encrypted that have to be read again. One is in use; while `keys rotate` encrypts everything anew there
-- are two. A key that anything is encrypted under cannot be deleted. Those whose `sealed_under` is not null are encrypted themselves,
-- under a key from outside of the database which has this id. The first one is what the session key was used for as well until now, so
-- that a program of the release before goes on until keys are rotated.
create table installation_keys (
    id integer not null constraint installation_keys_pkey primary key,
    key bytea not null,
    sealed_under bytea,
    created_at timestamptz not null
);
insert into installation_keys (id, key, created_at) select 1, session_key, created_at from installation;

alter table installation add column session_key_sealed_under bytea;
alter table second_factors add column key_id integer not null default 1
    constraint second_factors_key_fkey references installation_keys (id);
