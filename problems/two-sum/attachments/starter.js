const [first, second] = require("fs").readFileSync(0, "utf8").split("\n");
const [n, target] = first.split(" ").map(Number);
const numbers = second.split(" ").map(Number);

// Find i < j with numbers[i] + numbers[j] === target.
let [i, j] = [0, 1];

console.log(i, j);
