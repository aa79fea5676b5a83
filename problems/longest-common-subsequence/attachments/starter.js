const [a, b] = require("fs").readFileSync(0, "utf8").split("\n");

// Find the length of their longest common subsequence.
let length = 0;

console.log(length);
