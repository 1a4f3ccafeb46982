// Leaves artifacts and returns as large a value as it is asked for.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { defineHandler } from "millrace";

export default defineHandler({
  name: "leave",
  async run({ files = {}, file, resultBytes = 0, echo }, ctx) {
    const kept = {};
    for (const [path, content] of Object.entries(files))
      kept[path] = await ctx.artifact(path, content);
    if (file !== undefined) {
      const source = join(tmpdir(), `leave-${ctx.jobId}`);
      await writeFile(source, file);
      kept["from-file"] = await ctx.artifact("from-file", { file: source });
    }
    return { kept, filling: "x".repeat(resultBytes), ...(echo && { length: echo.length }) };
  },
});
