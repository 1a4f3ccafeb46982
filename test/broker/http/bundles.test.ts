// Bundles over HTTP: pushed in versions, checked before anything is stored, named in jobs, downloaded, removed.
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import type { JobRecord } from "../../../src/shared/job.ts";
import { startHttpLab, type HttpLab } from "./http-lab.ts";

let lab: HttpLab;
beforeAll(async () => {
  lab = await startHttpLab();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

type Version = { version: number; digest: string; tags: string[]; files: number };
type Body = Problem & Version & { versions: Version[]; bundles: { name: string }[] };

async function archive(...entries: Parameters<ReturnType<typeof pack>["entry"]>[0][]) {
  const archived = pack();
  for (const header of entries)
    if (header.type === undefined || header.type === "file") archived.entry(header, header.name);
    else archived.entry(header);
  archived.finalize();
  return buffer(archived as AsyncIterable<Uint8Array>);
}

async function ask(method: string, path: string, body?: Uint8Array, type = "application/x-tar") {
  const response = await fetch(`${lab.first.url}${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { "Content-Type": type } }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.includes("json");
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: (isJson ? JSON.parse(bytes.toString()) : undefined) as Body,
  };
}

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const specOf = async (id: string): Promise<JobRecord["spec"]> =>
  (await lab.store.read(id))!.record.spec;
const storedFiles = () => lab.first.broker.subjectsIn("MR_FILES", "mr.file.*");

describe("a bundle", () => {
  it("grows by a version with each new content, and moves its tags", async () => {
    const one = await archive({ name: "one" });
    const two = gzipSync(await archive({ name: "one" }, { name: "two" }));
    const first = await ask("PUT", "/v1/bundles/etl?tag=stable", one);
    expect(first).toMatchObject({
      status: 201,
      body: { version: 1, digest: digestOf(one), tags: ["latest", "stable"], files: 1 },
    });
    expect(await ask("PUT", "/v1/bundles/etl", one)).toMatchObject({
      status: 200,
      body: first.body,
    });
    const second = await ask("PUT", "/v1/bundles/etl", two, "application/gzip");
    expect(second).toMatchObject({ status: 201, body: { version: 2, tags: ["latest"], files: 2 } });
    const { versions } = (await ask("GET", "/v1/bundles/etl")).body;
    expect(versions.map(({ version, tags }) => [version, tags])).toEqual([
      [2, ["latest"]],
      [1, ["stable"]],
    ]);
    for (const [version, bytes] of [
      ["1", one],
      ["stable", one],
      ["2", two],
      ["latest", two],
    ] as const) {
      const answer = await ask("GET", `/v1/bundles/etl/versions/${version}`);
      expect(answer.bytes.equals(bytes)).toBe(true);
      expect(answer.headers.get("etag")).toBe(`"${digestOf(bytes)}"`);
      expect(answer.headers.get("content-disposition")).toMatch(/^attachment/);
    }
    expect((await ask("GET", "/v1/bundles")).body.bundles.map(({ name }) => name)).toContain("etl");
  });

  it("is named in jobs, which keep the digest that it had", async () => {
    const { digest } = (
      await ask("PUT", "/v1/bundles/named?tag=good", await archive({ name: "a" }))
    ).body;
    const newer = (await ask("PUT", "/v1/bundles/named", await archive({ name: "b" }))).body;
    const submit = async (bundle: string) =>
      specOf(await lab.submit({ command: ["true"], bundle }));
    for (const bundle of ["named@1", "named@good", digest])
      expect(await submit(bundle)).toMatchObject({ bundle: digest });
    for (const bundle of ["named", "named@latest", "named@2", newer.digest])
      expect(await submit(bundle)).toMatchObject({ bundle: newer.digest });
    const group = { members: [{ name: "m", spec: { command: ["true"], bundle: "named@good" } }] };
    const { body } = await lab.first.call<{ id: string }>("POST", "/v1/groups", group);
    const stored = await lab.first.broker.last("MR_GROUPS", `mr.group.${body.id}`);
    expect(Buffer.from(stored!.data).toString()).toContain(digest);
    await lab.first.call("PUT", "/v1/definitions/uses", {
      spec: { command: ["true"], bundle: "named" },
    });
    const run = await lab.first.call<{ id: string }>("POST", "/v1/definitions/uses/runs", {});
    expect(await specOf(run.body.id)).toMatchObject({ bundle: newer.digest });
  });

  it.each([
    { bundle: "nobody" },
    { bundle: "etl@77" },
    { bundle: "etl@unknown" },
    { bundle: digestOf(Buffer.from("nobody's")) },
    { bundle: "../x" },
    { bundle: "etl@" },
    { bundle: "sha256:abc" },
    { bundle: 7 },
    { bundle: "etl", command: undefined, handler: "greet" },
    { bundle: "etl", signature: { by: "me", until: "2999-01-01T00:00:00Z", value: "AAAA" } },
  ])("that there is not, or not for it, is refused: $bundle", async (spec) => {
    const answer = await lab.first.call("POST", "/v1/jobs", { command: ["true"], ...spec });
    expect(answer).toMatchObject({ status: 422, body: { code: "invalid_spec", field: "bundle" } });
  });

  it("that is gone by now does not change what an idempotency key stands for", async () => {
    await ask("PUT", "/v1/bundles/fleeting", await archive({ name: "fleeting" }));
    const spec = { command: ["true"], bundle: "fleeting" };
    await lab.first.call("PUT", "/v1/definitions/fleeting", { spec });
    const bodies = {
      "/v1/jobs": spec,
      "/v1/jobs/batch": { jobs: [spec] },
      "/v1/groups": { members: [{ name: "m", spec }] },
      "/v1/definitions/fleeting/runs": {},
    };
    const submit = (key: string) =>
      Promise.all(
        Object.entries(bodies).map(([path, body]) =>
          lab.first.call("POST", path, body, { "Idempotency-Key": `${key} ${path}` }),
        ),
      );
    const first = await submit("kept");
    expect((await ask("DELETE", "/v1/bundles/fleeting")).status).toBe(204);
    const again = await submit("kept");
    expect(again.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
    expect(again[0]?.headers.get("idempotent-replayed")).toBe("true");
    for (const { status, body } of await submit("new"))
      expect([status, body.code]).toEqual([422, "invalid_spec"]);
  });

  it("goes version by version or as a whole, and gives no number again", async () => {
    const bytes = [await archive({ name: "a" }), await archive({ name: "b" })];
    for (const one of bytes) await ask("PUT", "/v1/bundles/going?tag=t", one);
    expect((await ask("DELETE", "/v1/bundles/going/versions/t")).status).toBe(204);
    const { versions } = (await ask("GET", "/v1/bundles/going")).body;
    expect(versions).toMatchObject([{ version: 1, tags: ["latest"] }]);
    expect((await ask("PUT", "/v1/bundles/going", bytes[1])).body.version).toBe(3);
    expect((await ask("DELETE", "/v1/bundles/going")).status).toBe(204);
    for (const path of ["/v1/bundles/going", "/v1/bundles/going/versions/1"])
      expect(await ask("GET", path)).toMatchObject({
        status: 404,
        body: { code: "bundle_not_found" },
      });
    expect((await ask("DELETE", "/v1/bundles/going")).status).toBe(404);
  });

  it("pushed by several at once has each of them once", async () => {
    const archives = await Promise.all(["a", "b", "c", "d"].map((name) => archive({ name })));
    const pushes = [...archives, ...archives];
    const answers = await Promise.all(pushes.map((one) => ask("PUT", "/v1/bundles/raced", one)));
    for (const { status } of answers) expect([200, 201]).toContain(status);
    const { versions } = (await ask("GET", "/v1/bundles/raced")).body;
    expect(new Set(versions.map(({ digest }) => digest))).toEqual(new Set(archives.map(digestOf)));
    expect(new Set(versions.map(({ version }) => version)).size).toBe(versions.length);
  });
});

describe("a hostile archive", () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array]>([
    ["leads out", () => archive({ name: "../x" })],
    ["is absolute", () => archive({ name: "/etc/x" })],
    ["links out", () => archive({ name: "l", type: "symlink", linkname: "/etc/passwd" })],
    ["links hard out", () => archive({ name: "l", type: "link", linkname: "../x" })],
    ["is a device", () => archive({ name: "d", type: "character-device" })],
    ["is a FIFO", () => archive({ name: "d", type: "fifo" })],
    ["has names that differ by case", () => archive({ name: "a" }, { name: "A" })],
    ["is cut", async () => (await archive({ name: "a" })).subarray(0, 700)],
    ["is empty", () => new Uint8Array()],
    ["is rubbish", () => randomBytes(200_000)],
    ["is gzipped rubbish", () => gzipSync(randomBytes(200_000))],
  ])("that %s is refused, and nothing is stored", async (_what, make) => {
    const before = await storedFiles();
    const answer = await ask("PUT", "/v1/bundles/hostile", await make());
    expect(answer).toMatchObject({ status: 422, body: { code: "invalid_archive" } });
    expect(await storedFiles()).toEqual(before);
    expect((await ask("GET", "/v1/bundles/hostile")).status).toBe(404);
  });

  it("is no bundle by another media type, name or tag", async () => {
    const bytes = await archive({ name: "a" });
    expect((await ask("PUT", "/v1/bundles/x", bytes, "application/json")).status).toBe(415);
    expect((await ask("PUT", "/v1/bundles/x%2e%2e", bytes)).status).toBe(400);
    expect((await ask("PUT", "/v1/bundles/x?tag=7", bytes)).status).toBe(400);
    expect((await ask("GET", "/v1/bundles/x/versions/*")).status).toBe(400);
  });

  it("that breaks off while it is uploaded leaves nothing", async () => {
    const before = await storedFiles();
    const { port } = new URL(lab.first.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(
      `PUT /v1/bundles/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-tar\r\nContent-Length: 1000000\r\n\r\n`,
    );
    socket.write(await archive({ name: "a" }));
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    expect((await ask("GET", "/v1/bundles/cut")).status).toBe(404);
    expect(await storedFiles()).toEqual(before);
  });
});
