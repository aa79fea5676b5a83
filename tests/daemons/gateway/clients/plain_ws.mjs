// npm's `ws` as the plainest of clients: says who it is, prints what comes, comes back when cut off.
import WebSocket from "ws";

const [url, user] = process.argv.slice(2);

function connect() {
  const ws = new WebSocket(url);
  ws.on("open", () => ws.send(user));
  ws.on("message", (data) => console.log(data.toString()));
  ws.on("error", () => {});
  ws.on("close", () => setTimeout(connect, 100));
}

connect();
