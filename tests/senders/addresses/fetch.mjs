const headers = { "Content-Type": "application/json" };
const answer = await fetch("{{ address }}", { method: "POST", headers, body: "{}" });
if (!answer.ok) throw new Error(answer.status);
