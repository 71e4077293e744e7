import axios from "axios";
await axios.post("{{ address }}", {});
