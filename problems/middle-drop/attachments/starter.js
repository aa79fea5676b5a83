const [n, s, a, c, m] = require("fs").readFileSync(0, "utf8").split(" ").map(BigInt);

// Find the weight of the middle drop; only BigInt holds the products.
let middle = 0n;

console.log(String(middle));
