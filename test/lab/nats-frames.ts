// Cuts a stream of the NATS protocol, of either direction, into its messages and lines.

export type Frame = {
  /** First word of the line: PUB, HPUB, MSG, HMSG, PING, … */
  readonly verb: string;
  /** Empty for what is no message. */
  readonly subject: string;
  /** Where an answer to the message is to go, if anywhere. */
  readonly reply: string | undefined;
  /** All of it, as it stood on the wire. */
  readonly bytes: Buffer;
};

const CRLF = "\r\n";
/** Words after the subject that are no reply: sizes, and at the receiver the number of the subscription. */
const SIZES: Readonly<Record<string, number>> = { PUB: 1, HPUB: 2, MSG: 2, HMSG: 3 };

/** Takes pieces as they come and calls back with each whole frame. */
export function splitFrames(onFrame: (frame: Frame) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = [];
  let missing = 0;

  return (piece) => {
    pieces.push(piece);
    missing -= piece.length;
    if (missing > 0) return;
    let rest = Buffer.concat(pieces);
    for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
      missing = frame.length - rest.length;
      if (missing > 0) break;
      onFrame({ ...frame, bytes: rest.subarray(0, frame.length) });
      rest = rest.subarray(frame.length);
    }
    pieces = [rest];
  };
}

/** What the first line says, and how long the frame is with all that follows the line. */
function firstFrame(bytes: Buffer) {
  const end = bytes.indexOf(CRLF);
  if (end === -1) return undefined;
  const line = bytes.toString("latin1", 0, end);
  const [verb = "", ...words] = line.split(/\s+/);
  const sizes = SIZES[verb.toUpperCase()];
  if (sizes === undefined)
    return { verb, subject: "", reply: undefined, length: end + CRLF.length };
  const [subject = ""] = words;
  const reply = words.length > sizes + 1 ? words.at(verb.includes("MSG") ? 2 : 1) : undefined;
  const body = Number(words.at(-1)) + CRLF.length;
  return { verb, subject, reply, length: end + CRLF.length + body };
}
