// node deliver.mjs EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
// Exit status: 0 stored; 1 this event is refused, don't send it again;
// 75 not stored yet, try later with the same key; 77 nothing would be stored
// as things are: a wrong password or address, a redirect, or an unreadable file.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const ENDPOINT = "{{ endpoint }}";
const LOGIN = `{{ username }}:${process.env.WEBHOOK_PASSWORD}`;
const RETRY = [0, 408, 429, 502, 503, 504];
const REFUSED = [400, 413, 422]; // what is wrong is the event
const ATTEMPTS = 10;
const LONGEST_WAIT = 60; // seconds

// One attempt: status (0: no answer), text, and how long the answer asks to wait.
async function post(body, key) {
  try {
    const answer = await fetch(ENDPOINT, {
      method: "POST",
      redirect: "manual", // following one would turn the POST into a GET
      headers: {
        "Authorization": `Basic ${Buffer.from(LOGIN).toString("base64")}`,
        "Content-Type": "application/json",
        "Idempotency-Key": key,
      },
      body,
      signal: AbortSignal.timeout(15_000),
    });
    const asked = Number(answer.headers.get("retry-after")) || 0;
    const target = answer.headers.get("location");
    const text = target ? `not stored: the address redirects to ${target}` : await answer.text();
    return { status: answer.status, text, asked };
  } catch (error) {
    return { status: 0, text: String(error.cause ?? error), asked: 0 };
  }
}

function isStored(status, text) {
  try {
    return status === 200 && JSON.parse(text).status === "ok";
  } catch {
    return false;
  }
}

async function deliver(body, key) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { status, text, asked } = await post(body, key);
    if (isStored(status, text)) {
      console.log(text);
      return 0;
    }
    console.error(`attempt ${attempt + 1} failed: ${status} ${text}`);
    if (!RETRY.includes(status)) return REFUSED.includes(status) ? 1 : 77;
    const jitter = Math.random() * Math.min(LONGEST_WAIT, 2 ** attempt);
    if (attempt < ATTEMPTS - 1) await sleep((asked + jitter) * 1000);
  }
  console.error(`gave up; key: ${key}`);
  return 75;
}

const [file, key = randomUUID()] = process.argv.slice(2);
try {
  process.exitCode = await deliver(await readFile(file), key);
} catch (error) {
  console.error(`not sent: ${error.message}`);
  process.exitCode = 77;
}
