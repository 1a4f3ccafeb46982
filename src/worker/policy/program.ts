// Which program a command job may start here: confined to the jobs directory, or to a list, where the operator says so.
import { access, constants, realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";

import type { JobSpec } from "../../shared/spec.ts";
import type { Policy } from "./policy.ts";

export type Admission = { argv: string[] } | { refused: string };

/** Variables that make an allowed program run somebody else's code. */
const LOADERS =
  /^(?:LD_|DYLD_|GCONV_|BASH_ENV$|BASH_FUNC|ENV$|IFS$|NODE_OPTIONS$|PYTHON|PERL5?|RUBY|JAVA_TOOL_OPTIONS$|GIT_)/;

/** `argv` is what the spec stands for; `path` is where the worker itself finds programs. */
export async function admitProgram(
  spec: JobSpec,
  argv: readonly string[],
  policy: Pick<Policy, "jobsDir" | "allow">,
  path: string,
): Promise<Admission> {
  const { jobsDir, allow } = policy;
  if (jobsDir === undefined && allow === undefined) return { argv: [...argv] };
  const smuggled = smuggledBy(spec);
  if (smuggled !== undefined) return refused(smuggled);
  const [program = "", ...args] = argv;
  const file =
    (jobsDir === undefined ? undefined : await insideOf(jobsDir, program)) ??
    (await listed(allow ?? [], program, path));
  if (file !== undefined) return { argv: [file, ...args] };
  return refused(
    allow === undefined
      ? `${program} is no file below its jobs directory`
      : `${program} is not on its list of allowed commands`,
  );
}

/** What of the spec would make an allowed program run code that came with the job. */
function smuggledBy({ script, shell, env = {} }: JobSpec): string | undefined {
  if (script !== undefined || shell)
    return "it runs no scripts and no shell lines that come with a job";
  const variable = Object.keys(env).find((name) => LOADERS.test(name) || name === "PATH");
  return variable === undefined ? undefined : `a job may not set ${variable} here`;
}

const refused = (why: string): Admission => ({ refused: `this worker refuses the job: ${why}` });

/** The real file that a relative path names below the directory; links and `..` cannot lead out of it. */
async function insideOf(directory: string, path: string): Promise<string | undefined> {
  if (path === "" || isAbsolute(path)) return undefined;
  try {
    const root = await realpath(directory);
    const file = await realpath(join(root, path));
    return file.startsWith(root + sep) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** A name means what it means on the worker's own PATH, whatever the job calls it. Links are not followed: one file may be many programs. */
async function listed(
  allow: readonly string[],
  program: string,
  path: string,
): Promise<string | undefined> {
  const wanted = await fileOf(program, path);
  if (wanted === undefined) return undefined;
  for (const entry of allow) if ((await fileOf(entry, path)) === wanted) return wanted;
  return undefined;
}

async function fileOf(program: string, path: string): Promise<string | undefined> {
  if (program.includes("/")) return isAbsolute(program) ? program : undefined;
  for (const directory of path.split(":").filter(isAbsolute)) {
    const file = join(directory, program);
    if (await isRunnable(file)) return file;
  }
  return undefined;
}

async function isRunnable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
