// Reads an answer of text as it comes in.
import { until } from "../lab/until.ts";

export type TextStream = AsyncDisposable & {
  /** What came so far, once it matches. */
  until(pattern: RegExp): Promise<string>;
  /** Everything, once the answer has ended. */
  rest(): Promise<string>;
};

export async function openText(url: string): Promise<TextStream> {
  const gone = new AbortController();
  const response = await fetch(url, { signal: gone.signal });
  let text = "";
  const whole = read();
  whole.catch(() => {}); // told to whoever asks for the rest

  async function read(): Promise<string> {
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) text += decoder.decode(piece, { stream: true });
    return text;
  }

  return {
    async until(pattern) {
      await until(() => pattern.test(text), `${pattern} from ${url}`, 60_000);
      return text;
    },
    rest: () => whole,
    async [Symbol.asyncDispose]() {
      gone.abort();
      await whole.catch(() => {}); // it was cut off
    },
  };
}
