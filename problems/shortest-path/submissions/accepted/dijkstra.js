const [[n], ...roads] = require("fs")
  .readFileSync(0, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split(" ").map(Number));
const adjacent = Array.from({ length: n + 1 }, () => []);
for (const [u, v, length, speed] of roads) {
  adjacent[u].push([v, length / speed]);
  adjacent[v].push([u, length / speed]);
}

const heap = [];
function push(entry) {
  let i = heap.push(entry) - 1;
  for (; i > 0 && heap[(i - 1) >> 1][0] > entry[0]; i = (i - 1) >> 1) heap[i] = heap[(i - 1) >> 1];
  heap[i] = entry;
}
function pop() {
  const top = heap[0];
  const last = heap.pop();
  if (heap.length === 0) return top;
  let i = 0;
  for (let child; (child = 2 * i + 1) < heap.length; i = child) {
    if (child + 1 < heap.length && heap[child + 1][0] < heap[child][0]) child++;
    if (heap[child][0] >= last[0]) break;
    heap[i] = heap[child];
  }
  heap[i] = last;
  return top;
}

const best = new Float64Array(n + 1).fill(Infinity);
best[1] = 0;
push([0, 1]);
while (heap.length > 0) {
  const [time, town] = pop();
  if (time > best[town]) continue;
  for (const [other, hours] of adjacent[town]) {
    if (time + hours < best[other]) {
      best[other] = time + hours;
      push([time + hours, other]);
    }
  }
}
console.log(best[n] === Infinity ? "impossible" : best[n]);
