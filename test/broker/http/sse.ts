// Reads server-sent events as a browser would.
export type SentEvent = { id?: string; event?: string; data: Record<string, unknown> };

export type EventStream = AsyncDisposable & {
  status: number;
  /** The next event; undefined when the stream has ended. Comments are passed over. */
  next(): Promise<SentEvent | undefined>;
  /** All events until the stream ends. */
  rest(): Promise<SentEvent[]>;
};

export async function openEvents(
  url: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const gone = new AbortController();
  const response = await fetch(url, {
    headers: { Accept: "text/event-stream", ...headers },
    signal: gone.signal,
  });
  const events = parse(response.body);
  const next = async () => (await events.next()).value ?? undefined;
  return {
    status: response.status,
    next,
    async rest() {
      const all: SentEvent[] = [];
      for (let event = await next(); event !== undefined; event = await next()) all.push(event);
      return all;
    },
    async [Symbol.asyncDispose]() {
      gone.abort();
      await events.return(undefined).catch(() => undefined);
    },
  };
}

async function* parse(body: ReadableStream<Uint8Array> | null): AsyncGenerator<SentEvent> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => !line.startsWith(":"));
      const fields = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
      if (fields["data"] !== undefined) yield { ...fields, data: JSON.parse(fields["data"]) };
    }
  }
}
