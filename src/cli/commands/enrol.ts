// `millrace enrol`: which workers the broker lets in.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { age } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { duration, forServer, type ServerOptions } from "../options.ts";

type EnrolmentView = { name: string; state: string; createdAt: string; createdBy: string };
type Invitation = EnrolmentView & { join: string; expiresAt: string };

const LISTING: Listing<EnrolmentView> = {
  columns: ["WORKER", "STATE", "AGE", "BY"],
  row: ({ name, state, createdAt, createdBy }, now) => [
    name,
    state,
    age(createdAt, now),
    createdBy,
  ],
};

export function enrolCommand(context: Context): Command {
  const command = new Command("enrol").description(
    "list the workers that the broker lets in; invite or revoke one",
  );
  forServer(command).action(context.act((options: ServerOptions) => list(context, options)));
  return command.addCommand(inviteCommand(context)).addCommand(revokeCommand(context));
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const answer = await api(options).call<{ enrolments: EnrolmentView[] }>("/v1/enrolments");
  await printList(terminal, options.json, answer.enrolments, LISTING);
}

function inviteCommand({ act, api, terminal }: Context): Command {
  const command = new Command("invite")
    .description("print the token that a worker of this name joins with, once")
    .argument("<name>", "the worker's --name")
    .option("--expires <duration>", "how long the invitation is good; usually 1h", duration);
  return forServer(command).action(
    act(async (name: string, options: ServerOptions & { expires?: string }) => {
      const made = await api(options).call<Invitation>("/v1/enrolments", {
        method: "POST",
        body: { name, expires: options.expires },
      });
      await (options.json ? terminal.printJson(made) : terminal.print(made.join));
    }),
  );
}

function revokeCommand({ act, api, terminal }: Context): Command {
  const command = new Command("revoke")
    .description("let a worker in no longer, and end its connection")
    .argument("<name>", "the worker's --name");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      await api(options).call(`/v1/enrolments/${encodeURIComponent(name)}`, { method: "DELETE" });
      await (options.json
        ? terminal.printJson({ name, revoked: true })
        : terminal.print(`${name}  revoked`));
    }),
  );
}
