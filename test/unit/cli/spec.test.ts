import { Command } from "commander";
import { describe, expect, it } from "vitest";

import { describesJob, type JobOptions, readSpec } from "../../../src/cli/spec-options.ts";
import { jobSpecSchema } from "../../../src/shared/spec.ts";

const ENV = { TOKEN: "secret" };

/** The spec that a command line asks for. */
async function specFrom(...argv: string[]) {
  let spec: unknown;
  const command = describesJob(new Command("submit").exitOverride(), ENV)
    .configureOutput({ writeErr: () => {} })
    .action(async (operands: string[], options: JobOptions) => {
      spec = await readSpec(options, operands);
    });
  await command.parseAsync(argv, { from: "user" });
  return spec;
}

describe("the options of a job", () => {
  it("make a command of what stands behind --", async () => {
    expect(await specFrom("--", "sh", "-c", "exit 7")).toEqual({ command: ["sh", "-c", "exit 7"] });
  });

  it("leave a command's own options to it", async () => {
    expect(await specFrom("--queue", "q", "ls", "--json", "-l")).toEqual({
      queue: "q",
      command: ["ls", "--json", "-l"],
    });
  });

  it("all fit the server's schema", async () => {
    const line = `--queue nightly --require os=linux --require cpus>=4 --prefer 50:zone=a --prefer gpu
      --worker east --slots 2 --priority 9 --timeout 1h --grace 5s --retry 2 --env A=1=2 --env TOKEN
      --cwd /tmp --label app=site --key acme --unique nightly --unique-for 1h --delay 1s --start-within 10m --on-worker-lost fail
      --stop-on-disconnect 30s --max-output 4096 --retention 1d -- true`;
    const spec = await specFrom(...line.split(/\s+/));
    expect(spec).toEqual({
      queue: "nightly",
      require: ["os=linux", "cpus>=4"],
      prefer: [{ match: "zone=a", weight: 50 }, "gpu"],
      worker: "east",
      slots: 2,
      priority: 9,
      timeout: "1h",
      grace: "5s",
      retry: { attempts: 3 },
      env: { A: "1=2", TOKEN: "secret" },
      cwd: "/tmp",
      key: "acme",
      unique: { key: "nightly", for: "1h" },
      labels: { app: "site" },
      delay: "1s",
      startWithin: "10m",
      onWorkerLost: "fail",
      stopOnDisconnect: "30s",
      maxOutput: 4096,
      retention: "1d",
      command: ["true"],
    });
    expect(jobSpecSchema.safeParse(spec).error).toBeUndefined();
  });

  it("make a handler job with its input", async () => {
    const spec = await specFrom("--handler", "resize", "--input", '{"width": 10}');
    expect(spec).toEqual({ handler: "resize", input: { width: 10 } });
    expect(jobSpecSchema.safeParse(spec).error).toBeUndefined();
  });

  it("send a script with its arguments", async () => {
    const interpreter = ["--interpreter", "bash -eu"];
    const spec = await specFrom("--script", "examples/count.sh", ...interpreter, "--", "3");
    expect(spec).toMatchObject({ args: ["3"], interpreter: ["bash", "-eu"] });
    expect((spec as { script: string }).script).toMatch(/^#!/);
    expect(jobSpecSchema.safeParse(spec).error).toBeUndefined();
  });

  it.each([
    [["--"], /exactly one/],
    [["--handler", "h", "--", "true"], /exactly one/],
    [["--script", "/no/such/file"], /ENOENT/],
    [["--slots", "0", "--", "true"], /from 1 to 1024/],
    [["--slots", "two", "--", "true"], /whole number/],
    [["--timeout", "soon", "--", "true"], /duration/],
    [["--env", "NOT_SET_HERE", "--", "true"], /not set here/],
    [["--label", "x", "--", "true"], /key=value/],
    [["--input", "{", "--handler", "h"], /not JSON/],
    [["--on-worker-lost", "cry", "--", "true"], /Allowed choices/],
    [["--no-such-option", "--", "true"], /unknown option/],
  ])("refuse %j", async (argv, message) => {
    await expect(specFrom(...argv)).rejects.toThrow(message);
  });
});
