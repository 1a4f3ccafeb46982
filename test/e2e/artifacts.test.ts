// Artifacts and large values: what attempts leave behind is there once the job is over, and large values come and go unseen.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect, type Millrace } from "../../src/index.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { millrace as millraceAt } from "./cli/millrace.ts";

const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));

let lab: Lab;
let millrace: Millrace;

beforeAll(async () => {
  lab = await startLab({
    workers: [{ slots: 4, handlers: HANDLERS, args: ["--artifact-limit=files=20"] }],
  });
  millrace = await connect({ url: lab.url });
});
afterAll(async () => {
  await millrace.close();
  await lab[Symbol.asyncDispose]();
});

const run = async (spec: Parameters<Millrace["submit"]>[0]) =>
  millrace.wait(await millrace.submit(spec));

async function content(id: string, path: string, attempt?: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of millrace.artifact(id, path, { attempt })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const at = (id: string, path: string) => `${lab.url}/v1/jobs/${id}/artifacts/${path}`;

describe("artifacts", () => {
  it("are the files that the patterns mean, with their modes, once the job is over", async () => {
    const { id } = await run({
      script: `mkdir -p out/deep; echo one > out/a.txt; echo 'zwei ü' > 'out/deep/b ü.txt'
        echo no > other; echo yes > run.sh; chmod 750 run.sh; printf '' > out/empty`,
      artifacts: ["out/**", "*.sh"],
    });
    const { files, ...rest } = await millrace.artifacts(id);
    expect(rest).toEqual({ attempt: 1, count: 4, bytes: 16 });
    expect(files.map(({ path, bytes, mode }) => [path, bytes, mode])).toEqual([
      ["out/a.txt", 4, 0o644],
      ["out/deep/b ü.txt", 8, 0o644],
      ["out/empty", 0, 0o644],
      ["run.sh", 4, 0o750],
    ]);
    expect(await content(id, "out/deep/b ü.txt")).toBe("zwei ü\n");
    expect(await content(id, "out/empty")).toBe("");
    await expect(content(id, "other")).rejects.toMatchObject({ code: "file_not_found" });
  });

  it("are served in parts, to be saved and not to be shown", async () => {
    const { id } = await run({
      script: "echo '<script>hello</script>' > page.html",
      artifacts: ["*"],
    });
    const whole = await fetch(at(id, "page.html"));
    const text = await whole.text();
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename*=UTF-8''page.html",
      "content-length": "23",
      "x-content-type-options": "nosniff",
      etag: `"sha256:${createHash("sha256").update(text).digest("hex")}"`,
    });
    const ask = (headers: Record<string, string>, method = "GET") =>
      fetch(at(id, "page.html"), { headers, method });
    const part = await ask({ range: "bytes=8-12" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 8-12/23"]);
    expect(await part.text()).toBe(text.slice(8, 13));
    const tag = whole.headers.get("etag")!;
    expect((await ask({ "if-none-match": tag })).status).toBe(304);
    expect((await ask({ range: "bytes=0-0", "if-range": '"other"' })).status).toBe(200);
    const beyond = await ask({ range: "bytes=23-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */23"]);
    expect(await beyond.json()).toMatchObject({ code: "range_unsatisfiable", field: "Range" });
    const head = await ask({}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "23"]);
    for (const [path, status] of [
      ["missing", 404],
      ["%2e%2e/script", 404],
      ["page.html?attempt=2", 404],
      ["page.html?attempt=x", 400],
    ] as const)
      expect([path, (await fetch(at(id, path))).status]).toEqual([path, status]);
  });

  it("never come from outside, and are no more than allowed; the job does not mind", async () => {
    const job = await run({
      script: `echo mine > a; ln -s /etc/passwd b; ln -s /etc c; mkfifo d; head -c 2000 /dev/zero > e
        mkdir many; for i in $(seq 30); do echo $i > many/$i; done; ln -s many f; echo x > "$(printf 'g\\nh')"`,
      artifacts: ["*"],
      artifactLimits: { fileBytes: 1_000 },
    });
    expect(job.state).toBe("succeeded");
    const { files, count, note } = await millrace.artifacts(job.id);
    expect(count).toBe(20);
    expect(files.filter(({ path }) => !/^(?:a|many\/\d+)$/.test(path))).toEqual([]);
    for (const part of [
      "11 beyond 20 files",
      "3 that are links (b, …)",
      "1 that are no regular files (d)",
      "1 larger than 1000 bytes (e)",
      "1 with names that cannot be kept (g?h)",
    ])
      expect(note).toContain(part);
  });

  it("tell of failed attempts, too, each its own; patterns that mean nothing are told", async () => {
    const job = await run({
      script: 'echo "attempt $MILLRACE_ATTEMPT" > log; exit 3',
      artifacts: ["log"],
      retry: { attempts: 2, backoff: { initial: "0s" } },
    });
    expect(job).toMatchObject({ state: "failed", exitCode: 3 });
    expect(await content(job.id, "log")).toBe("attempt 2\n");
    expect(await content(job.id, "log", 1)).toBe("attempt 1\n");
    const none = await run({ command: ["true"], artifacts: ["out/**", "x"] });
    expect((await millrace.artifacts(none.id)).note).toBe("Nothing fits out/**, x.");
  });

  it("may be many: their list is kept beside the record", async () => {
    const job = await run({
      script: "for i in $(seq 20); do head -c 200 /dev/zero > $(printf 'long-%0200d' $i); done",
      artifacts: ["long-*"],
    });
    const { files, count, bytes } = await millrace.artifacts(job.id);
    expect([count, bytes, files.length]).toEqual([20, 4_000, 20]);
    expect(await lab.job(job.id)).toMatchObject({
      attempts: [{ artifacts: { count: 20, bytes: 4_000 } }],
    });
  });

  it("are what handlers leave", async () => {
    const input = { files: { "plots/1.svg": "<svg/>", twice: "a" }, file: "from disk" };
    const job = await run({ handler: "leave", input, artifactLimits: { totalBytes: 14 } });
    expect(job.result).toMatchObject({
      kept: { "plots/1.svg": true, twice: true, "from-file": false },
    });
    expect(await content(job.id, "plots/1.svg")).toBe("<svg/>");
    expect(await millrace.artifacts(job.id)).toMatchObject({
      count: 2,
      bytes: 7,
      note: "Left out: 1 beyond 14 bytes in all (from-file).",
    });
    const bad = await run({ handler: "leave", input: { files: { "../x": "" } } });
    expect(bad).toMatchObject({ state: "failed", outcome: "threw" });
  });

  it("are listed and fetched on the command line", async () => {
    await using dir = await tempDir();
    const cli = await millraceAt(dir.path);
    const script = "mkdir out; echo one > out/a; echo two > out/b";
    const given = ["--url", lab.url, "--artifact", "out", "--", "sh", "-c", script];
    const id = (await cli.run("submit", ...given)).stdout.trim();
    await millrace.wait(id);
    const ask = (...args: string[]) => cli.run("artifacts", ...args, "--url", lab.url);
    expect((await ask(id)).stdout).toMatch(/out\/a +4 +644 +sha256:[0-9a-f]{64}/);
    const to = join(dir.path, "fetched");
    expect(await ask("get", id, "--to", to)).toMatchObject({ code: 0, stderr: "" });
    expect(await readFile(join(to, "out/b"), "utf8")).toBe("two\n");
    expect((await ask("get", id, "out/a", "--to", "-")).stdout).toBe("one\n");
    expect((await ask("get", id, "none")).stderr).toContain("has no artifact none");
  });

  it("are refused where they make no sense", async () => {
    for (const [spec, field] of [
      [{ command: ["true"], artifacts: ["/etc/passwd"] }, "artifacts[0]"],
      [{ command: ["true"], artifacts: ["a", "../b"] }, "artifacts[1]"],
      [{ command: ["true"], artifacts: [] }, "artifacts"],
      [{ handler: "leave", artifacts: ["a"] }, "artifacts"],
      [{ command: ["true"], artifactLimits: { files: -1 } }, "artifactLimits.files"],
    ] as const)
      await expect(lab.call("POST", "/v1/jobs", spec)).rejects.toThrow(field);
  });
});

