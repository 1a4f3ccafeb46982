// Keeps the history of a run in memory and, line by line, in a file.
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

import type { Observation } from "./checker/history.ts";

export type Notebook = {
  readonly history: readonly Observation[];
  readonly path: string;
  note(seen: Observation): void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
};

export function openNotebook(path: string): Notebook {
  const history: Observation[] = [];
  const file = createWriteStream(path);
  return {
    history,
    path,
    note(seen) {
      history.push(seen);
      file.write(`${JSON.stringify(seen)}\n`);
    },
    async close() {
      file.end();
      await finished(file);
    },
  };
}
