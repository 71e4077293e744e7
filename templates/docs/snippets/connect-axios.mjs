import axios from "axios";

const answer = await axios.post(
  "{{ endpoint }}",
  { message: "Hello from webhook!" },
  {
    auth: { username: "{{ username }}", password: process.env.WEBHOOK_PASSWORD },
    maxRedirects: 0,
    timeout: 15_000,
  },
);
console.log(answer.data.id);
