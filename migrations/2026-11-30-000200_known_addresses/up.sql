-- Addresses that a user has signed in from: an IPv4 address, or the first of the /64 of an IPv6 customer. Guesses from elsewhere do not
-- keep the user out there. An older program beside a newer one only leaves the table as it is.
create table known_addresses (
    user_id uuid not null constraint known_addresses_user_fkey references users (id) on delete cascade,
    address inet not null,
    last_at timestamptz not null,
    constraint known_addresses_pkey primary key (user_id, address)
);

insert into known_addresses (user_id, address, last_at)
select user_id, case family(remote_ip) when 4 then host(remote_ip)::inet
                                       else host(network(set_masklen(remote_ip, 64)))::inet end, max(created_at)
from sessions
where user_id is not null and remote_ip is not null
group by 1, 2;
