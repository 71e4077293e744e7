const login = `{{ username }}:${process.env.WEBHOOK_PASSWORD}`;

const answer = await fetch("{{ endpoint }}", {
  method: "POST",
  headers: {
    "Authorization": `Basic ${Buffer.from(login).toString("base64")}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ message: "Hello from webhook!" }),
  signal: AbortSignal.timeout(15_000),
});

console.log(answer.status, await answer.json());
if (!answer.ok) process.exitCode = 1;
