const lines = require("readline").createInterface({ input: process.stdin });
const answers = lines[Symbol.asyncIterator]();
const read = async () => Number((await answers.next()).value);

async function height(mark) {
  console.log("? " + mark);
  return read();
}

(async () => {
  let [low, high] = [1, await read()];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((await height(middle)) < (await height(middle + 1))) low = middle + 1;
    else high = middle;
  }
  console.log("! " + low);
  lines.close();
})();
