-- Since when the browsers that a user signed in with before are not known any more. Nothing is rewritten, and an older program beside a
-- newer one only leaves it as it is.
alter table users add column devices_forgotten_at timestamptz;
