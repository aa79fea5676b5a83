const [end, , ...lines] = require("fs").readFileSync(0, "utf8").trim().split("\n");

function parities(signs, side) {
  const rows = Array(side).fill(0);
  const columns = Array(side).fill(0);
  for (let i = 0; i < side * side; i++) {
    rows[Math.floor(i / side)] ^= signs[i];
    columns[i % side] ^= signs[i];
  }
  return [...rows, ...columns];
}

for (const line of lines) {
  const signs = [...line].map(Number);
  const side = signs.length < 16 ? 2 : 4;
  const found = parities(signs, side);
  if (end === "send") {
    console.log([...signs, ...found].join(""));
    continue;
  }
  const wrong = found.map((parity, i) => parity !== signs[side * side + i]);
  const [row, column] = [wrong.indexOf(true), wrong.lastIndexOf(true)];
  if (row >= 0 && row < side && column >= side) signs[row * side + column - side] ^= 1;
  console.log(signs.slice(0, side * side).join(""));
}
