const login = `{{ username }}:${process.env.WEBHOOK_PASSWORD}`;

const answer = await fetch("{{ endpoint }}", {
  method: "POST",
  redirect: "error", // following one would turn the POST into a GET
  headers: {
    "Authorization": `Basic ${Buffer.from(login).toString("base64")}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ message: "Hello from webhook!" }),
  signal: AbortSignal.timeout(15_000),
});

const result = await answer.json();
console.log(answer.status, result);
if (answer.status !== 200 || result.status !== "ok") process.exitCode = 1;
