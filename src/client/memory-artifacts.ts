// What the handlers of one job leave behind in memory.
import { readFile } from "node:fs/promises";

import { isArtifactPath } from "../shared/artifact.ts";
import { MillraceError } from "../shared/errors.ts";
import { digestOf } from "../shared/file.ts";
import type { HandlerContext } from "../shared/handler.ts";
import type { ArtifactList } from "./artifacts.ts";

export type MemoryArtifacts = {
  /** What a handler is given to leave artifacts of its attempt with. */
  keeper(attempt: number): HandlerContext["artifact"];
  list(attempt: number | undefined): ArtifactList;
  /** Throws `file_not_found`. */
  read(attempt: number | undefined, path: string): Uint8Array;
};

const MODE = 0o644;

export function createMemoryArtifacts(): MemoryArtifacts {
  const attempts = new Map<number, Map<string, Uint8Array>>();
  const of = (attempt: number | undefined) =>
    attempts.get(attempt ?? 0) ?? new Map<string, Uint8Array>();

  return {
    keeper(attempt) {
      const left = new Map<string, Uint8Array>();
      attempts.set(attempt, left);
      return async (path, content) => {
        if (!isArtifactPath(path))
          throw new MillraceError("invalid_spec", `"${path}" is no name of an artifact.`);
        const isHere = typeof content === "string" || content instanceof Uint8Array;
        left.set(path, isHere ? Buffer.from(content) : await readFile(content.file));
        return true;
      };
    },
    list(attempt) {
      const files = [...of(attempt)]
        .map(([path, content]) => ({
          path,
          bytes: content.length,
          digest: digestOf(content),
          mode: MODE,
        }))
        .toSorted((a, b) => (a.path < b.path ? -1 : 1));
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      return { ...(attempt === undefined ? {} : { attempt }), count: files.length, bytes, files };
    },
    read(attempt, path) {
      const content = of(attempt).get(path);
      if (content !== undefined) return content;
      throw new MillraceError("file_not_found", `The job has no artifact ${path}.`);
    },
  };
}
