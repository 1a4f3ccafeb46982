// A handler job: counts the words of some files that the worker can read.
import { readFile } from "node:fs/promises";
import { defineHandler } from "millrace";
import { z } from "zod";

export default defineHandler({
  name: "word-count",
  input: z.object({ files: z.array(z.string()).min(1) }),
  timeout: "1m",
  async run({ files }, ctx) {
    const counts = Object.create(null);
    for (const [index, file] of files.entries()) {
      ctx.signal.throwIfAborted();
      const words = (await readFile(file, "utf8")).toLowerCase().match(/[a-z]{4,}/g) ?? [];
      for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
      await ctx.log(`${file}: ${words.length} words`);
      ctx.progress((index + 1) / files.length);
    }
    return counts;
  },
});
