// `millrace artifacts`: what a job left behind, listed and fetched.
import { Command } from "commander";

import {
  listArtifacts,
  readArtifact,
  type ArtifactList,
  type ArtifactOptions,
} from "../../client/artifacts.ts";
import type { Artifact } from "../../shared/artifact.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { forServer, integer, ownOptions, type ServerOptions } from "../options.ts";

type Options = ServerOptions & Pick<ArtifactOptions, "attempt">;
type GetOptions = Options & { to: string };

const ARTIFACTS: Listing<Artifact> = {
  columns: ["PATH", "BYTES", "MODE", "DIGEST"],
  row: ({ path, bytes, mode, digest }) => [
    printable(path),
    String(bytes),
    mode.toString(8),
    digest,
  ],
};

const STDOUT = "-";

const ofAttempt = (command: Command): Command =>
  command.option("--attempt <n>", "of this attempt; usually the newest that ended", integer(1));

export function artifactsCommand(context: Context): Command {
  const { act, api, terminal } = context;
  const command = ofAttempt(new Command("artifacts"))
    .description("list what a job left behind; get it")
    .argument("<id>")
    .enablePositionalOptions();
  forServer(command).action(
    act(async (id: string, options: Options) => {
      const { files, note } = await listArtifacts(api(options), id, ownOptions(options));
      await printList(terminal, options.json, files, ARTIFACTS);
      if (note !== undefined) terminal.note(note);
    }),
  );
  return command.addCommand(getCommand(context));
}

function getCommand({ act, api, terminal }: Context): Command {
  const command = ofAttempt(new Command("get"))
    .description("write them to files: all, or one, or those of a directory")
    .argument("<id>")
    .argument("[path]")
    .option("--to <dir>", "below this directory; - writes one file to stdout", ".");
  return forServer(command).action(
    act(async (id: string, path: string | undefined, options: GetOptions) => {
      const server = api(options);
      const { to, attempt } = ownOptions(options);
      const list = await listArtifacts(server, id, { attempt });
      const chosen = choose(list, id, path);
      // what was listed is fetched, though another attempt may end meanwhile
      const read = (file: Artifact) =>
        readArtifact(server, id, file.path, { attempt: list.attempt, signal: terminal.unread });
      if (to === STDOUT) {
        for await (const bytes of read(onlyOne(chosen))) await terminal.write("stdout", bytes);
        return;
      }
      const { saveFile } = await import("../save-file.ts");
      for (const file of chosen) {
        const saved = await saveFile(to, file, read(file));
        await (options.json
          ? terminal.printJson({ ...file, file: saved })
          : terminal.print(printable(`${saved}  ${file.bytes} B`)));
      }
    }),
  );
}

function choose({ files }: ArtifactList, id: string, path: string | undefined): Artifact[] {
  const below = path?.replace(/\/$/, "");
  const chosen = files.filter(
    (file) => below === undefined || file.path === below || file.path.startsWith(`${below}/`),
  );
  if (chosen.length > 0) return chosen;
  const what = path === undefined ? "no artifacts" : `no artifact ${path}`;
  throw new MillraceError("file_not_found", `Job ${id} has ${what}.`);
}

function onlyOne(files: readonly Artifact[]): Artifact {
  const [file] = files;
  if (file !== undefined && files.length === 1) return file;
  throw new MillraceError("invalid_spec", "--to - writes one file: name it.", { field: "path" });
}
