// The options that describe a job, for `run` and `submit`, and the files that they name.
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { type Command, Option } from "commander";

import { durationMs } from "../shared/durations.ts";
import { MillraceError } from "../shared/errors.ts";
import type { JobSpec } from "../shared/spec.ts";
import type { Environment } from "./config.ts";
import {
  count,
  duration,
  integer,
  json,
  pair,
  preferences,
  type ServerOptions,
  several,
  variable,
} from "./options.ts";
import { signed } from "./sign.ts";
import { specOf, type SpecOptions } from "./spec.ts";

export type JobOptions = ServerOptions &
  SpecOptions & {
    script?: string;
    stdin?: string;
    idempotencyKey?: string;
    sign?: string;
    signFor?: string;
  };

/** What `millrace reserve` tells its command, and all that submit from there. */
export const RESERVATION_VARIABLE = "MILLRACE_RESERVATION";

/** Adds the options; `env` is where `--env NAME` finds a value. */
export function describesJob(command: Command, env: Environment): Command {
  return command
    .argument("[command...]", "program and arguments, best behind --")
    .passThroughOptions()
    .option("--queue <name>", "line the job waits in")
    .option("--require <test>", "only workers that pass: os=linux, gpu, cpus>=4 (again)", several)
    .option("--prefer <test>", "rather workers that pass, as 50:zone=a (again)", preferences)
    .option("--worker <name>", "this worker only, by name or id")
    .option("--slots <n>", "slots the job takes", integer(1, 1_024))
    .option("--priority <n>", "9 goes first, 5 is usual", integer(0, 9))
    .addOption(
      new Option("--reservation <id>", "in the slots that it holds (MILLRACE_RESERVATION)").default(
        env[RESERVATION_VARIABLE] || undefined,
      ),
    )
    .option("--timeout <duration>", "longest run of one attempt", duration)
    .option("--grace <duration>", "time between TERM and KILL", duration)
    .option("--retry <n>", "try again up to n times", integer(0, 99))
    .option("--env <NAME=value>", "variable; a name alone takes yours (again)", variable(env))
    .option(
      "--secret <NAME=reference>",
      "variable that the worker fills: file:x, env:X (again)",
      pair,
    )
    .option("--limit <name=number>", "of the system: memoryBytes, cpuSeconds, … (again)", count)
    .option("--cwd <dir>", "absolute directory on the worker")
    .option("--bundle <name[@version]>", "files that the attempt starts with a copy of")
    .option("--stdin <file>", "file for standard input; - is yours")
    .option("--label <key=value>", "your own fact about the job (again)", pair)
    .option("--key <key>", "takes turns with the other keys of its queue")
    .option("--unique <key>", "submits nothing while a job with it is unfinished")
    .option("--unique-for <duration>", "and at least that long after the submit", duration)
    .option("--delay <duration>", "not before this long from now", duration)
    .option("--run-at <instant>", "not before, as 2027-01-31T08:00:00Z")
    .option("--start-within <duration>", "expire unless started by then", duration)
    .addOption(
      new Option("--on-worker-lost <what>", "when the worker dies").choices(["retry", "fail"]),
    )
    .option("--stop-on-disconnect <duration>", "end it after this long without broker", duration)
    .option("--artifact <pattern>", "keep files of the work directory, as out/** (again)", several)
    .option("--max-output <bytes>", "bytes of output kept per attempt", integer(1_024))
    .option("--retention <duration>", "how long the finished job can be read", duration)
    .option("--sign <name=file>", "sign what it runs, with this Ed25519 key in PEM")
    .option("--sign-for <duration>", "how long the signature holds; usually 1h", duration)
    .option("--idempotency-key <key>", "submitting again with it gives the same job")
    .option("--shell", "the command is one line for /bin/sh")
    .option("--script <file>", "send this script; the operands are its arguments; - is stdin")
    .option("--interpreter <line>", 'runs the script, as "bash -eu"')
    .option(
      "--handler <name>",
      "a function that workers announced, as resize or resize@^2, instead of a command",
    )
    .addOption(new Option("--input <json>", "what the handler gets").argParser(json));
}

/** The spec that options and operands ask for, with the named files read. */
export async function readSpec(options: JobOptions, operands: readonly string[]): Promise<JobSpec> {
  const { script, stdin } = options;
  if (script === "-" && stdin === "-")
    throw new MillraceError(
      "invalid_spec",
      "Standard input can be the script or the job's input, not both.",
      { field: "stdin" },
    );
  const texts = {
    script: await readText("script", script),
    stdin: await readText("stdin", stdin),
  };
  const spec = specOf(options, operands, texts);
  if (options.sign === undefined) return spec;
  return signed(spec, options.sign, durationMs(options.signFor ?? "1h"));
}

async function readText(field: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    const bytes = file === "-" ? await buffer(process.stdin) : await readFile(file);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new MillraceError("invalid_spec", `--${field} ${file}: ${(cause as Error).message}`, {
      cause,
      field,
    });
  }
}
