// The part of a file that a Range header asks for: pure.

/** The bytes from `from` to before `to`. */
export type ByteRange = { from: number; to: number };

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** Undefined where the whole is to be sent: no header, none that is understood, or several ranges. */
export function byteRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = ONE_RANGE.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return within({ from: Math.max(0, size - Number(last)), to: size }, size);
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return within({ from: Number(first), to: last === "" ? size : Number(last) + 1 }, size);
}

const within = ({ from, to }: ByteRange, size: number): ByteRange | "unsatisfiable" =>
  from < size ? { from, to: Math.min(to, size) } : "unsatisfiable";
