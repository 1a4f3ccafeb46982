// Counts its visits in the session of its reservation.
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineHandler } from "millrace";

export default defineHandler({
  name: "visit",
  async run(_, { session }) {
    if (session === undefined) return { visits: 0, lines: 0 };
    const visits = (session.state.get("visits") ?? 0) + 1;
    session.state.set("visits", visits);
    const file = join(session.dir, "visits");
    await appendFile(file, `${visits}\n`);
    return { visits, lines: (await readFile(file, "utf8")).trim().split("\n").length };
  },
});
