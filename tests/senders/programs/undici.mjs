import { readFileSync } from "node:fs";
import { request } from "undici";

const login = Buffer.from(`{{ username }}:${process.env.WEBHOOK_PASSWORD}`).toString("base64");
const { statusCode } = await request("{{ endpoint }}", {
  method: "POST",
  headers: { authorization: `Basic ${login}`, "content-type": "application/json" },
  body: readFileSync("event.json"),
});
if (statusCode !== 200) throw new Error(String(statusCode));
