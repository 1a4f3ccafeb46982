// What a job's handler asks of a worker: that it announces the handler, and in a version that will do.
import { handlerName } from "../../shared/handler-reference.ts";
import type { Heartbeat } from "../../shared/messages.ts";
import type { Row } from "./row.ts";
import { announces, type Shape } from "./shape.ts";
import type { Test } from "./why.ts";

export function handlerTests(shape: Shape): Test[] {
  const { handler, reference } = shape;
  if (handler === undefined || reference === undefined) return [];
  const named = (beat: Heartbeat | undefined): string[] =>
    beat?.handlers.filter((announced) => handlerName(announced) === handler) ?? [];
  const hasName: Test = {
    what: `handler ${handler}`,
    pass: (_: Row, beat: Heartbeat) => named(beat).length > 0,
    reason: () => ({ code: "no_such_handler", handler }),
  };
  if (reference.range === undefined) return [hasName];
  const wanted = `${handler}@${reference.range.raw}`;
  const hasVersion: Test = {
    what: `handler ${wanted}`,
    pass: (_: Row, beat: Heartbeat) => announces(shape, beat),
    reason: (failed) => ({
      code: "no_such_version",
      handler: wanted,
      announced: [...new Set(failed.flatMap(({ beat }) => named(beat)))].toSorted(),
    }),
  };
  return [hasName, hasVersion];
}
