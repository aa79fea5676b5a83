const [end, , ...lines] = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) {
  if (end === "send") console.log(line); // Add what the receiver needs.
  else console.log(line); // Find the message.
}
