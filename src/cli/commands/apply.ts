// `millrace apply`: makes the server's definitions, schedules, queues and calendars what files say; `export` writes such files.
import { Command } from "commander";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import { lineDiff } from "../apply/line-diff.ts";
import { planChanges, type Change, type Standing } from "../apply/plan.ts";
import { KINDS, parseDocument, RESOURCES, type Document, type Kind } from "../apply/resources.ts";
import { carryOut, standingOf } from "../apply/server.ts";
import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { EXIT } from "../exit-codes.ts";
import { forServer, type ServerOptions, several } from "../options.ts";
import { readDocuments } from "../read-document.ts";

type ApplyOptions = ServerOptions & {
  file: string[];
  prune?: true;
  dryRun?: true;
  force?: true;
};

const MARKS = { create: "+", update: "~", remove: "-", unchanged: "=", conflict: "!" } as const;

export function applyCommand({ act, api, terminal }: Context): Command {
  const command = new Command("apply")
    .description("make definitions, schedules, queues and calendars what files say")
    .requiredOption("-f, --file <file>", "YAML or JSON; - is stdin (again)", several)
    .option("--prune", "remove what is not in the files, of the kinds that are")
    .option("--dry-run", "show what would change and change nothing")
    .option("--force", "overwrite what somebody changed since it was exported");
  return forServer(command).action(
    act(async (options: ApplyOptions) => {
      const server = api(options);
      const documents = await readAll(options.file);
      const kinds = [...new Set(documents.map(({ kind }) => kind))];
      const standing = await Promise.all(kinds.map((kind) => standingOf(server, kind)));
      const changes = planChanges(documents, standing.flat(), options);
      const { stringify } = await import("yaml");
      for (const change of changes)
        await (options.json
          ? terminal.printJson({ what: change.what, kind: change.kind, name: change.name })
          : terminal.print(describe(change, stringify)));
      const conflicts = changes.filter(({ what }) => what === "conflict");
      if (conflicts.length > 0) throw conflictError(conflicts);
      if (options.dryRun) return EXIT.ok;
      for (const change of changes) await apply(change);
      return EXIT.ok;

      async function apply(change: Change): Promise<void> {
        try {
          await carryOut(server, change);
        } catch (error) {
          if (hasCode(error, "precondition_failed")) throw conflictError([change], error);
          throw error;
        }
      }
    }),
  );
}

export function exportCommand({ act, api, terminal }: Context): Command {
  const command = new Command("export")
    .description("write definitions, schedules, queues and calendars as `apply` reads them")
    .argument("[kind...]", KINDS.join(", "));
  return forServer(command).action(
    act(async (given: string[], options: ServerOptions) => {
      const kinds = given.length === 0 ? KINDS : given.map(kindOf);
      const server = api(options);
      const standing = await Promise.all(kinds.map((kind) => standingOf(server, kind)));
      const documents = standing.flat().map(documentOf);
      if (options.json) {
        for (const document of documents) await terminal.printJson(document);
        return;
      }
      const { stringify } = await import("yaml");
      await terminal.print(documents.map((one) => stringify(one).trimEnd()).join("\n---\n"));
    }),
  );
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

function kindOf(text: string): Kind {
  const kind = KINDS.find((one) => one.toLowerCase() === text.toLowerCase().replace(/s$/, ""));
  if (kind !== undefined) return kind;
  throw new MillraceError("invalid_spec", `${text} is none of ${KINDS.join(", ")}.`);
}

function documentOf({ kind, name, spec, etag }: Standing): Document {
  const revision = Number(etag?.replaceAll('"', ""));
  return {
    kind,
    name,
    ...(RESOURCES[kind].isRevised && Number.isSafeInteger(revision) ? { revision } : {}),
    spec,
  };
}

function describe(
  { what, kind, name, before, after }: Change,
  stringify: (value: unknown) => string,
): string {
  const head = `${MARKS[what]} ${kind} ${name}`;
  if (what === "unchanged") return `${head}: unchanged`;
  const text = (spec: unknown) => (spec === undefined ? "" : stringify(spec));
  const lines = lineDiff(text(before?.spec), text(after?.spec));
  return [head, ...lines.map((line) => `    ${printable(line)}`)].join("\n");
}

const conflictError = (changes: readonly Change[], cause?: unknown) =>
  new MillraceError(
    "precondition_failed",
    `Somebody changed since: ${changes.map(({ kind, name }) => `${kind} ${name}`).join(", ")}. Export again and merge, or use --force.`,
    { cause },
  );
