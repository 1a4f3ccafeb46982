// The command line as a whole: its commands, its help, and what an error looks like.
import { Command, CommanderError } from "commander";

import { MillraceError } from "../shared/errors.ts";

import { applyCommand, exportCommand } from "./commands/apply.ts";
import { artifactsCommand } from "./commands/artifacts.ts";
import { authCommand } from "./commands/auth.ts";
import { calendarsCommand } from "./commands/calendars.ts";
import { bundleCommand } from "./commands/bundle.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { devCommand } from "./commands/dev.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enrolCommand } from "./commands/enrol.ts";
import { definitionsCommand, runsCommand } from "./commands/definitions.ts";
import { getCommand } from "./commands/get.ts";
import { keysCommand } from "./commands/keys.ts";
import { groupCommand } from "./commands/group.ts";
import { logsCommand } from "./commands/logs.ts";
import { lsCommand } from "./commands/ls.ts";
import { queuesCommand } from "./commands/queues.ts";
import { reservationsCommand, reserveCommand } from "./commands/reservations.ts";
import { reconcileCommand } from "./commands/reconcile.ts";
import { retryCommand } from "./commands/retry.ts";
import { runCommand } from "./commands/run.ts";
import { schedulerCommand } from "./commands/scheduler.ts";
import { schedulesCommand } from "./commands/schedules.ts";
import { submitCommand } from "./commands/submit.ts";
import { waitCommand } from "./commands/wait.ts";
import { whyCommand } from "./commands/why.ts";
import { workerCommand } from "./commands/worker.ts";
import { cordonCommand, drainCommand, uncordonCommand } from "./commands/worker-actions.ts";
import { webhooksCommand } from "./commands/webhooks.ts";
import { workersCommand } from "./commands/workers.ts";
import type { CliConfig } from "./config.ts";
import { type Context, createContext } from "./context.ts";
import { EXIT, EXIT_CODES_HELP, exitCodeOfError, signalCode } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { VERSION } from "../shared/io/version.ts";

const COMMANDS: Record<string, ((context: Context) => Command)[]> = {
  "Run jobs:": [runCommand, submitCommand, waitCommand, cancelCommand, retryCommand],
  "See jobs:": [
    lsCommand,
    getCommand,
    whyCommand,
    logsCommand,
    artifactsCommand,
    deadLettersCommand,
  ],
  "Groups and definitions:": [
    groupCommand,
    definitionsCommand,
    runsCommand,
    applyCommand,
    exportCommand,
    bundleCommand,
  ],
  "Workers and queues:": [
    workersCommand,
    cordonCommand,
    uncordonCommand,
    drainCommand,
    reserveCommand,
    reservationsCommand,
    queuesCommand,
    schedulesCommand,
    calendarsCommand,
    webhooksCommand,
  ],
  "Who may what:": [keysCommand, enrolCommand, authCommand],
  "Run Millrace:": [devCommand, schedulerCommand, workerCommand, doctorCommand, reconcileCommand],
};

/** Runs one command line and resolves to the program's exit code. Never throws. */
export async function runProgram(
  argv: readonly string[],
  config: CliConfig,
  terminal: Terminal,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context = createContext(config, terminal, (code) => (exitCode = code));
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    if (terminal.unread.aborted) return signalCode("SIGPIPE");
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    reportError(error, terminal, wantsJson(argv));
    return exitCodeOfError(error);
  }
}

function createProgram(context: Context): Command {
  const program = new Command("millrace")
    .description("Runs your scripts and functions on your machines.")
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError("(add --help for what is possible)")
    .addHelpText("after", EXIT_CODES_HELP)
    .exitOverride();
  for (const [group, commands] of Object.entries(COMMANDS))
    for (const create of commands) program.addCommand(inherit(create(context).helpGroup(group)));
  return program;
}

/** `addCommand` does not hand these settings down. */
function inherit(command: Command): Command {
  command
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for what is possible)");
  command.commands.forEach(inherit);
  return command;
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).includes("--json");
}

function reportError(error: unknown, terminal: Terminal, asJson: boolean): void {
  const { code, message, field } =
    error instanceof MillraceError
      ? error
      : { code: "internal", message: (error as Error).stack ?? String(error), field: undefined };
  if (asJson) terminal.note(JSON.stringify({ error: { code, message, field } }));
  else terminal.note(`millrace: ${message}`);
}
