const [first, ...board] = require("fs").readFileSync(0, "utf8").trimEnd().split("\n");
const n = Number(first);
const whole = board.map((row) => [...row].reduce((bits, c, x) => bits | ((c === ".") << x), 0));

function place(y, columns, left, right) {
  if (y === n) return 1;
  let ways = 0;
  for (let open = whole[y] & ~(columns | left | right); open; open &= open - 1) {
    const square = open & -open;
    ways += place(y + 1, columns | square, (left | square) << 1, (right | square) >> 1);
  }
  return ways;
}

console.log(place(0, 0, 0, 0));
