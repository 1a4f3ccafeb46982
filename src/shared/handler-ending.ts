// How what a handler returned or threw is told in the record: pure.
import type { InputIssue } from "./handler.ts";
import type { Ending } from "./job.ts";
import { MAX_VALUE_BYTES } from "./reference.ts";
import { fieldPath } from "./spec.ts";

const MAX_REASON = 2_000;

export function returned(value: unknown): Ending {
  if (value === undefined) return { outcome: "exited", exitCode: 0 };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return threw(new Error(`The result cannot be written as JSON: ${messageOf(error)}`));
  }
  if (text === undefined) return threw(new Error(`A ${typeof value} is no result: return JSON.`));
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES)
    return threw(
      new Error(
        `The result has ${bytes} bytes of JSON, more than ${MAX_VALUE_BYTES}: keep it as an artifact and return its path.`,
      ),
    );
  return { outcome: "exited", exitCode: 0, result: JSON.parse(text) };
}

export const threw = (error: unknown): Ending => ({
  outcome: "threw",
  reason: messageOf(error).slice(0, MAX_REASON),
});

export function refused([first]: readonly InputIssue[]): Ending {
  const field = fieldPath(["input", ...(first?.path ?? [])]);
  return {
    outcome: "invalid_input",
    reason: `${field}: ${first?.message ?? "does not fit the handler's schema"}`.slice(
      0,
      MAX_REASON,
    ),
  };
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return typeof error === "string" ? error : `It threw ${String(error)}.`;
}
