// `millrace reserve`: runs a command here while it holds slots of one worker; `millrace reservations`: who holds what.
import { spawn } from "node:child_process";
import { Command } from "commander";

import type { Reservation, ReserveOptions } from "../../client/millrace.ts";
import { durationMs } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { shortDuration } from "../display.ts";
import { EXIT, signalCode } from "../exit-codes.ts";
import { onInterrupt } from "../interrupts.ts";
import { printList, type Listing } from "../listing.ts";
import {
  duration,
  forServer,
  integer,
  ownOptions,
  preferences,
  several,
  type ServerOptions,
} from "../options.ts";
import { RESERVATION_VARIABLE } from "../spec-options.ts";

type Options = ServerOptions & Omit<ReserveOptions, "ttl" | "signal"> & { ttl: string };

/** Times that a renewal may fail before the reservation is over. */
const RENEWALS = 3;

export function reserveCommand(context: Context): Command {
  const { act, api } = context;
  const command = new Command("reserve")
    .description("run a command here whose `millrace run` has a worker's slots to itself")
    .argument("<command...>", "program and arguments, best behind --")
    .passThroughOptions()
    .option("--slots <n>", "slots on one worker; usually 1", integer(1, 1_024))
    .option("--require <test>", "only workers that pass: os=linux, gpu, cpus>=4 (again)", several)
    .option("--prefer <test>", "rather workers that pass, as 50:zone=a (again)", preferences)
    .option("--worker <name>", "this worker only, by name or id")
    .option("--queue <name>", "whose limits count")
    .option("--priority <n>", "9 goes first, 5 is usual", integer(0, 9))
    .option("--ttl <duration>", "what it outlives us by if we are killed", duration, "1m")
    .option("--wait-busy <duration>", "how long to wait while all that match are busy", duration)
    .option("--wait-no-match <duration>", "how long while none could ever match", duration);
  return forServer(command).action(
    act(async (argv: string[], options: Options) => {
      const server = api(options);
      const { createHttpMillrace } = await import("../../client/over-http.ts");
      await using held = await createHttpMillrace(server).reserve(ownOptions(options));
      return await runInside(context, held, server.url, argv, durationMs(options.ttl));
    }),
  );
}

/** Resolves to the exit code of the command, which is stopped when the reservation ends before it. */
async function runInside(
  { config, terminal }: Context,
  held: Reservation,
  url: string,
  [program = "", ...args]: string[],
  ttlMs: number,
): Promise<number> {
  const child = spawn(program, args, {
    stdio: "inherit",
    env: { ...config.env, MILLRACE_URL: url, [RESERVATION_VARIABLE]: held.id },
  });
  let isOver = false;
  const renewing = setInterval(() => void renew(), ttlMs / RENEWALS);

  async function renew(): Promise<void> {
    try {
      await held.renew();
    } catch (error) {
      terminal.note(`millrace: ${(error as Error).message}`);
      if (!(error instanceof MillraceError) || error.retryable) return;
      isOver = true;
      child.kill();
    }
  }

  // the terminal sends Ctrl-C to both of us: the command says when it is done
  using _interrupts = onInterrupt((signal) => {
    if (signal === "SIGTERM") child.kill();
  });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", (cause) =>
        reject(new MillraceError("invalid_spec", `${program}: ${cause.message}`, { cause })),
      );
      child.once("exit", (exit, signal) => resolve(exit ?? signalCode(signal ?? "")));
    });
    return isOver ? EXIT.workerLost : code;
  } finally {
    clearInterval(renewing);
  }
}

type Shown = {
  id: string;
  state: string;
  owner: string;
  worker?: string;
  slots: number;
  expiresAt: string;
  jobs: string[];
};

const RESERVATIONS: Listing<Shown> = {
  columns: ["ID", "STATE", "OWNER", "WORKER", "SLOTS", "EXPIRES IN", "JOBS"],
  row: ({ id, state, owner, worker = "-", slots, expiresAt, jobs }, now) => [
    id,
    state,
    owner,
    worker,
    String(slots),
    shortDuration(Math.max(0, Date.parse(expiresAt) - now)),
    String(jobs.length),
  ],
};

export function reservationsCommand(context: Context): Command {
  const { act, api, terminal } = context;
  const command = new Command("reservations")
    .description("list your reservations, or all as who looks after the workers")
    .addCommand(releaseCommand(context));
  return forServer(command).action(
    act(async (options: ServerOptions) => {
      const { reservations } = await api(options).call<{ reservations: Shown[] }>(
        "/v1/reservations",
      );
      await printList(terminal, options.json, reservations, RESERVATIONS);
    }),
  );
}

function releaseCommand({ act, api, terminal }: Context): Command {
  const command = new Command("release")
    .description("give reservations back; what still runs in them is cancelled")
    .argument("<id...>", "as listed", several);
  return forServer(command).action(
    act(async (ids: string[], { json, ...server }: ServerOptions) => {
      for (const id of ids) {
        await api(server).call(`/v1/reservations/${encodeURIComponent(id)}`, { method: "DELETE" });
        await (json
          ? terminal.printJson({ id, released: true })
          : terminal.print(`${id}  released`));
      }
    }),
  );
}
