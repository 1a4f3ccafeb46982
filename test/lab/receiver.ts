// A receiver of webhooks: an HTTP server of the test's own that keeps what it gets.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type Post = {
  headers: Record<string, string | string[] | undefined>;
  text: string;
  body: { id: string; job: string; state: string; what: string };
};

export type Receiver = AsyncDisposable & {
  readonly url: string;
  readonly posts: readonly Post[];
  /** What it answers from now on; default 204. */
  answer(status: number): void;
};

export async function startReceiver(): Promise<Receiver> {
  const posts: Post[] = [];
  let status = 204;
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    request.once("end", () => {
      if (status < 300) posts.push({ headers: request.headers, text, body: JSON.parse(text) });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    posts,
    answer: (next) => void (status = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
