const [n, start, end] = require("fs").readFileSync(0, "utf8").split("\n");

// Find an order; leave it empty if there is none.
const signals = [];

console.log(signals.length ? signals.join("\n") : "impossible");
