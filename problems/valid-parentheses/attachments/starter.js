function isValid(brackets) {
  return true;
}

const [k, ...strings] = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");
console.log(strings.map((text) => (isValid(text) ? "yes" : "no")).join("\n"));
