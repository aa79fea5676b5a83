const [a, b] = require("fs").readFileSync(0, "utf8").split("\n");
const row = new Int32Array(b.length + 1);
for (const x of a) {
  let diagonal = 0;
  for (let j = 1; j <= b.length; j++) {
    const above = row[j];
    row[j] = x === b[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]);
    diagonal = above;
  }
}
console.log(row[b.length]);
