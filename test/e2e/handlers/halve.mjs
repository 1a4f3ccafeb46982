// Halves a number; fails for odd ones.
import { defineHandler } from "millrace";
import { z } from "zod";

export default defineHandler({
  name: "halve",
  input: z.object({ number: z.int() }),
  retry: { attempts: 2, backoff: { initial: "50ms" } },
  run({ number }, ctx) {
    ctx.progress(0.5, "looking");
    if (number % 2 !== 0) throw new Error(`${number} is odd`);
    return { half: number / 2, attempt: ctx.attempt, worker: ctx.workerId };
  },
});
