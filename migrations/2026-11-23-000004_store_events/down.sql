drop function store_events;
