-- Links that the operator makes for somebody who cannot sign in: one a user, found by the SHA-256 of its token, deleted by its use.
create table sign_in_links (
    user_id uuid not null constraint sign_in_links_pkey primary key
        constraint sign_in_links_user_fkey references users (id) on delete cascade,
    token_hash bytea not null constraint sign_in_links_token_is_unique unique,
    expires_at timestamptz not null
);