describe("large values", () => {
  const big = Array.from({ length: 30_000 }, (_, i) => `line ${i} ü`).join("\n");

  it("are given to programs and handlers as if they were small", async () => {
    const key = "large-1";
    const spec = { script: "wc -c; sha256sum script > /dev/null", stdin: big };
    const id = await millrace.submit(spec, { key });
    expect(await millrace.submit(spec, { key })).toBe(id);
    expect(await millrace.wait(id)).toMatchObject({ exitCode: 0, spec });
    expect(await lab.output(id)).toBe(`${Buffer.byteLength(big)}\n`);
    const job = await run({ handler: "leave", input: { echo: big, resultBytes: 300_000 } });
    expect(job).toMatchObject({ result: { length: big.length, filling: "x".repeat(300_000) } });
    await millrace.retry(job.id);
    expect(await millrace.wait(job.id)).toMatchObject({
      attempt: 2,
      result: { length: big.length },
    });
  });

  it("come apart from the job when they are huge", async () => {
    const job = await run({ handler: "leave", input: { resultBytes: 2_000_000 } });
    expect((job.result as { filling: string }).filling).toHaveLength(2_000_000);
    const shown = await lab.call<{
      result?: unknown;
      large: { result: { url: string; bytes: number } };
    }>("GET", `/v1/jobs/${job.id}`);
    expect(shown.result).toBeUndefined();
    const part = await fetch(`${lab.url}${shown.large.result.url}`, {
      headers: { range: "bytes=0-7" },
    });
    expect([part.status, await part.text()]).toEqual([206, '{"kept":']);
    expect((await fetch(`${lab.url}/v1/jobs/${job.id}/values/stdin`)).status).toBe(404);
    expect((await fetch(`${lab.url}/v1/jobs/${job.id}/values/env`)).status).toBe(400);
  });

  it("have their limit", async () => {
    const refused = millrace.submit({ script: "wc -c", stdin: "x".repeat(4_194_305) });
    await expect(refused).rejects.toMatchObject({ code: "body_too_large", field: "stdin" });
    const job = await run({ handler: "leave", input: { resultBytes: 4_194_304 } });
    expect(job).toMatchObject({ state: "failed", reason: expect.stringContaining("artifact") });
  });

  it("go through groups and over the broker, too", async () => {
    const { id } = await lab.call<{ id: string }>("POST", "/v1/groups", {
      members: [{ name: "count", count: 2, spec: { script: "wc -c", stdin: big } }],
    });
    const group = await lab.call<{ state: string }>("GET", `/v1/groups/${id}?wait=30s`);
    expect(group.state).toBe("succeeded");
    await using over = await connect({ url: lab.url, nats: lab.broker.url });
    const huge = "y".repeat(2_000_000);
    const given = await over.run("leave", { echo: huge, resultBytes: 100_000 });
    expect(given).toMatchObject({ length: 2_000_000 });
  });
});
