import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

import { encodeHeader } from "../../../../src/worker/launcher/frames.ts";
import { linkFrames } from "../../../../src/worker/launcher/frame-link.ts";
import { nativeLauncher, NODE_LAUNCHER } from "../../../../src/worker/launcher/launcher-program.ts";
import { decodeStarted, encodeSpawn } from "../../../../src/worker/launcher/payloads.ts";
import { FRAME } from "../../../../src/worker/launcher/protocol.ts";
import { until } from "../../../lab/until.ts";
import { alive, newTag, onEachLauncher } from "./launch-lab.ts";

/** A launcher spoken to in bare frames. */
function openWire(kind: "native" | "node") {
  const { file, args } = (kind === "native" ? nativeLauncher() : undefined) ?? NODE_LAUNCHER;
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
  const pids: number[] = [];
  const link = linkFrames(
    child.stdout,
    child.stdin,
    (type, _attempt, payload) =>
      void (type === FRAME.started && pids.push(decodeStarted(payload).pid)),
    () => {},
  );
  const start = (attempt: number, script: string, tag: string) =>
    link.send(
      FRAME.spawn,
      attempt,
      encodeSpawn({
        argv: ["/bin/sh", "-c", script],
        env: { PATH: "/usr/bin:/bin", MILLRACE_TAG: tag },
        cwd: "/",
        tag,
        stdin: "/dev/null",
        graceMs: 100,
      }),
    );
  return { child, pids, link, start, stderr: text(child.stderr) };
}

const STUBBORN = "trap '' TERM; while :; do sleep 0.02; done";

onEachLauncher((kind) => {
  test("a worker that reads nothing for a while delays no stop", async () => {
    const { child, pids, link, start } = openWire(kind);
    const [flood, stubborn] = [newTag(), newTag()];
    start(1, "exec cat /dev/zero", flood);
    start(2, STUBBORN, stubborn);
    await until(() => pids.length === 2, "both programs");
    child.stdout.pause();
    link.send(FRAME.stop, 2);
    await until(() => alive(stubborn).length === 0, "the end of the stubborn one");
    expect(alive(flood)).toHaveLength(1);
    link.end();
    child.stdout.resume();
    await once(child, "close");
    expect(alive(flood)).toEqual([]);
  });

  test.each<[string, Uint8Array]>([
    ["a length that no frame has", encodeHeader(FRAME.spawn, 2, 2 ** 31)],
    [
      "a spawn that does not end",
      Buffer.concat([encodeHeader(FRAME.spawn, 2, 3), Buffer.from("300")]),
    ],
    [
      "a variable that does not end",
      Buffer.concat([
        encodeHeader(FRAME.spawn, 2, 26),
        Buffer.from("5\0/\0t\0/dev/null\x001\0true\0A=b"),
      ]),
    ],
    ["a spawn without numbers", Buffer.concat([encodeHeader(FRAME.spawn, 2, 6), Buffer.alloc(6)])],
  ])("%s ends it with all its programs", async (_what, rubbish) => {
    const { child, pids, start, stderr } = openWire(kind);
    const tag = newTag();
    start(1, STUBBORN, tag);
    await until(() => pids.length === 1, "the program");
    child.stdin.write(rubbish);
    expect(await once(child, "close")).toEqual([1, null]);
    expect(await stderr).toMatch(/no frame of this protocol/);
    expect(alive(tag)).toEqual([]);
  });
});
