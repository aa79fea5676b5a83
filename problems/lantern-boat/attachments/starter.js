const [, ...lanterns] = require("fs")
  .readFileSync(0, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split(" ").map(Number)); // [x, h]

// Find the length of the pole.
const pole = 0;

console.log(pole);
