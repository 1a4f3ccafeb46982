// Jobs that write too much, too strangely or too slowly: every byte comes back as it was.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { shell } from "../faults/witness.ts";
import { FULL, useHostileLab } from "./hostile-lab.ts";

const hostile = useHostileLab();
const MIB = 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("output", () => {
  it("at full speed is complete", { timeout: FULL ? 600_000 : 60_000 }, async () => {
    const size = FULL ? 1_000 * MIB : 100 * MIB;
    const job = await hostile.run({ command: ["head", "-c", String(size), "/dev/zero"] });
    expect(job).toMatchObject({ state: "succeeded" });
    expect(job.attempts[0]?.output).toMatchObject({ stdout: size, dropped: 0 });
    const response = await fetch(`${hostile.lab.url}/v1/jobs/${job.id}/logs`);
    let read = 0;
    for await (const piece of response.body!) read += piece.length;
    expect(read).toBe(size);
  });

  it("beyond what the job may keep has its gap told, its beginning and its end kept", async () => {
    const job = await hostile.run({
      command: shell("echo first", `head -c ${20 * MIB} /dev/zero`, "echo last"),
      maxOutput: MIB,
    });
    expect(job.attempts[0]?.output).toMatchObject({ stdout: 20 * MIB + 11 });
    expect(job.attempts[0]?.output?.dropped).toBe(19 * MIB + 11);
    const output = (await hostile.output(job)).toString("latin1");
    expect(output.startsWith("first\n")).toBe(true);
    expect(output.endsWith("last\n")).toBe(true);
  });

  it("in one line without an end is complete, also when its last line is asked for", async () => {
    const size = (FULL ? 200 : 20) * MIB;
    const job = await hostile.run({ command: shell(`head -c ${size} /dev/zero | tr '\\0' x`) });
    const output = await hostile.output(job);
    expect(output.length).toBe(size);
    expect(sha256(output)).toBe(sha256(Buffer.alloc(size, "x")));
    expect((await hostile.output(job, "?tail=1")).length).toBeGreaterThan(0);
  });

  it("of any bytes, cut anywhere, is the same bytes", async () => {
    const file = `${hostile.book.path}/bytes`;
    // halves of letters, NULs and what is no UTF-8 at all, in pieces that no letter ends with
    const script = `
      const { createWriteStream } = require("node:fs");
      const copy = createWriteStream(process.argv[1]);
      const odd = Buffer.concat([Buffer.from("ä€𝄞\\0\\x1b[2J\\r"), Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0])]);
      const all = Buffer.concat(Array.from({ length: 20_000 }, () => odd));
      for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7) % 9_973) {
        const piece = all.subarray(at, at + size);
        process.stdout.write(piece);
        copy.write(piece);
      }`;
    const job = await hostile.run({ command: [process.execPath, "-e", script, file] });
    expect(job).toMatchObject({ state: "succeeded" });
    expect(sha256(await hostile.output(job))).toBe(sha256(await readFile(file)));
  });

  it(
    "of one byte at a time on both channels keeps the order of each",
    { timeout: FULL ? 180_000 : 60_000 },
    async () => {
      const rounds = FULL ? 6_000 : 100;
      const script = `
      const { setTimeout: delay } = require("node:timers/promises");
      (async () => {
        for (let i = 0; i < ${rounds}; i += 1) {
          process.stdout.write(String(i % 10));
          process.stderr.write(String.fromCharCode(97 + (i % 26)));
          await delay(10);
        }
      })();`;
      const job = await hostile.run({ command: [process.execPath, "-e", script] });
      const digits = Array.from({ length: rounds }, (_, i) => String(i % 10)).join("");
      const letters = Array.from({ length: rounds }, (_, i) => String.fromCharCode(97 + (i % 26)));
      expect((await hostile.output(job, "?channel=stdout")).toString()).toBe(digits);
      expect((await hostile.output(job, "?channel=stderr")).toString()).toBe(letters.join(""));
    },
  );
});
