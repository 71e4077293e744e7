import got from "got";
await got.post("{{ address }}", { json: {}, retry: { limit: 0 } });
