// `millrace bundle`: files that jobs start with; push them under a name, list, look at versions, remove.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Command } from "commander";

import { MillraceError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { age } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { forServer, type ServerOptions } from "../options.ts";

type Version = {
  version: number;
  digest: string;
  size: number;
  files: number;
  unpackedBytes: number;
  at: string;
  by: string;
  tags: string[];
};
type Bundle = { name: string; versions: Version[] };

const BUNDLES: Listing<Bundle> = {
  columns: ["NAME", "VERSION", "VERSIONS", "FILES", "BYTES", "AGE"],
  row: ({ name, versions }, now) => {
    const [newest] = versions;
    return [
      name,
      String(newest?.version ?? "-"),
      String(versions.length),
      String(newest?.files ?? "-"),
      String(newest?.unpackedBytes ?? "-"),
      age(newest?.at, now),
    ];
  },
};
const VERSIONS: Listing<Version> = {
  columns: ["VERSION", "TAGS", "FILES", "BYTES", "AGE", "BY", "DIGEST"],
  row: ({ version, tags, files, unpackedBytes, at, by, digest }, now) => [
    String(version),
    tags.join(" ") || "-",
    String(files),
    String(unpackedBytes),
    age(at, now),
    by,
    digest,
  ],
};

/** What has arrived is checked and stored before there is an answer. */
const STORED_MS = 600_000;
const ARCHIVE = /\.(?:tar|tar\.gz|tgz)$/i;

const pathOf = (name: string): string => `/v1/bundles/${encodeURIComponent(name)}`;

export function bundleCommand(context: Context): Command {
  return new Command("bundle")
    .description("files that jobs start with: push, list, show, rm")
    .addCommand(pushCommand(context))
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(removeCommand(context));
}

type PushOptions = ServerOptions & { tag?: string };

function pushCommand({ act, api, terminal }: Context): Command {
  const command = new Command("push")
    .description("store a directory, a file or an archive as the newest version")
    .argument("<path>", "a directory's content; a .tar, .tar.gz or .tgz as it is")
    .argument("[name]", "usually the path's own name")
    .option("--tag <tag>", "a further name for this version, as stable");
  return forServer(command).action(
    act(async (path: string, name: string | undefined, options: PushOptions) => {
      const { source, type } = await contentOf(path);
      const as = name ?? basename(resolve(path)).replace(ARCHIVE, "");
      const version = await api(options).call<Version>(pathOf(as), {
        method: "PUT",
        query: { tag: options.tag },
        content: { source, type },
        timeoutMs: STORED_MS,
      });
      const line = `${as}@${version.version}  ${version.digest}  ${version.files} files`;
      await (options.json ? terminal.printJson({ name: as, ...version }) : terminal.print(line));
    }),
  );
}

async function contentOf(path: string) {
  const info = await stat(path).catch((cause: unknown) => {
    throw new MillraceError("invalid_spec", `${path} cannot be read.`, { cause });
  });
  if (info.isFile() && ARCHIVE.test(path))
    return { source: createReadStream(path), type: "application/octet-stream" };
  const { writeArchive } = await import("../../shared/io/archive.ts");
  return { source: writeArchive(resolve(path)), type: "application/gzip" };
}

function listCommand({ act, api, terminal }: Context): Command {
  return forServer(new Command("list").alias("ls").description("all of them")).action(
    act(async (options: ServerOptions) => {
      const { bundles } = await api(options).call<{ bundles: Bundle[] }>("/v1/bundles");
      await printList(terminal, options.json, bundles, BUNDLES);
    }),
  );
}

function showCommand({ act, api, terminal }: Context): Command {
  return forServer(
    new Command("show").description("the versions of one").argument("<name>"),
  ).action(
    act(async (name: string, options: ServerOptions) => {
      const { versions } = await api(options).call<Bundle>(pathOf(name));
      await printList(terminal, options.json, versions, VERSIONS);
    }),
  );
}

function removeCommand({ act, api, terminal }: Context): Command {
  return forServer(
    new Command("rm")
      .description("remove one, or with @ one version of it")
      .argument("<name[@version]>"),
  ).action(
    act(async (reference: string, options: ServerOptions) => {
      const { parseReference } = await import("../../shared/bundle.ts");
      const { name, selector } = parseReference(reference);
      const version = reference.includes("@") ? `/versions/${encodeURIComponent(selector)}` : "";
      await api(options).call(`${pathOf(name)}${version}`, { method: "DELETE" });
      if (!options.json) await terminal.print(`${reference}  removed`);
    }),
  );
}
