// Answers the broker when it asks whether to let somebody in, and with what permissions; puts out whoever is in no longer.
import { decode, encodeAuthorizationResponse, encodeUser } from "@nats-io/jwt";
import { fromPublic, type KeyPair } from "@nats-io/nkeys";
import type { Msg } from "nats";

import { MillraceError } from "../errors.ts";
import type { Permissions } from "../permissions.ts";
import type { Broker } from "./broker.ts";
import type { Log } from "./log.ts";

/** The account that everything of an installation lives in. */
export const ACCOUNT = "MILLRACE";

/** Somebody at the door. That they hold the key's seed has been checked. */
export type Applicant = { identity: string; key: string; token?: string };

/** Their permissions; throws for whoever is not to come in. */
export type Admit = (applicant: Applicant) => Promise<Permissions>;

type Request = {
  user_nkey: string;
  server_id: { id: string };
  client_info: { nonce?: string };
  connect_opts: { nkey?: string; sig?: string; auth_token?: string; name?: string };
};

const QUESTIONS = "$SYS.REQ.USER.AUTH";
const NAME = /^millrace ([\w.-]{1,100})$/;
const ANSWER_NS = 60_000_000_000;
const ASK_MS = 2_000;
const EVERYBODY = JSON.stringify({ limit: 100_000 });

export function serveAdmission(deps: {
  broker: Pick<Broker, "nc">;
  /** Of the account, whose public part the broker's configuration names as the callout's issuer. */
  issuer: KeyPair;
  admit: Admit;
  log: Log;
}): Disposable {
  const { broker, issuer, admit, log } = deps;

  async function decide(message: Msg): Promise<void> {
    const request = decode<Request>(message.string()).nats as unknown as Request;
    const [user, server] = [fromPublic(request.user_nkey), fromPublic(request.server_id.id)];
    const verdict = await judge(request).then(
      async (permissions) => ({ jwt: await passport(request, permissions) }),
      (error: unknown) => {
        const who = request.connect_opts.name;
        log.warn({ event: "not_admitted", who, error }, "somebody was not let into the broker");
        return { error: "not admitted" };
      },
    );
    message.respond(await encodeAuthorizationResponse(user, server, issuer, verdict, {}));
  }

  async function judge({ connect_opts, client_info }: Request): Promise<Permissions> {
    const { nkey: key, sig, auth_token: token, name = "" } = connect_opts;
    const identity = NAME.exec(name)?.[1];
    if (identity === undefined || key === undefined || !isHolder(key, sig, client_info.nonce))
      throw new MillraceError("invalid_token", `"${name}" did not prove that it holds an nkey.`);
    return admit({ identity, key, ...(token === undefined ? {} : { token }) });
  }

  function passport({ user_nkey, connect_opts }: Request, may: Permissions): Promise<string> {
    return encodeUser(
      connect_opts.name ?? "",
      fromPublic(user_nkey),
      issuer,
      {
        pub: { allow: [...may.publish], deny: [] },
        sub: { allow: [...may.subscribe], deny: [] },
        ...(may.responds ? { resp: { max: 1, ttl: ANSWER_NS } } : {}),
      },
      { aud: ACCOUNT },
    );
  }

  async function answer(message: Msg): Promise<void> {
    try {
      await decide(message);
    } catch (error) {
      log.error({ event: "admission_failed", error }, "the broker's question was not understood");
    }
  }

  const subscription = broker.nc.subscribe(QUESTIONS, {
    queue: "schedulers",
    callback: (error, message) => {
      if (error === null) void answer(message);
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

function isHolder(key: string, signature = "", nonce = ""): boolean {
  try {
    const signed = new TextEncoder().encode(nonce);
    return nonce !== "" && fromPublic(key).verify(signed, Buffer.from(signature, "base64"));
  } catch {
    return false; // no key, or no signature at all
  }
}

type Connections = {
  server?: { id: string };
  data?: { connections?: { cid: number; name?: string }[] };
};

/** Ends the connections of these identities, on every server. Throws `broker_unavailable` when one cannot be ended. */
export async function putOut(
  { nc }: Pick<Broker, "nc">,
  isMeant: (identity: string) => boolean,
): Promise<number> {
  let count = 0;
  const answers = await nc.requestMany("$SYS.REQ.ACCOUNT.PING.CONNZ", EVERYBODY, {
    strategy: "stall",
    maxWait: ASK_MS,
  });
  for await (const answer of answers) {
    const { server, data } = answer.json<Connections>();
    for (const { cid, name = "" } of data?.connections ?? []) {
      const identity = NAME.exec(name)?.[1];
      if (server === undefined || identity === undefined || !isMeant(identity)) continue;
      await kick(nc, server.id, cid);
      count += 1;
    }
  }
  return count;
}

async function kick(nc: Broker["nc"], server: string, cid: number): Promise<void> {
  try {
    await nc.request(`$SYS.REQ.SERVER.${server}.KICK`, JSON.stringify({ cid }), {
      timeout: ASK_MS,
    });
  } catch (cause) {
    throw new MillraceError(
      "broker_unavailable",
      "It will not be let in again, but its connection could not be ended: the broker's configuration must export KICK as `millrace auth init` writes it.",
      { cause },
    );
  }
}
