const [first, ...board] = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");
const n = Number(first);

// Count the ways to place n queens.
let ways = 0;

console.log(ways);
