// A generator: returns one job per number, or what it was told to return.
import { defineHandler } from "millrace";
import { z } from "zod";

export default defineHandler({
  name: "fan",
  input: z.object({ count: z.int().optional(), returns: z.unknown().optional() }),
  run: ({ count = 0, returns }) =>
    returns ??
    Array.from({ length: count }, (_, number) => ({ command: ["echo", `generated ${number}`] })),
});
