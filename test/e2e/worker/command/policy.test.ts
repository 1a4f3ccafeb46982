// What an operator allows: programs, users, limits, secrets and signatures, on both launchers.
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";

import { signedText } from "../../../../src/shared/signature.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { openPolicy } from "../../../../src/worker/policy/open-policy.ts";
import type { Policy } from "../../../../src/worker/policy/policy.ts";
import { signatureProblem } from "../../../../src/worker/policy/signed.ts";
import { onEachLauncher } from "../launcher/launch-lab.ts";
import { useCommandLab } from "./command-lab.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

onEachLauncher((kind) => {
  const lab = useCommandLab(kind);

  beforeAll(async () => {
    await mkdir(join(lab.path, "jobs"));
    await mkdir(join(lab.path, "secrets"));
    await writeFile(join(lab.path, "jobs", "hello.sh"), "#!/bin/sh\necho hello $1\n", {
      mode: 0o755,
    });
    await symlink("/bin/echo", join(lab.path, "jobs", "way-out"));
    await writeFile(join(lab.path, "secrets", "token"), "s3cret-token\n");
    await writeFile(join(lab.path, "outside"), "not-for-jobs\n");
    await symlink("../outside", join(lab.path, "secrets", "way-out"));
  });

  const jobsDir = () => ({ jobsDir: join(lab.path, "jobs") });
  const secretPolicy = () => ({
    secretsDir: join(lab.path, "secrets"),
    secretEnv: { API_KEY: "abc-123456" },
  });

  const run = (spec: JobSpec, policy: Partial<Policy> = {}) => lab.run(spec, { policy });

  describe("a jobs directory", () => {
    test("its files run", async () => {
      expect(await run({ command: ["hello.sh", "you"] }, jobsDir())).toMatchObject({
        outcome: "exited",
        output: "hello you\n",
      });
    });

    test.each<JobSpec>([
      { command: ["/bin/echo", "out"] },
      { command: ["../outside"] },
      { command: ["way-out", "out"] },
      { command: ["echo", "out"] },
      { command: ["."] },
      { command: ["echo out"], shell: true },
      { script: "echo out" },
      { command: ["hello.sh"], env: { LD_PRELOAD: "/tmp/own.so" } },
      { command: ["hello.sh"], env: { PATH: "/tmp" } },
    ])("nothing else does: %j", async (spec) => {
      const { outcome, reason, output } = await run(spec, jobsDir());
      expect(outcome).toBe("spawn_failed");
      expect(reason).toMatch(/^this worker refuses the job: /);
      expect(output).toBe("");
    });
  });

  describe("a list of commands", () => {
    test.each([["echo"], ["/usr/bin/echo"]])("what it names runs: %s", async (program) => {
      expect(await run({ command: [program, "in"] }, { allow: ["echo"] })).toMatchObject({
        output: "in\n",
      });
    });

    test.each([["sh"], ["/bin/sh"], ["./echo"], ["/tmp/echo"], ["no-such"]])(
      "nothing else does: %s",
      async (program) => {
        expect(await run({ command: [program] }, { allow: ["echo"] })).toMatchObject({
          outcome: "spawn_failed",
          output: "",
        });
      },
    );
  });

  describe("limits", () => {
    test("the system keeps to them, in what the program starts too", async () => {
      const show = ["sh", "-c", "sh -c 'ulimit -n; ulimit -t; ulimit -Hn'"];
      expect(await run({ command: show, limits: { openFiles: 99, cpuSeconds: 7 } })).toMatchObject({
        output: "99\n7\n99\n",
      });
    });

    test("the worker's ceiling stands over the job's wish", async () => {
      const show = ["sh", "-c", "ulimit -n"];
      const policy = { limits: { openFiles: 50 } };
      expect((await run({ command: show }, policy)).output).toBe("50\n");
      expect((await run({ command: show, limits: { openFiles: 99 } }, policy)).output).toBe("50\n");
      expect((await run({ command: show, limits: { openFiles: 20 } }, policy)).output).toBe("20\n");
    });

    test("a file that grows too large ends the program by SIGXFSZ", async () => {
      const write = ["sh", "-c", "exec dd if=/dev/zero of=big bs=1M count=2 status=none"];
      expect(await run({ command: write, limits: { fileBytes: 1_048_576 } })).toMatchObject({
        outcome: "signalled",
        signal: "SIGXFSZ",
      });
    });

    test("memory that is not granted is refused to the program", async () => {
      const take = ["node", "-e", "Buffer.alloc(1)"];
      const { outcome, exitCode } = await run({
        command: take,
        limits: { memoryBytes: 64 * 2 ** 20 },
        env: { PATH: process.env["PATH"] ?? "" },
      });
      expect([outcome, exitCode]).not.toEqual(["exited", 0]);
    });
  });

  describe("secrets", () => {
    test("are there for the program and never in its output", async () => {
      const script = [
        'test "$TOKEN" = s3cret-token && test "$KEY" = abc-123456 && echo both there',
        'printf s3cret-; printf "token again\\n"; echo "key $KEY" >&2',
      ].join("\n");
      const secrets = { TOKEN: "file:token", KEY: "env:API_KEY" };
      const { output } = await run({ script, secrets }, secretPolicy());
      expect(output).toContain("both there\n");
      expect(output).toContain("*** again\n");
      expect(output).toContain("key ***\n");
      expect(output).not.toMatch(/s3cret-token|abc-123456/);
    });

    test.each(["file:no-such", "file:way-out", "env:HOME"])(
      "only what is offered: %s",
      async (reference) => {
        const { outcome, reason } = await run(
          { command: ["env"], secrets: { X: reference } },
          secretPolicy(),
        );
        expect(outcome).toBe("spawn_failed");
        expect(reason).toBe(`the worker has no secret ${reference}`);
      },
    );
  });

  test.runIf(isRoot)(
    "programs run as another user, who owns the directory and no more",
    async () => {
      const policy = await openPolicy(
        { allow: [], limits: {}, secretEnv: {}, signers: {}, runAs: "nobody:nogroup" },
        lab.path,
      );
      expect(policy.user).toEqual({ uid: NOBODY, gid: NOBODY });
      const script =
        'id -u; id -G; touch "$MILLRACE_WORK_DIR/mine" && echo made; cat; ls "$MILLRACE_WORK_DIR/.."';
      const { output, outcome } = await run({ script, stdin: "given\n" }, policy);
      expect(output.split("\n").slice(0, 4)).toEqual([
        String(NOBODY),
        String(NOBODY),
        "made",
        "given",
      ]);
      expect(output).toContain("denied");
      expect(outcome).toBe("exited");
    },
  );
});

