const [[n, m], ...roads] = require("fs")
  .readFileSync(0, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split(" ").map(Number));

// Find the least time from town 1 to town n; a road is [u, v, length, speed].
let hours = null;

console.log(hours === null ? "impossible" : hours);
