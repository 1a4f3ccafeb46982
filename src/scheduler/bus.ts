// Takes jobs over the broker, many in one message, by the same rules as over HTTP.
import { MillraceError, toProblem } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { aborted, type Service } from "../shared/io/lifecycle.ts";
import { parseSpec } from "../shared/spec.ts";
import {
  decodeSubmissions,
  type SubmissionResults,
  type Submissions,
} from "../shared/submission.ts";
import type { Caller } from "./auth/caller.ts";
import { requireStorable, type Submit } from "./submission/submit.ts";

/** All schedulers share the requests. Who may publish on the subject is for the broker to say. */
export function createBus(deps: {
  broker: Pick<Broker, "serve" | "subjects" | "maxPayload">;
  submit: Submit;
  /** Who stands in the records as submitter. */
  caller: Caller;
}): Service {
  const { broker, submit, caller } = deps;

  async function take({ spec: given, key }: Submissions["jobs"][number]) {
    try {
      const spec = parseSpec(given);
      requireStorable(spec, broker.maxPayload);
      return { id: (await submit(spec, caller, key)).record.id };
    } catch (error) {
      return { refused: refusalOf(error) };
    }
  }

  async function answer(text: string): Promise<string> {
    const asked = decodeSubmissions(text);
    const results =
      asked === undefined
        ? [{ refused: refusalOf(new MillraceError("invalid_json", "This is no submission.")) }]
        : await Promise.all(asked.jobs.map(take));
    return JSON.stringify({ v: 1, results } satisfies SubmissionResults);
  }

  return {
    name: "submissions over the broker",
    async run(signal) {
      using _serving = broker.serve(broker.subjects.submit, answer, "schedulers");
      await aborted(signal);
    },
  };
}

function refusalOf(error: unknown) {
  const { code, detail, field } = toProblem(error);
  return { code, detail, ...(field === undefined ? {} : { field }) };
}
