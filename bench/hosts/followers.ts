// Many followers of one job in one program: each reads the events on a connection of its own and hashes the bytes in them.
// Arguments: address of the job's output, how many. Prints a line when all are connected, and one with every hash at the end.
import { createHash } from "node:crypto";
import { Agent, get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";

import { EVENTS } from "../lib/http.ts";

const [, , url = "", count = "1"] = process.argv;
const agent = new Agent({ maxSockets: Infinity });
/** Connecting all at once would overflow the server's queue of connections. */
const AT_ONCE = 100;

function connect(): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: EVENTS }, resolve).on("error", reject);
  });
}

async function hashOf(answer: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const line of createInterface({ input: answer })) {
    if (!line.startsWith('data: {"kind":"chunk"')) continue;
    const { text } = JSON.parse(line.slice("data: ".length)) as { text: string };
    hash.update(text);
    bytes += text.length;
  }
  return `${bytes} ${hash.digest("hex")}`;
}

const hashes: Promise<string>[] = [];
while (hashes.length < Number(count)) {
  const missing = Math.min(AT_ONCE, Number(count) - hashes.length);
  const answers = await Promise.all(Array.from({ length: missing }, connect));
  hashes.push(...answers.map(hashOf));
}
console.log("{}");
console.log(JSON.stringify({ hashes: await Promise.all(hashes) }));
agent.destroy();
