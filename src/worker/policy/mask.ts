// Takes secrets out of output before it leaves the host, also where one is cut in two by the borders of what was read. Pure.

export type Mask = {
  /** The bytes that may go on; what could be the beginning of a secret waits for more. */
  pass(bytes: Uint8Array): Uint8Array;
  /** What still waits, once nothing more comes. */
  rest(): Uint8Array;
};

/** From the first byte to behind the last. */
type Span = { from: number; to: number };

const STARS = Buffer.from("***");
const MIN_LINE = 6;

/** One mask per channel. A secret of several lines is masked line by line too, since programs print lines. */
export function createMask(secrets: readonly string[]): Mask {
  const needles = [...new Set(secrets.flatMap(partsOf))].map((text) => Buffer.from(text));
  let waiting: Buffer = Buffer.alloc(0);

  /** What is a secret; secrets that overlap or touch are one span. */
  function spansIn(text: Buffer): Span[] {
    const found = needles
      .flatMap((needle) => occurrences(text, needle))
      .toSorted((a, b) => a.from - b.from);
    const spans: Span[] = [];
    for (const span of found) {
      const last = spans.at(-1);
      if (last === undefined || span.from > last.to) spans.push({ ...span });
      else last.to = Math.max(last.to, span.to);
    }
    return spans;
  }

  /** Where the longest end of the text starts that a secret begins with; a secret that reaches into it waits as a whole. */
  function holdFrom(text: Buffer, spans: readonly Span[]): number {
    const length = Math.max(0, ...needles.map((needle) => overlap(text, needle)));
    const from = text.length - length;
    return spans.find((span) => span.from < from && from < span.to)?.from ?? from;
  }

  return {
    pass(bytes) {
      const fresh = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const text = waiting.length > 0 ? Buffer.concat([waiting, fresh]) : fresh;
      const spans = spansIn(text);
      const end = holdFrom(text, spans);
      waiting = Buffer.from(text.subarray(end));
      return masked(text, spans, end);
    },
    rest() {
      const text = waiting;
      waiting = Buffer.alloc(0);
      return masked(text, spansIn(text), text.length);
    },
  };
}

function partsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= MIN_LINE);
  return [secret, ...lines];
}

function occurrences(text: Buffer, needle: Buffer): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1))
    spans.push({ from: at, to: at + needle.length });
  return spans;
}

/** Length of the longest end of the text that is a beginning of the needle. */
function overlap(text: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, text.length); length > 0; length -= 1)
    if (text.subarray(text.length - length).equals(needle.subarray(0, length))) return length;
  return 0;
}

/** The text up to `end`, with stars for the spans before it. */
function masked(text: Buffer, spans: readonly Span[], end: number): Uint8Array {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const span of spans) {
    if (span.from >= end) break;
    pieces.push(text.subarray(from, span.from), STARS);
    from = span.to;
  }
  const tail = text.subarray(from, end);
  return pieces.length === 0 ? tail : Buffer.concat([...pieces, tail]);
}
