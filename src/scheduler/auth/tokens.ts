// Checks bearer tokens (JWT): signature by a known key, pinned algorithms, issuer, audience and lifetime; nothing is optional.
import { createHash } from "node:crypto";
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";

import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { isName } from "../../shared/names.ts";
import { isCallerName, type Caller } from "./caller.ts";
import { scopesOf } from "./scopes.ts";

export type TokenRules = {
  issuer: string;
  audience: string;
  /** Signature algorithms that are accepted; a token cannot choose another. */
  algorithms: readonly string[];
};

/** The caller that a token names. Throws `invalid_token`, `token_expired`, `identity_unavailable`. */
export type TokenCheck = (token: string) => Promise<Caller>;

/** Clocks of two machines may differ by this much. */
const TOLERANCE_S = 30;
/** Verifying costs more than the rest of a request: what was found good is believed this long. */
const BELIEF_MS = 10_000;
const MAX_BELIEVED = 1_000;

type Belief = { caller: Caller; until: number };

export function createTokenCheck(deps: {
  keys: JWTVerifyGetKey;
  rules: TokenRules;
  clock: Clock;
}): TokenCheck {
  const { keys, rules, clock } = deps;
  const believed = new Map<string, Belief>();

  async function verify(token: string): Promise<Belief> {
    const { payload } = await jwtVerify(token, keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      requiredClaims: ["exp", "sub"],
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(clock.now()),
    });
    const leftMs = ((payload.exp ?? 0) + TOLERANCE_S) * 1_000 - clock.now();
    return { caller: callerOf(payload), until: clock.mono() + Math.min(BELIEF_MS, leftMs) };
  }

  return async (token) => {
    const print = createHash("sha256").update(token).digest("base64");
    const known = believed.get(print);
    if (known !== undefined && clock.mono() < known.until) return known.caller;
    try {
      const belief = await verify(token);
      if (believed.size >= MAX_BELIEVED) believed.clear();
      believed.set(print, belief);
      return belief.caller;
    } catch (error) {
      throw refusal(error);
    }
  };
}

/** `sub` names the caller, `scope` (words) and `roles` say what it may do, `namespace` what it is confined to. */
function callerOf({ sub, scope, roles, namespace }: JWTPayload): Caller {
  if (!isCallerName(sub)) throw invalid("its subject (sub) is not a short printable name");
  if (namespace !== undefined && !(typeof namespace === "string" && isName(namespace)))
    throw invalid("its namespace is not a name");
  return {
    name: sub,
    by: "token",
    scopes: scopesOf(
      Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [],
      typeof scope === "string" ? scope.split(" ") : [],
    ),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

const invalid = (why: string, cause?: unknown) =>
  new MillraceError("invalid_token", `The token is not accepted: ${why}.`, { cause });

function refusal(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  if (error instanceof errors.JWTExpired)
    return new MillraceError("token_expired", "The token has expired; get a new one.", {
      cause: error,
    });
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(`its claim ${error.claim} is missing or not as it must be`, error);
  if (error instanceof errors.JOSEError && !isAway(error))
    return invalid("its form, algorithm, key or signature is not one of ours", error);
  return new MillraceError(
    "identity_unavailable",
    "The keys that tokens are checked with cannot be fetched.",
    { cause: error, retryAfterS: 5 },
  );
}

/** The key server did not answer, or not with keys. */
const isAway = (error: errors.JOSEError): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  error.code === "ERR_JOSE_GENERIC";