describe("a signature", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const UNTIL = "2030-01-01T00:00:00.000Z";
  const NOW = Date.parse("2029-01-01T00:00:00Z");
  const policy = { signers: new Map([["ops", publicKey]]) };
  const signedSpec = (spec: JobSpec, by = "ops"): JobSpec => {
    const value = sign(null, Buffer.from(signedText(spec, by, UNTIL)), privateKey).toString(
      "base64",
    );
    return { ...spec, signature: { by, until: UNTIL, value } };
  };
  const good = signedSpec({ command: ["date"], env: { B: "2", A: "1" } });

  test("holds for what was signed, wherever and whenever it runs", () => {
    expect(signatureProblem(good, policy, NOW)).toBeUndefined();
    const moved = { ...good, priority: 9, queue: "other", env: { A: "1", B: "2" } };
    expect(signatureProblem(moved, policy, NOW)).toBeUndefined();
    expect(signatureProblem({ command: ["date"] }, {}, NOW)).toBeUndefined();
  });

  test.each<[string, JobSpec, number]>([
    ["is missing", { command: ["date"] }, NOW],
    ["of a stranger", signedSpec({ command: ["date"] }, "stranger"), NOW],
    ["for another command", { ...good, command: ["reboot"] }, NOW],
    ["with a variable more", { ...good, env: { ...good.env, C: "3" } }, NOW],
    ["that has run out", good, Date.parse(UNTIL) + 1],
  ])("counts for nothing: %s", (_name, spec, now) => {
    expect(signatureProblem(spec, policy, now)).toBeTypeOf("string");
  });
});
