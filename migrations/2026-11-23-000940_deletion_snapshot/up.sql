-- What was committed when the events of an order were counted: what came later stays, whatever its id says. Nothing is rewritten, and an
-- older program goes on beside a newer one: the orders that it takes have none.
alter table event_deletions add column snapshot text;
