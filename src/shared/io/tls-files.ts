// A server's certificate, its key and the CA of its clients, from files that may be exchanged while it runs.
import { readFile, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import type { TlsOptions, TLSSocket } from "node:tls";

import { MillraceError } from "../errors.ts";
import { every } from "./lifecycle.ts";
import { tlsProblem } from "./tls.ts";

export type TlsFiles = {
  cert: string;
  key: string;
  /** Clients are asked for a certificate, which is checked against this CA; see `distrustOf`. */
  clientCa?: string;
};

/** Throws `invalid_config` for files that cannot be read. */
export async function readTlsFiles({ cert, key, clientCa }: TlsFiles): Promise<TlsOptions> {
  try {
    const [own, secret] = await Promise.all([readFile(cert), readFile(key)]);
    const ca = clientCa === undefined ? undefined : await readFile(clientCa);
    return {
      cert: own,
      key: secret,
      minVersion: "TLSv1.2",
      ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false }),
    };
  } catch (cause) {
    throw new MillraceError(
      "invalid_config",
      `The API's certificate cannot be read: ${String(cause)}.`,
      {
        cause,
        field: "tls-cert",
      },
    );
  }
}

/** What is wrong with the certificate of a client that was asked for one. Node itself would hang up without a word. */
export function distrustOf(socket: Socket): string | undefined {
  if (!("getPeerCertificate" in socket)) return "the connection is not TLS";
  const { authorized, authorizationError, getPeerCertificate } = socket as TLSSocket;
  // who resumes a session without a certificate counts as authorized to Node
  if (Object.keys(getPeerCertificate.call(socket)).length === 0) return "none was shown";
  if (authorized) return undefined;
  const reason = String(authorizationError);
  return tlsProblem(new Error(reason)) ?? reason;
}

const CHECK_MS = 5_000;

/** Tells of new files until disposed. Those that are not there whole yet are looked at again. */
export function watchTlsFiles(
  files: TlsFiles,
  onChange: (context: TlsOptions) => void,
  everyMs = CHECK_MS,
): Disposable {
  const stop = new AbortController();
  let known: string | undefined;

  async function look(): Promise<void> {
    try {
      const found = await versionOf(files);
      if (known !== undefined && found !== known) onChange(await readTlsFiles(files));
      known = found;
    } catch {
      // half-way through being exchanged: what was read before serves on
    }
  }

  void look();
  void every(everyMs, stop.signal, look);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function versionOf({ cert, key, clientCa }: TlsFiles): Promise<string> {
  const files = [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  const stats = await Promise.all(files.map((file) => stat(file)));
  return stats.map(({ mtimeMs, ino, size }) => `${mtimeMs} ${ino} ${size}`).join("\n");
}
