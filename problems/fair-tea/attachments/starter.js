const [[n, k], bricks] = require("fs")
  .readFileSync(0, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split(" ").map(Number));

// Count the ways.
let ways = 0;

console.log(ways);
