// Finds the broker of a server: the one that is configured, else the one that a `dev` announced together with it.
import type { Api } from "../../client/api.ts";
import type { CliConfig } from "../config.ts";
import { announced, brokerUrl } from "../server-address.ts";

export function brokerBeside(api: Api, config: CliConfig): string {
  const beside = announced(config.stateDir).find(({ url }) => url === api.url);
  return config.natsUrl ?? beside?.natsUrl ?? brokerUrl(undefined, config);
}
