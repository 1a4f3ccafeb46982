// Finds out who asks: by API key, by token, or nobody in particular where nobody has to say.
import { MillraceError } from "../../shared/errors.ts";
import { ANYBODY, isCallerName, type Caller } from "./caller.ts";
import type { KeyRing } from "./key-ring.ts";
import { SCOPES } from "./scopes.ts";
import type { TokenCheck } from "./tokens.ts";

/** What a request shows of its sender. */
export type Credentials = {
  authorization: string | undefined;
  /** Name in the client certificate, which was checked when the connection was made. To be asked for only where it counts: it is parsed anew. */
  certificate(): string | undefined;
};

/** Throws `unauthenticated`, `invalid_token`, `token_expired`, `identity_unavailable`, `broker_unavailable`. */
export type Authenticate = (shown: Credentials) => Promise<Caller>;

export const openToAnybody: Authenticate = async () => ANYBODY;

/** Whoever has a certificate of the clients' CA may do everything under the name in it. */
export const byCertificate: Authenticate = async ({ certificate }) => {
  const name = certificate();
  if (isCallerName(name)) return { name, by: "certificate", scopes: new Set(SCOPES) };
  throw new MillraceError("unauthenticated", "Show a client certificate with a name (CN).");
};

const BEARER = /^bearer +([\w.~+/=-]{1,8192})$/i;

export function createAuthenticate(deps: { keys: KeyRing; tokens?: TokenCheck }): Authenticate {
  const { keys, tokens } = deps;
  return async ({ authorization }) => {
    if (authorization === undefined)
      throw new MillraceError(
        "unauthenticated",
        "Send a token or an API key as Authorization: Bearer <token>.",
        { field: "Authorization" },
      );
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined)
      throw new MillraceError(
        "invalid_token",
        "Write the header as Authorization: Bearer <token>.",
        {
          field: "Authorization",
        },
      );
    if (token.startsWith("mrk_")) return keys(token);
    if (tokens !== undefined) return tokens(token);
    throw new MillraceError("invalid_token", "This server takes API keys only (mrk_…).");
  };
}
