// `millrace keys`: who may use the API. The first key is made with the broker's own credentials, the others by callers who may.
import { Command } from "commander";

import type { BrokerCredentials } from "../../shared/io/credentials.ts";
import type { Context } from "../context.ts";
import { age } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import {
  type BrokerOptions,
  duration,
  forBoth,
  forServer,
  type ServerOptions,
  several,
} from "../options.ts";

type KeyView = {
  id: string;
  name: string;
  roles: string[];
  scopes: string[];
  namespace?: string;
  createdBy: string;
  createdAt: string;
  expiresAt?: string;
};
type CreateOptions = ServerOptions &
  BrokerOptions & { role?: string[]; scope?: string[]; namespace?: string; expires?: string };
type Reach = {
  url: string;
  prefix: string | undefined;
  credentials: BrokerCredentials | undefined;
};
type Made = { id: string; key: string };

const KEYS: Listing<KeyView> = {
  columns: ["ID", "NAME", "MAY", "NAMESPACE", "AGE", "EXPIRES"],
  row: ({ id, name, roles, scopes, namespace, createdAt, expiresAt }, now) => [
    id,
    name,
    [...roles, ...scopes].join(" "),
    namespace ?? "-",
    age(createdAt, now),
    expiresAt ?? "never",
  ],
};

export function keysCommand(context: Context): Command {
  const command = new Command("keys").description("list API keys; create or revoke one");
  forServer(command).action(context.act((options: ServerOptions) => list(context, options)));
  return command.addCommand(createCommand(context)).addCommand(revokeCommand(context));
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const { keys } = await api(options).call<{ keys: KeyView[] }>("/v1/api-keys");
  await printList(terminal, options.json, keys, KEYS);
}

function createCommand(context: Context): Command {
  const { act, terminal } = context;
  const command = new Command("create")
    .description("make a key and print it, this once; with --nats straight in the broker")
    .argument("<name>", "whom it stands for")
    .option("--role <name>", "viewer, submitter, operator or admin (again)", several)
    .option("--scope <name>", "as jobs:submit (again)", several)
    .option("--namespace <name>", "what the key is confined to")
    .option("--expires <duration>", "when it opens nothing any more; usually never", duration);
  return forBoth(command).action(
    act(async (name: string, options: CreateOptions) => {
      const { role: roles = [], scope: scopes = [], namespace, expires } = options;
      const wanted = { name, roles, scopes, namespace, expires };
      const made = await (options.nats === undefined
        ? context.api(options).call<Made>("/v1/api-keys", { method: "POST", body: wanted })
        : createInBroker(
            {
              url: options.nats,
              prefix: options.prefix ?? context.config.prefix,
              credentials: context.credentials(options),
            },
            wanted,
          ));
      await (options.json ? terminal.printJson(made) : terminal.print(made.key));
    }),
  );
}

/** Whoever may write to the broker as the scheduler does needs nobody's leave. */
async function createInBroker({ url, prefix, credentials }: Reach, wanted: object): Promise<Made> {
  const [{ connectBroker }, { createConfigStore }, keys, { requestedKey }, { ANYBODY }] =
    await Promise.all([
      import("../../shared/io/broker.ts"),
      import("../../shared/io/config-store.ts"),
      import("../../scheduler/auth/api-key.ts"),
      import("../../scheduler/auth/key-request.ts"),
      import("../../scheduler/auth/caller.ts"),
    ]);
  const { id, key, hash } = keys.mintKey();
  const record = requestedKey(wanted, { ...ANYBODY, name: "broker" }, hash, Date.now());
  const identity = `keys-${process.pid}`;
  await using broker = await connectBroker({
    url,
    identity,
    credentials,
    ...(prefix && { prefix }),
  });
  await createConfigStore(broker, keys.API_KEY_KIND, keys.decodeApiKey).put(id, record, 0);
  return { id, key };
}

function revokeCommand({ act, api, terminal }: Context): Command {
  const command = new Command("revoke")
    .description("let keys open nothing from now on")
    .argument("<id...>", "as listed", several);
  return forServer(command).action(
    act(async (ids: string[], options: ServerOptions) => {
      for (const id of ids) {
        await api(options).call(`/v1/api-keys/${encodeURIComponent(id)}`, { method: "DELETE" });
        await (options.json
          ? terminal.printJson({ id, revoked: true })
          : terminal.print(`${id}  revoked`));
      }
    }),
  );
}
