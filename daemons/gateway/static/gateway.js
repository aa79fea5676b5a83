// Follow a user's events from a browser: in order, each once, across lost connections.
//
//   const stop = followEvents("ws://127.0.0.1:8001/", "u1", {
//     onEvent: (event) => console.log(event.type, event.submission_id),
//     onGap: (reason) => location.reload(), // some events are gone: read the state over HTTP
//   });
//
// The id of the last event is said as `after` when the connection comes back, and tries are spread
// by full jitter, so that a restarted gateway is not met by a stampede. No dependencies; works as
// <script src=".../gateway.js">, as a module, and in Node from version 22 on.
"use strict";

(function (root) {
  const FIRST_DELAY_MS = 500;
  const MAX_DELAY_MS = 30000;
  // A page can't see pings, so a dead connection only shows when something is sent over it.
  const KEEP_ALIVE_MS = 25000;
  const READY_MS = 15000;
  // Another try would end the same way; see "close codes" in docs/protocol.md.
  const FATAL = new Set([1002, 1003, 1007, 1008, 1009, 4501]);

  // Follow the events of `userId` at `url`. All options may be left out:
  //   after     id of the last event that is known; those behind it come first
  //   token     where the gateway asks for one
  //   onEvent   called with each event
  //   onGap     called with "trimmed" or "fork" where events are missing
  //   onState   called with "live", "away" (comes back by itself) and "refused" (does not; the
  //             second argument is the close code, the third the reason)
  // Returns a function that ends it.
  function followEvents(url, userId, options = {}) {
    const { token, onEvent = () => {}, onGap = () => {}, onState = () => {} } = options;
    const client = "js-" + Math.random().toString(36).slice(2, 14);
    let after = options.after;
    let failures = 0;
    let socket = null;
    let timer = null;
    let stopped = false;

    function connect() {
      const own = (socket = new WebSocket(url));
      let keepAlive = null;
      const patience = setTimeout(() => own.close(), READY_MS);

      own.onopen = () => {
        const hello = { user_id: userId, client };
        if (after !== undefined) hello.after = after;
        if (token !== undefined) hello.token = token;
        own.send(JSON.stringify(hello));
        keepAlive = setInterval(() => own.send("-"), KEEP_ALIVE_MS);
      };
      own.onmessage = (message) => {
        if (own !== socket) return;
        const frame = JSON.parse(message.data);
        if (frame.type === "ready") {
          clearTimeout(patience);
          failures = 0;
          take(frame);
        } else if (after === undefined || frame.id > after) {
          after = frame.id;
          onEvent(frame);
        }
      };
      own.onclose = (close) => {
        clearTimeout(patience);
        clearInterval(keepAlive);
        if (own === socket && !stopped) leave(close);
      };
    }

    function take(ready) {
      // From here on `after` can be said, even if the connection goes before an event comes.
      if (after === undefined) after = ready.head;
      onState("live");
      if (!ready.recovered) {
        // After a fork all that is kept comes, and its ids may be lower than those that were.
        if (ready.reason === "fork") after = 0;
        onGap(ready.reason);
      }
    }

    function leave(close) {
      if (FATAL.has(close.code)) {
        stop();
        onState("refused", close.code, close.reason);
        return;
      }
      if (failures === 0) onState("away");
      const limit = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
      failures += 1;
      clearTimeout(timer);
      timer = setTimeout(connect, Math.random() * limit);
    }

    // The network is back: whatever is left of the old connection is not worth waiting for.
    function renew() {
      clearTimeout(timer);
      const old = socket;
      connect();
      if (old !== null) old.close();
    }

    function stop() {
      stopped = true;
      clearTimeout(timer);
      if (root.removeEventListener) root.removeEventListener("online", renew);
      if (socket !== null) socket.close();
    }

    if (root.addEventListener) root.addEventListener("online", renew);
    connect();
    return stop;
  }

  if (typeof module === "object" && module.exports) module.exports = { followEvents };
  else root.followEvents = followEvents;
})(typeof globalThis === "object" ? globalThis : this);
