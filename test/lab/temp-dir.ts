// A directory that is gone when the test is.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TempDir = AsyncDisposable & { readonly path: string };

export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), "millrace-test-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
