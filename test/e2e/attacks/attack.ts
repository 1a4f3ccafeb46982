// What a row of the attack list is.
import type { Answer, AttackLab, Message } from "./attack-lab.ts";

export type Attack = {
  name: string;
  /** Resolves to what the attacker is told. */
  attack(lab: AttackLab): Promise<Answer>;
  /** Status and code of the answer. */
  refusedAs: string;
};

/** A request that is to be refused. */
export const request = (name: string, message: Message, refusedAs: string): Attack => ({
  name,
  attack: (lab) => lab.send(message),
  refusedAs,
});

/** A job that is to be refused; its text when it is one. */
export const job = (name: string, spec: unknown, refusedAs = "422 invalid_spec"): Attack =>
  request(name, { body: typeof spec === "string" ? spec : JSON.stringify(spec) }, refusedAs);
