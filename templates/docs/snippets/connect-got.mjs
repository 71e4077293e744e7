import got from "got";

const answer = await got.post("{{ endpoint }}", {
  username: "{{ username }}",
  password: process.env.WEBHOOK_PASSWORD,
  json: { message: "Hello from webhook!" },
  followRedirect: false,
  timeout: { request: 15_000 },
}).json();
console.log(answer.id);
