// What applying documents means: what is new, changed, the same, no longer wanted, or changed by somebody else since.
import { isDeepStrictEqual } from "node:util";

import { KINDS, type Kind } from "./kinds.ts";
import { RESOURCES, type Document } from "./resources.ts";

/** Something as the server has it. */
export type Standing = { kind: Kind; name: string; spec: unknown; etag?: string | undefined };

export type Change = {
  what: "create" | "update" | "remove" | "unchanged" | "conflict";
  kind: Kind;
  name: string;
  before?: Standing | undefined;
  after?: Document | undefined;
};

/** `standing` is everything of the documents' kinds that the server has. */
export function planChanges(
  documents: readonly Document[],
  standing: readonly Standing[],
  { prune = false, force = false }: { prune?: boolean; force?: boolean } = {},
): Change[] {
  const find = (kind: Kind, name: string) =>
    standing.find((one) => one.kind === kind && one.name === name);
  const changes = inOrder(documents).map(({ kind, name, ...document }): Change => {
    const before = find(kind, name);
    const after = { kind, name, ...document };
    return { what: verdict(after, before, force), kind, name, before, after };
  });
  if (!prune) return changes;
  const wanted = new Set(documents.map(({ kind, name }) => `${kind} ${name}`));
  const removed = inOrder(standing)
    .toReversed()
    .filter(({ kind, name }) => RESOURCES[kind].isRevised && !wanted.has(`${kind} ${name}`))
    .map((before): Change => ({ what: "remove", kind: before.kind, name: before.name, before }));
  return [...changes, ...removed];
}

function verdict(after: Document, before: Standing | undefined, force: boolean): Change["what"] {
  if (before !== undefined && isDeepStrictEqual(plain(before.spec), plain(after.spec)))
    return "unchanged";
  const { revision } = after;
  const changedSince =
    revision !== undefined && RESOURCES[after.kind].isRevised && before?.etag !== `"${revision}"`;
  if (changedSince && !force) return "conflict";
  return before === undefined ? "create" : "update";
}

/** As it travels: without what is undefined. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const inOrder = <T extends { kind: Kind }>(list: readonly T[]): T[] =>
  [...list].toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
