// `millrace group`: groups of jobs from a file; look at one, end it, try again what failed.
import { Command } from "commander";

import { isOverGroup } from "../../shared/group-state.ts";
import type { GroupView } from "../../scheduler/http/group-view.ts";
import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { describeGroup, GROUPS } from "../group-lines.ts";
import { printList } from "../listing.ts";
import { awaitGroupEnd, groupPath, submitGroup } from "../groups.ts";
import { forServer, integer, type ServerOptions } from "../options.ts";
import { readDocument } from "../read-document.ts";

export function groupCommand(context: Context): Command {
  return new Command("group")
    .description("jobs that belong together")
    .addCommand(submitCommand(context))
    .addCommand(getCommand(context))
    .addCommand(listCommand(context))
    .addCommand(waitCommand(context))
    .addCommand(actionCommand(context, "cancel", "begin nothing more of it and cancel its jobs"))
    .addCommand(actionCommand(context, "retry", "try again what failed and what that held up"));
}

function submitCommand({ act, api, terminal }: Context): Command {
  const command = new Command("submit")
    .description("hand a group in and print its id")
    .requiredOption("-f, --file <file>", "YAML or JSON; - is stdin")
    .option("--idempotency-key <key>", "submitting again with it gives the same group");
  return forServer(command).action(
    act(async (options: ServerOptions & { file: string; idempotencyKey?: string }) => {
      const body = await readDocument(options.file);
      const group = await submitGroup(api(options), body, options.idempotencyKey);
      await (options.json ? terminal.printJson(group) : terminal.print(group.id));
    }),
  );
}

function getCommand({ act, api, terminal }: Context): Command {
  const command = new Command("get").description("everything about a group").argument("<id>");
  return forServer(command).action(
    act(async (id: string, options: ServerOptions) => {
      const group = await api(options).call<GroupView>(groupPath(id));
      await (options.json
        ? terminal.printJson(group)
        : terminal.print(describeGroup(group, Date.now())));
    }),
  );
}

function listCommand({ act, api, terminal }: Context): Command {
  const command = new Command("ls")
    .description("list groups, newest first")
    .option("--state <state>", "only in this state")
    .option("--name <name>", "only of this name")
    .option("--limit <n>", "at most so many", integer(1, 200), 20);
  return forServer(command).action(
    act(async ({ state, name, limit, ...options }: ListOptions) => {
      const { groups } = await api(options).call<{ groups: GroupView[] }>("/v1/groups", {
        query: { state, name, limit },
      });
      await printList(terminal, options.json, groups, GROUPS);
    }),
  );
}

type ListOptions = ServerOptions & { state?: string; name?: string; limit: number };

function waitCommand({ act, api, terminal }: Context): Command {
  const command = new Command("wait")
    .description("wait for the end of a group; exits with 0 when it succeeded")
    .argument("<id>");
  return forServer(command).action(
    act(async (id: string, options: ServerOptions) => {
      const group = await awaitGroupEnd(api(options), id);
      await (options.json
        ? terminal.printJson(group)
        : terminal.print(
            printable(`${group.id}  ${group.state}${group.reason ? `: ${group.reason}` : ""}`),
          ));
      return isOverGroup(group.state) && group.state === "succeeded" ? 0 : 1;
    }),
  );
}

function actionCommand(
  { act, api, terminal }: Context,
  verb: "cancel" | "retry",
  description: string,
): Command {
  const command = new Command(verb).description(description).argument("<id...>");
  return forServer(command).action(
    act(async (ids: string[], options: ServerOptions) => {
      for (const id of ids) {
        const group = await api(options).call<GroupView>(`${groupPath(id)}/${verb}`, {
          method: "POST",
        });
        const done = verb === "cancel" ? "cancel requested" : `${group.state} again`;
        await (options.json ? terminal.printJson(group) : terminal.print(`${group.id}  ${done}`));
      }
    }),
  );
}
