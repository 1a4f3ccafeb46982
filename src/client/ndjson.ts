// Turns bytes that arrive in any pieces into the JSON values of their lines.

/** Lines of newline-delimited JSON; blank lines, which keep a connection alive, are skipped. */
export async function* readNdjson<T>(pieces: AsyncIterable<Uint8Array>): AsyncIterable<T> {
  const decoder = new TextDecoder();
  let rest: string[] = [];
  for await (const piece of pieces) {
    const [head = "", ...tail] = decoder.decode(piece, { stream: true }).split("\n");
    rest.push(head);
    for (const line of tail) {
      const whole = rest.join("");
      rest = [line];
      if (whole.trim() !== "") yield JSON.parse(whole) as T;
    }
  }
}
