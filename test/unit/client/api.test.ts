import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";

import { type Api, createApi } from "../../../src/client/api.ts";
import { MillraceError, toProblem } from "../../../src/shared/errors.ts";

/** An API client of a server that answers so. */
async function served(answer: RequestListener): Promise<Api & AsyncDisposable> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    ...createApi(`http://127.0.0.1:${port}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

it("sends JSON and lists, and gives back what came", async () => {
  await using api = await served((request, response) => {
    const { method, url, headers } = request;
    request.pipe(response.setHeader("x-seen", `${method} ${url} ${headers["content-type"]}`));
  });
  const call = {
    method: "PUT",
    body: { a: "ü" },
    query: { k: ["1", "2"], none: undefined },
  } as const;
  const { value, headers } = await api.exchange("/v1/x", call);
  expect(value).toEqual({ a: "ü" });
  expect(headers["x-seen"]).toBe("PUT /v1/x?k=1&k=2 application/json");
});

it("turns a problem into the error that it describes", async () => {
  const problem = toProblem(new MillraceError("invalid_spec", "too many", { field: "slots" }));
  await using api = await served((_, response) =>
    response.writeHead(problem.status).end(JSON.stringify(problem)),
  );
  await expect(api.call("/")).rejects.toMatchObject({
    code: "invalid_spec",
    message: "too many",
    field: "slots",
  });
});

it("survives a code that it does not know", async () => {
  const problem = { code: "from_the_future", detail: "wait for it" };
  await using api = await served((_, response) =>
    response.writeHead(400).end(JSON.stringify(problem)),
  );
  await expect(api.call("/")).rejects.toMatchObject({ code: "internal", message: "wait for it" });
});

it("knows a server that is not ours", async () => {
  await using api = await served((_, response) => response.writeHead(404).end("<html>"));
  await expect(api.call("/")).rejects.toMatchObject({
    code: "server_unreachable",
    message: expect.stringContaining("no Millrace server"),
  });
});

it("says when nobody answers, in time", async () => {
  await using api = await served(() => {});
  const silent = api.call("/", { timeoutMs: 20 });
  await expect(silent).rejects.toMatchObject({ code: "server_unreachable" });
  await expect(createApi("http://127.0.0.1:1").call("/")).rejects.toMatchObject({
    code: "server_unreachable",
  });
});

it("waits for an upload for as long as it moves", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  await using api = await served(
    (request, response) => void request.resume().on("end", () => response.end("{}")),
  );
  const upload = (...pauses: number[]) => {
    async function* source() {
      for (const ms of pauses) {
        await vi.advanceTimersByTimeAsync(ms);
        yield Buffer.from("x");
      }
    }
    const content = { source: source(), type: "application/x-tar" };
    return api.call("/", { method: "PUT", content, timeoutMs: 1_000 });
  };
  expect(await upload(900, 900, 900)).toEqual({});
  await expect(upload(900, 1_001)).rejects.toMatchObject({ code: "server_unreachable" });
});

it("says when a stream breaks in the middle", async () => {
  await using api = await served((_, response) => {
    response.write("first");
    setImmediate(() => response.destroy());
  });
  async function readAll(): Promise<void> {
    for await (const piece of await api.open("/", "text/plain"))
      expect(String(piece)).toBe("first");
  }
  await expect(readAll()).rejects.toMatchObject({ code: "server_unreachable" });
});

it("refuses an address that is none", () => {
  expect(() => createApi("somewhere")).toThrow(/no address/);
});
