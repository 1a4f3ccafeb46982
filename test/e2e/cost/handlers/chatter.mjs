// Writes so many lines, each after the one before is on its way.
import { setTimeout as delay } from "node:timers/promises";

export default {
  name: "chatter",
  async run(lines, { log }) {
    for (let line = 0; line < lines; line += 1) {
      await log(`line ${line}`);
      await delay(5);
    }
  },
};
