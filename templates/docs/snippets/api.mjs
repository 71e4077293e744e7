const [method, path, body] = process.argv.slice(2);

const answer = await fetch("{{ public_url }}/api/v1" + path, {
  method,
  body,
  headers: {
    "Authorization": `Bearer ${process.env.API_TOKEN}`,
    "Content-Type": "application/json",
  },
  signal: AbortSignal.timeout(90_000),
});

console.log(await answer.text());
if (!answer.ok) process.exitCode = 1;
