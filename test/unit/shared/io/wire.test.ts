// Messages as the client's own parser delivers them, read without its header objects.
import { createRequire } from "node:module";
import type { Msg } from "nats";
import { expect, test } from "vitest";

import { headOf, lineOf, statusOf, storedOf, textOf } from "../../../../src/shared/io/wire.ts";

const fromHere = createRequire(import.meta.url);
const fromClient = createRequire(fromHere.resolve("nats"));
const { Parser } = fromClient("@nats-io/nats-core/internal") as {
  Parser: new (sink: { push(event: { msg: object; data: Uint8Array }): void }) => {
    parse(bytes: Uint8Array): void;
  };
};
const { MsgImpl } = fromClient("@nats-io/nats-core/internal") as {
  MsgImpl: new (about: object, data: Uint8Array, publisher: undefined) => Msg;
};

/** The message that the client makes of what a server sends, whole or in two pieces. */
function delivered(head: string, body: string, cutAt = 0): Msg {
  const protocol =
    head === ""
      ? `MSG mr.changed.abc 1 ${body.length}\r\n${body}\r\n`
      : `HMSG mr.changed.abc 1 ${head.length} ${head.length + body.length}\r\n${head}${body}\r\n`;
  const bytes = Buffer.from(protocol);
  const messages: Msg[] = [];
  const parser = new Parser({
    push: ({ msg, data }) => void messages.push(new MsgImpl(msg, data, undefined)),
  });
  parser.parse(bytes.subarray(0, cutAt));
  parser.parse(bytes.subarray(cutAt));
  return messages[0]!;
}

const HEAD = [
  "NATS/1.0",
  "Millrace-Chunk: 0 0 5 0 0 o",
  "Nats-Subject: mr.job.abc",
  "Nats-Sequence: 42",
  "Nats-Last-Sequence: 17",
  "Empty: ",
  "",
  "",
].join("\r\n");

test.each([0, 30, 60, 120])(
  "a republished message is the stored one, also when it came in pieces (%i)",
  (cutAt) => {
    const stored = storedOf(delivered(HEAD, "hello", cutAt));
    expect(stored).toMatchObject({
      subject: "mr.job.abc",
      seq: 42,
      previous: 17,
      removed: false,
    });
    expect(stored && textOf(stored)).toBe("hello");
    expect(stored?.header("Millrace-Chunk")).toBe("0 0 5 0 0 o");
    expect(stored?.header("Chunk")).toBeUndefined();
    expect(stored?.header("Empty")).toBeUndefined();
  },
);

test.each(["Nats-Marker-Reason: MaxAge", "KV-Operation: DEL", "KV-Operation: PURGE"])(
  "%s says that something was removed",
  (line) => {
    const head = HEAD.replace("Empty: ", line);
    expect(storedOf(delivered(head, ""))?.removed).toBe(true);
  },
);

test("what is no stored message is none", () => {
  expect(storedOf(delivered("", "plain"))).toBeUndefined();
  expect(storedOf(delivered("NATS/1.0\r\nOther: 1\r\n\r\n", "x"))).toBeUndefined();
  expect(headOf(delivered("", "plain"))).toBeUndefined();
});

test("a status stands in the first line", () => {
  const head = headOf(
    delivered("NATS/1.0 404 Message Not Found\r\nNats-Num-Pending: 3\r\n\r\n", ""),
  );
  expect(statusOf(head)).toBe(404);
  expect(head && lineOf(head, "Nats-Num-Pending")).toBe("3");
  expect(statusOf(headOf(delivered(HEAD, "")))).toBe(0);
  expect(statusOf(undefined)).toBe(0);
});
