import { createReadStream } from "node:fs";
import fetch from "node-fetch";

const login = Buffer.from(`{{ username }}:${process.env.WEBHOOK_PASSWORD}`).toString("base64");
// A stream has no length, so that it goes in chunks.
const answer = await fetch("{{ endpoint }}", {
  method: "POST",
  headers: { Authorization: `Basic ${login}`, "Content-Type": "application/json" },
  body: createReadStream("event.json"),
});
if (!answer.ok) throw new Error(await answer.text());
