const [first, second] = require("fs").readFileSync(0, "utf8").split("\n");
const target = Number(first.split(" ")[1]);
const seen = new Map();
for (const [j, word] of second.split(" ").entries()) {
  const number = Number(word);
  if (seen.has(target - number)) {
    console.log(seen.get(target - number), j);
    break;
  }
  seen.set(number, j);
}
