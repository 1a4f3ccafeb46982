// Reads YAML, of which JSON is a part, from files and from standard input.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

import { MillraceError } from "../shared/errors.ts";

/** The only document of a file; `-` is standard input. Throws `invalid_spec`. */
export async function readDocument(file: string): Promise<unknown> {
  const documents = await readDocuments(file);
  if (documents.length === 1) return documents[0];
  throw new MillraceError(
    "invalid_spec",
    `${file} has ${documents.length} documents; one is wanted.`,
  );
}

/** All documents of a file, empty ones left out. */
export async function readDocuments(file: string): Promise<unknown[]> {
  const { parseAllDocuments } = await import("yaml");
  const parsed = parseAllDocuments(await readText(file));
  const documents = Array.isArray(parsed) ? parsed : [];
  for (const { errors } of documents) {
    const [error] = errors;
    if (error !== undefined)
      throw new MillraceError("invalid_spec", `${file}: ${error.message}`, { cause: error });
  }
  return documents
    .map((document) => document.toJS({ maxAliasCount: 100 }) as unknown)
    .filter((value) => value !== null && value !== undefined);
}

async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MillraceError("invalid_spec", `${file}: ${(cause as Error).message}`, { cause });
  }
}
