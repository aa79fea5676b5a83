const CLOSE = { "(": ")", "[": "]", "{": "}" };

function isValid(brackets) {
  const expected = [];
  for (const char of brackets) {
    if (char in CLOSE) expected.push(CLOSE[char]);
    else if (expected.pop() !== char) return false;
  }
  return expected.length === 0;
}

const [, ...strings] = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");
console.log(strings.map((text) => (isValid(text) ? "yes" : "no")).join("\n"));
