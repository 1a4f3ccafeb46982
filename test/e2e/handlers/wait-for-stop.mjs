// Waits until told to stop, and says so.
import { setTimeout as delay } from "node:timers/promises";
import { defineHandler } from "millrace";

export default defineHandler({
  name: "wait-for-stop",
  async run(_input, ctx) {
    await ctx.log("waiting");
    try {
      await delay(600_000, undefined, { signal: ctx.signal });
    } catch {
      await ctx.log("stopped");
      throw ctx.signal.reason;
    }
  },
});
