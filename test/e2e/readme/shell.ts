// One bash that runs commands one after the other, as somebody at a terminal would.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

import { until } from "../../lab/until.ts";

export type Shell = AsyncDisposable & {
  /** Runs a command in the same shell as those before it and resolves with all lines that it printed. */
  run(command: string): Promise<string[]>;
};

/** `setup` runs first, unseen. `env` is laid over this process's own; undefined removes. */
export async function openShell(setup: string, env: NodeJS.ProcessEnv): Promise<Shell> {
  const bash = spawn("bash", ["--noprofile", "--norc"], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(bash, "exit");
  let printed = "";
  bash.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));

  async function run(command: string): Promise<string[]> {
    const end = randomUUID();
    printed = "";
    // the group lets the command see another input and yet set variables of this shell
    bash.stdin.write(`{ eval ${quote(command)}; } </dev/null 2>&1; printf %s ${end}\n`);
    await until(() => printed.endsWith(end), `the end of ${command}`, 120_000);
    const output = printed.slice(0, -end.length);
    return output === "" ? [] : output.replace(/\n$/, "").split("\n");
  }

  await run(setup);
  return {
    run,
    async [Symbol.asyncDispose]() {
      bash.stdin.end();
      await exited;
    },
  };
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
