// Turns the options of `run` and `submit` into a job spec. The server checks it; nothing is checked twice.
import { MillraceError } from "../shared/errors.ts";
import type { JobSpec } from "../shared/spec.ts";
import type { Preference } from "./options.ts";

export type SpecOptions = {
  queue?: string;
  require?: string[];
  prefer?: Preference[];
  worker?: string;
  slots?: number;
  reservation?: string;
  priority?: number;
  timeout?: string;
  grace?: string;
  retry?: number;
  env?: Record<string, string>;
  secret?: Record<string, string>;
  limit?: Record<string, number>;
  cwd?: string;
  artifact?: string[];
  label?: Record<string, string>;
  key?: string;
  unique?: string;
  uniqueFor?: string;
  delay?: string;
  runAt?: string;
  startWithin?: string;
  onWorkerLost?: "retry" | "fail";
  bundle?: string;
  stopOnDisconnect?: string;
  maxOutput?: number;
  retention?: string;
  shell?: true;
  interpreter?: string;
  handler?: string;
  input?: unknown;
};

/** Texts that were read from the files that --script and --stdin name. */
export type SpecTexts = { script?: string | undefined; stdin?: string | undefined };

/** Options that mean in a spec what they mean here. */
const SAME = [
  "queue",
  "require",
  "prefer",
  "worker",
  "slots",
  "reservation",
  "priority",
  "timeout",
  "grace",
  "env",
  "cwd",
  "bundle",
  "key",
  "delay",
  "runAt",
  "startWithin",
  "onWorkerLost",
  "stopOnDisconnect",
  "maxOutput",
  "retention",
  "shell",
] as const satisfies (keyof SpecOptions & keyof JobSpec)[];

/** `operands` is what stands behind the options: the command, or the script's arguments. */
export function specOf(
  options: SpecOptions,
  operands: readonly string[],
  { script, stdin }: SpecTexts = {},
): JobSpec {
  const { retry, label, secret, limit, interpreter, artifact } = options;
  return defined({
    ...Object.fromEntries(SAME.map((name) => [name, options[name]])),
    ...work(options, operands, script),
    stdin,
    interpreter: interpreter?.split(" ").filter((word) => word !== ""),
    unique: uniqueOf(options),
    labels: label,
    artifacts: artifact,
    secrets: secret,
    limits: limit,
    retry: retry === undefined ? undefined : { attempts: retry + 1 },
  });
}

function uniqueOf({ unique, uniqueFor }: SpecOptions): JobSpec["unique"] {
  if (unique === undefined && uniqueFor === undefined) return undefined;
  return defined({ key: unique ?? "", for: uniqueFor });
}

/** What the job does: exactly one of a handler, a script and a command. */
function work(
  { handler, input }: SpecOptions,
  operands: readonly string[],
  script: string | undefined,
): Partial<JobSpec> {
  if (handler !== undefined) {
    if (script === undefined && operands.length === 0)
      return defined({ handler, input: input as JobSpec["input"] });
  } else if (script !== undefined) {
    return defined({ script, args: operands.length > 0 ? [...operands] : undefined });
  } else if (operands.length > 0) {
    return { command: [...operands] };
  }
  throw new MillraceError(
    "invalid_spec",
    "Give exactly one of: a command behind `--`, --script FILE, --handler NAME.",
  );
}

type Optional<T> = { [K in keyof T]: T[K] | undefined };

/** The object without its undefined fields, which JSON could not carry anyway. */
function defined<T extends object>(value: Optional<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
