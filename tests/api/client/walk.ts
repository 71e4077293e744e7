// A program that does with the API what its description says, by types that are made of it. SERVER and TOKEN are in its environment.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const server = process.env.SERVER ?? "";
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
const api = createClient<paths>({ baseUrl: server, headers });

/** What an answer has, which has to be a good one. */
async function got<T, E>(call: Promise<{ data?: T; error?: E; response: Response }>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  assert.ok(data, `${response.url}: ${response.status} ${JSON.stringify(error)}`);
  return data;
}

/** The code of an answer that is none. */
async function refused(call: Promise<{ error?: { code: string } | undefined }>): Promise<string | undefined> {
  return (await call).error?.code;
}

const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

const me = await got(api.GET("/api/v1/self"));
assert.ok("scopes" in me && me.scopes.includes("credentials:write"));
const account = await got(api.GET("/api/v1/account"));

// A credential, made once however often it is asked for.
const wanted = { name: "Walk", external_id: "walk/1" };
const made = await got(api.POST("/api/v1/credentials", { body: wanted }));
const again = await got(api.POST("/api/v1/credentials", { body: wanted }));
const { id, username, password } = made;
assert.ok(password);
assert.deepEqual([again.id, again.password], [id, null]);
const path = { id };

async function send(secret: string, body: string): Promise<number> {
  const answer = await fetch(account.ingest_url, {
    method: "POST",
    headers: { Authorization: basic(username, secret), "Content-Type": "application/json" },
    body,
  });
  return answer.status;
}

async function isNewest(secret: string): Promise<boolean> {
  const who = await got(api.GET("/api/v1/self", { headers: { Authorization: basic(username, secret) } }));
  assert.ok("is_newest" in who);
  return who.is_newest;
}

// What it sends is listed, searched, read, exported and followed.
const from = await got(api.GET("/api/v1/events", { params: { query: { after: "now" } } }));
assert.ok("cursor" in from);
const body = '{"walk": 1.10}';
assert.equal(await send(password, body), 200);
assert.equal(await send(password, "{"), 400);
const news = await got(api.GET("/api/v1/events", { params: { query: { after: from.cursor, wait: 30 } } }));
assert.ok("caught_up" in news);
const [event] = news.events;
assert.ok(event && news.caught_up);
const found = await got(api.GET("/api/v1/events", { params: { query: { q: "walk = 1.1", credential: username, include: "body" } } }));
assert.ok("complete" in found);
assert.deepEqual([found.complete, found.next_cursor, found.events[0]?.id], [true, null, event.id]);
assert.deepEqual(found.events[0]?.body, { walk: 1.1 });
const one = { params: { path: { id: event.id } } };
assert.equal((await got(api.GET("/api/v1/events/{id}", one))).size_bytes, body.length);
assert.equal(await got(api.GET("/api/v1/events/{id}/body", { ...one, parseAs: "text" })), body);
assert.match(await got(api.GET("/api/v1/events/export", { parseAs: "text" })), new RegExp(event.id));
// It is noted beside the answer.
for (let refusal; refusal?.credential.username !== username; ) {
  [refusal] = (await got(api.GET("/api/v1/rejections"))).rejections;
}
assert.ok(await got(api.GET("/api/v1/overview")));

// A consumer: what it was handed out comes again until it is acknowledged.
const consumer = await got(api.POST("/api/v1/consumers", { body: { name: "Walk", filter: { credentials: [username] }, start: "oldest" } }));
assert.deepEqual(consumer.filter.usernames, [username]);
const reader = { params: { path: { id: consumer.id } } };
const pull = () => got(api.GET("/api/v1/consumers/{id}/events", { params: { ...reader.params, query: { include: "body" } } }));
const handed = await pull();
assert.deepEqual([handed.events.map((each) => each.id), handed.truncated], [[event.id], false]);
assert.equal((await pull()).cursor, handed.cursor);
const acknowledged = await got(api.POST("/api/v1/consumers/{id}/ack", { ...reader, body: { cursor: handed.cursor } }));
assert.ok(acknowledged.last_acknowledged_at);
assert.deepEqual((await pull()).events, []);
assert.equal((await got(api.GET("/api/v1/consumers/{id}", reader))).behind?.events, 0);
await got(api.POST("/api/v1/consumers/{id}/seek", { ...reader, body: { to: "oldest" } }));
assert.equal((await pull()).events.length, 1);
assert.equal((await got(api.GET("/api/v1/consumers"))).consumers.length, 1);
assert.equal((await api.DELETE("/api/v1/consumers/{id}", reader)).response.status, 204);

// A change, and one by somebody who has not read it.
const read = await api.GET("/api/v1/credentials/{id}", { params: { path } });
const tag = read.response.headers.get("ETag") ?? "";
const change = (name: string) =>
  api.PATCH("/api/v1/credentials/{id}", { params: { path, header: { "If-Match": tag } }, body: { name } });
assert.equal((await got(change("Walked"))).name, "Walked");
assert.equal(await refused(change("Walked on")), "precondition_failed");

// A rotation: the old password stops when it is not used any more.
const rotated = await got(api.POST("/api/v1/credentials/{id}/rotation", { params: { path }, body: { overlap: "1h" } }));
assert.deepEqual([await isNewest(password), await isNewest(rotated.password)], [false, true]);
assert.equal(await send(rotated.password, body), 200);
const stop = { params: { path } };
const carefully = { ...stop, body: { only_if_unused_for: "1h" } };
assert.equal(await refused(api.POST("/api/v1/credentials/{id}/old-password-revocation", carefully)), "still_used");
await got(api.POST("/api/v1/credentials/{id}/old-password-revocation", stop));
assert.deepEqual([await send(password, body), await send(rotated.password, body)], [401, 200]);
const passwords = await got(api.GET("/api/v1/credentials/{id}/passwords", { params: { path } }));
assert.deepEqual(passwords.passwords.map((each) => each.state), ["current", "revoked"]);

// The end of it.
const revocation = (name: string) =>
  api.POST("/api/v1/credentials/{id}/revocation", { params: { path }, body: { username: name } });
assert.equal(await refused(revocation("rw_00000000")), "invalid_fields");
assert.equal((await got(revocation(username))).state, "revoked");
assert.equal(await send(rotated.password, body), 401);
assert.equal((await api.DELETE("/api/v1/events/{id}", one)).response.status, 204);
assert.equal(await refused(api.GET("/api/v1/events/{id}", one)), "not_found");
assert.ok((await got(api.GET("/api/v1/credentials"))).credentials.some((each) => each.id === id));
assert.ok((await got(api.GET("/api/v1/audit", { params: { query: { limit: 200 } } }))).lines.length > 0);
