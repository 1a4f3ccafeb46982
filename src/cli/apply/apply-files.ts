// Makes the server what files say, and tells each change before the first one is made.
import { stringify } from "yaml";

import type { Api } from "../../client/api.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import { printable } from "../display.ts";
import { readDocuments } from "../read-document.ts";
import type { Terminal } from "../terminal.ts";
import { lineDiff } from "./line-diff.ts";
import { planChanges, type Change } from "./plan.ts";
import { parseDocument, type Document } from "./resources.ts";
import { carryOut, standingOf } from "./server.ts";

export type ApplyOptions = {
  file: string[];
  prune?: true;
  dryRun?: true;
  force?: true;
  json?: true;
};

const MARKS = { create: "+", update: "~", remove: "-", unchanged: "=", conflict: "!" } as const;

/** Throws `precondition_failed` when somebody changed what the files change; nothing is changed then, or nothing after that. */
export async function applyFiles(
  server: Api,
  terminal: Terminal,
  options: ApplyOptions,
): Promise<void> {
  const documents = await readAll(options.file);
  const kinds = [...new Set(documents.map(({ kind }) => kind))];
  const standing = await Promise.all(kinds.map((kind) => standingOf(server, kind)));
  const changes = planChanges(documents, standing.flat(), options);
  for (const change of changes)
    await (options.json
      ? terminal.printJson({ what: change.what, kind: change.kind, name: change.name })
      : terminal.print(describe(change)));
  const conflicts = changes.filter(({ what }) => what === "conflict");
  if (conflicts.length > 0) throw conflictError(conflicts);
  if (options.dryRun) return;
  for (const change of changes) await apply(server, change);
}

async function apply(server: Api, change: Change): Promise<void> {
  try {
    await carryOut(server, change);
  } catch (error) {
    if (hasCode(error, "precondition_failed")) throw conflictError([change], error);
    throw error;
  }
}

async function readAll(files: readonly string[]): Promise<Document[]> {
  const documents: Document[] = [];
  const places = new Map<string, string>();
  for (const file of files)
    for (const [place, value] of (await readDocuments(file)).entries()) {
      const where = `${file}, document ${place + 1}`;
      const document = parseDocument(value, where);
      const key = `${document.kind} ${document.name}`;
      const first = places.get(key);
      if (first !== undefined)
        throw new MillraceError("invalid_spec", `${where}: ${key} is in ${first} already.`);
      places.set(key, where);
      documents.push(document);
    }
  return documents;
}

function describe({ what, kind, name, before, after }: Change): string {
  const head = `${MARKS[what]} ${kind} ${name}`;
  if (what === "unchanged") return `${head}: unchanged`;
  const lines = lineDiff(textOf(before), textOf(after));
  return [head, ...lines.map((line) => `    ${printable(line)}`)].join("\n");
}

const textOf = (one: { spec: unknown } | undefined): string =>
  one?.spec === undefined ? "" : stringify(one.spec);

const conflictError = (changes: readonly Change[], cause?: unknown) =>
  new MillraceError(
    "precondition_failed",
    `Somebody changed since: ${changes.map(({ kind, name }) => `${kind} ${name}`).join(", ")}. Export again and merge, or use --force.`,
    { cause },
  );
