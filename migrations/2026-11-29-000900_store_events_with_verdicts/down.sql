drop function store_events(
    text[], timestamptz, timestamptz, uuid, uuid[],
    uuid[], uuid[], uuid[], timestamptz[], uuid[], inet[],
    text[], text[], text[], text[], text[], integer[],
    uuid[], uuid[], bytea[], uuid[], bytea[]
);
