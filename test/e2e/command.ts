// Runs a program to its end.
import { spawn } from "node:child_process";
import { once } from "node:events";

export type Ended = { code: number | null; stdout: string; stderr: string };

/** `env` is laid over this process's own. */
export async function runCommand(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...printed };
}
