// `millrace reconcile`: whether a server's picture of the installation is the one that the records give.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import type { Difference } from "../doctor/differences.ts";
import type { Reconciliation } from "../doctor/reconcile.ts";
import { type BrokerOptions, forBoth, type ServerOptions } from "../options.ts";
import { brokerBeside } from "../doctor/broker-beside.ts";

type Options = ServerOptions & BrokerOptions & { repair?: true };

const DIFFERENT = 1;

export function reconcileCommand(context: Context): Command {
  const { act, terminal, config } = context;
  const command = new Command("reconcile")
    .description(
      "compare what a server says with what the records say; exit 0 when they agree, 1 when not",
    )
    .option("--repair", "clear cancel requests that are left over; otherwise nothing is changed");
  return forBoth(command).action(
    act(async (options: Options) => {
      terminal.status("reading the records");
      const { reconcile } = await import("../doctor/reconcile.ts");
      const api = context.api(options);
      const found = await reconcile({
        api,
        natsUrl: options.nats ?? brokerBeside(api, config),
        prefix: options.prefix ?? config.prefix,
        credentials: context.credentials(options),
        repair: options.repair ?? false,
      });
      if (options.json) await terminal.printJson(found);
      else await terminal.print(report(api.url, found));
      const open = found.leftovers.length - found.cleared.length;
      return found.differences.length > 0 || open > 0 ? DIFFERENT : 0;
    }),
  );
}

function report(
  url: string,
  { compared, differences, leftovers, cleared }: Reconciliation,
): string {
  const verdict =
    differences.length === 0
      ? `${url} agrees with the records in all ${compared} points.`
      : `${url} differs from the records in ${differences.length} of ${compared} points; restart that scheduler, it reads them anew.`;
  return [
    ...differences.map(differenceLine),
    ...leftovers.map(
      (job) =>
        `cancel request of ${job}: left over${cleared.includes(job) ? ", cleared" : "; --repair clears it"}`,
    ),
    verdict,
  ].join("\n");
}

const differenceLine = ({ what, server, records }: Difference): string =>
  printable(`${what}: the server says ${server ?? "nothing"}, the records ${records ?? "nothing"}`);
