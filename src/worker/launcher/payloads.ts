// Payloads as bytes: lists of fields, each ended by NUL, in the order that protocol.ts gives.
import { constants } from "node:os";

import {
  LIMITS,
  type ExitReport,
  type FailedPart,
  type Failure,
  type Limits,
  type SpawnRequest,
  type Started,
  type Strays,
} from "./protocol.ts";

const NUL = "\0";

const encode = (...fields: readonly (string | number)[]): Uint8Array =>
  Buffer.from(fields.join(NUL) + NUL);

/** Throws RangeError when the last field does not end. */
function decode(payload: Uint8Array): string[] {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  if (!text.endsWith(NUL)) throw new RangeError("a payload of fields does not end with NUL");
  return text.slice(0, -1).split(NUL);
}

/** Throws RangeError: the other side does not keep to the protocol. */
function number(field: string | undefined): number {
  if (field === undefined || !/^\d+$/.test(field))
    throw new RangeError(`a number is missing where "${field}" stands`);
  return Number(field);
}

/** Whether everything in it can be told as fields. */
export const isSpeakable = ({ argv, env, cwd, tag, stdin }: SpawnRequest): boolean =>
  ![cwd, tag, stdin, ...argv, ...Object.entries(env).flat()].some((text) => text.includes(NUL));

export function encodeSpawn(request: SpawnRequest): Uint8Array {
  const { argv, env, cwd, tag, stdin, graceMs, user, limits = {}, group = "" } = request;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const optional = [user?.uid, user?.gid, ...LIMITS.map((limit) => limits[limit])];
  return encode(
    graceMs,
    cwd,
    tag,
    stdin,
    group,
    ...optional.map((value) => value ?? ""),
    argv.length,
    ...argv,
    ...variables,
  );
}

export function decodeSpawn(payload: Uint8Array): SpawnRequest {
  const [graceMs, cwd = "", tag = "", stdin = "", group = "", uid, gid, ...rest] = decode(payload);
  const limits = limitsIn(rest.splice(0, LIMITS.length));
  const argv = rest.splice(0, number(rest.shift()));
  const env = Object.fromEntries(
    rest.map((variable) => {
      const at = variable.indexOf("=");
      return [variable.slice(0, at), variable.slice(at + 1)];
    }),
  );
  const request = { argv, env, cwd, tag, stdin, graceMs: number(graceMs), limits };
  return {
    ...request,
    ...(group !== "" && { group }),
    ...(uid !== "" && { user: { uid: number(uid), gid: number(gid) } }),
  };
}

function limitsIn(fields: readonly string[]): Limits {
  const limits: Limits = {};
  for (const [index, name] of LIMITS.entries())
    if (fields[index] !== "") limits[name] = number(fields[index]);
  return limits;
}

export const encodeCredit = (bytes: number): Uint8Array => encode(bytes);
export const decodeCredit = (payload: Uint8Array): number => number(decode(payload)[0]);

export const encodeStarted = ({ pid, at }: Started): Uint8Array => encode(pid, at);
export function decodeStarted(payload: Uint8Array): Started {
  const [pid, at] = decode(payload);
  return { pid: number(pid), at: number(at) };
}

export const encodeFailure = ({ at, part, code, file }: Failure): Uint8Array =>
  encode(at, part, numberOf(constants.errno, code), file);
export function decodeFailure(payload: Uint8Array): Failure {
  const [at, part, code, file = ""] = decode(payload);
  return {
    at: number(at),
    part: part as FailedPart,
    code: nameOf(constants.errno, number(code)) ?? "EUNKNOWN",
    file,
  };
}

export function encodeExit({ ended, at, stopped, strays, usage }: ExitReport): Uint8Array {
  const [code, signal] =
    ended.kind === "exited" ? [ended.code, 0] : [0, numberOf(constants.signals, ended.signal)];
  const used = usage === undefined ? ["", ""] : [usage.cpuMs * 1_000, usage.maxRssKb];
  return encode(at, code, signal, Number(stopped), strays, ...used);
}
export function decodeExit(payload: Uint8Array): ExitReport {
  const [at, code, signal, stopped, strays, cpuUs, maxRssKb] = decode(payload);
  const killer = number(signal);
  return {
    ended:
      killer === 0
        ? { kind: "exited", code: number(code) }
        : { kind: "signalled", signal: nameOf(constants.signals, killer) ?? `SIG${killer}` },
    at: number(at),
    stopped: number(stopped) === 1,
    strays: number(strays),
    ...(cpuUs !== "" && {
      usage: { cpuMs: number(cpuUs) / 1_000, maxRssKb: number(maxRssKb) },
    }),
  };
}

export const encodeStrays = ({ tag, count }: Strays): Uint8Array => encode(tag, count);
export function decodeStrays(payload: Uint8Array): Strays {
  const [tag = "", count] = decode(payload);
  return { tag, count: number(count) };
}

/** Names differ between systems in their numbers, never within one; of two names for one number the first counts. */
const nameOf = (numbers: object, wanted: number): string | undefined =>
  Object.entries(numbers).find(([, known]) => known === wanted)?.[0];

const numberOf = (numbers: object, name: string): number =>
  Object.entries(numbers).find(([known]) => known === name)?.[1] ?? 0;
