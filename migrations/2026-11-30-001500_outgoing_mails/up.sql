-- Mails to users: made in the transaction of their cause, sent by whichever program claims them, and kept for a while, since how many
-- an address got lately is counted here.
create table outgoing_mails (
    id uuid not null constraint outgoing_mails_pkey primary key,
    -- Without a reference: that an account is deleted and made anew must not bring the count of its address back to none.
    account_id uuid not null,
    user_id uuid not null,
    address text not null,
    kind text not null,
    details jsonb not null,
    created_at timestamptz not null,
    -- Until when the link in it works, and null once it was used.
    link_until timestamptz,
    state text not null default 'waiting' constraint outgoing_mails_state_is_known check (state in ('waiting', 'sent', 'failed')),
    tries integer not null default 0,
    next_try_at timestamptz not null,
    last_error text
);
create index outgoing_mails_due on outgoing_mails (next_try_at) where state = 'waiting';
create index outgoing_mails_of_address on outgoing_mails (address, kind, created_at);
create index outgoing_mails_of_account on outgoing_mails (account_id, kind, created_at);

-- Whether the program that was started last sends mail.
alter table installation add column sends_mail boolean not null default false;
-- The address whose link the user has opened; it counts while it is the user's address, which an older program changes alone.
alter table users add column confirmed_email text;
