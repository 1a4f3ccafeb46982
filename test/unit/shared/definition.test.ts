// Definitions: what is refused, what parameters become, and what a run of one is.
import { describe, expect, it } from "vitest";

import { parseDefinition } from "../../../src/shared/definition.ts";
import { planRun } from "../../../src/shared/definition-plan.ts";
import { fill } from "../../../src/shared/definition-template.ts";
import { MillraceError } from "../../../src/shared/errors.ts";
import { checkParameters, requireSchema } from "../../../src/scheduler/definitions/parameters.ts";

const parameters = {
  properties: { day: { type: "string" }, n: { type: "integer", default: 3 } },
  required: ["day"],
};
const spec = { command: ["echo", "${day}"] };

function fieldOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof MillraceError && error.code === "invalid_spec") return error.field;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a definition", () => {
  it.each([
    ["neither spec nor steps", {}, "spec"],
    ["both", { spec, steps: [{ name: "a", spec }], parameters }, "steps"],
    ["an unknown place", { spec: { command: ["echo", "${dya}"] }, parameters }, "spec.command[1]"],
    [
      "one in a step's variable",
      { steps: [{ name: "a", spec: { command: ["x"], env: { A: "${b}" } } }] },
      "steps[0].spec.env.A",
    ],
    [
      "one deep in an input",
      { spec: { handler: "h", input: { list: ["${b}"] } } },
      "spec.input.list[0]",
    ],
    [
      "a parameter that is no word",
      { spec, parameters: { properties: { "a-b": {} } } },
      "parameters.properties.a-b",
    ],
    [
      "parameters that differ in case only",
      { spec, parameters: { properties: { day: {}, DAY: {} } } },
      "parameters.properties.DAY",
    ],
    [
      "steps in a ring",
      { steps: [{ name: "a", spec: { command: ["x"] }, needs: ["a"] }] },
      "steps[0].needs",
    ],
    ["an unknown policy", { spec, parameters, exclusive: "maybe" }, "exclusive"],
    ["an unknown field", { spec, parameters, cron: "* * * * *" }, "cron"],
  ])("is refused for %s", (_what, body, field) => {
    expect(fieldOf(() => parseDefinition(body))).toBe(field);
  });

  it("leaves scripts and shell lines to their shell", () => {
    const own = { script: 'echo "${HOME}"' };
    expect(parseDefinition({ spec: own }).spec).toEqual(own);
    expect(parseDefinition({ spec: { command: ["echo ${HOME}"], shell: true } }).enabled).toBe(
      true,
    );
  });
});

describe("parameters", () => {
  it("get their defaults and stay what they are", () => {
    expect(checkParameters(parameters, { day: "monday" })).toEqual({ day: "monday", n: 3 });
  });

  it.each([
    ["a missing one", {}, "params.day"],
    ["a wrong type", { day: "x", n: "3" }, "params.n"],
    ["an unknown one", { day: "x", other: 1 }, "params.other"],
  ])("are refused for %s", (_what, given, field) => {
    expect(fieldOf(() => checkParameters(parameters, given))).toBe(field);
  });

  it.each([
    ["no object", { type: "string" }, "parameters.type"],
    ["no schema", { properties: { a: { type: "nothing" } } }, "parameters"],
    ["an unknown keyword", { porperties: {} }, "parameters"],
  ])("have no schema that is %s", (_what, schema, field) => {
    expect(fieldOf(() => requireSchema(schema))).toBe(field);
  });
});

describe("a template", () => {
  const hostile = '"; rm -rf / #$(id)`id`';

  it("takes values as values, whatever they look like", () => {
    const filled = fill(
      { command: ["echo", "a ${day} b", "$${day}"], stdin: "${day}" },
      { day: hostile },
    );
    expect(filled).toEqual({
      command: ["echo", `a ${hostile} b`, "${day}"],
      stdin: hostile,
      env: { MILLRACE_PARAM_DAY: hostile },
    });
  });

  it("does not look for places in values", () => {
    expect(fill(spec, { day: "${n}", n: 1 }).command).toEqual(["echo", "${n}"]);
  });

  it("keeps the type of a whole value of an input", () => {
    const input = { n: "${n}", list: ["${flag}"], text: "n=${n}", none: "${none}" };
    expect(fill({ handler: "h", input }, { n: 3, flag: true })).toEqual({
      handler: "h",
      input: { n: 3, list: [true], text: "n=3", none: null },
    });
  });

  it("gives scripts their parameters in the environment only", () => {
    expect(fill({ script: "echo ${day}" }, { day: hostile })).toEqual({
      script: "echo ${day}",
      env: { MILLRACE_PARAM_DAY: hostile },
    });
  });
});

const plan = (body: object, test = false) =>
  planRun("nightly", parseDefinition({ parameters, ...body }), {
    parameters: { day: "monday" },
    labels: { by: "hand" },
    test,
  });

describe("a run", () => {
  it("of one step is a job", () => {
    expect(plan({ spec, labels: { team: "x" } })).toEqual({
      kind: "job",
      spec: {
        command: ["echo", "monday"],
        env: { MILLRACE_PARAM_DAY: "monday" },
        labels: { team: "x", by: "hand" },
      },
    });
  });

  it("of several steps, or one that is watched or exclusive, is a group", () => {
    const steps = [
      { name: "a", spec, count: 2 },
      { name: "b", spec, needs: ["a"] },
    ];
    expect(plan({ steps }).spec).toMatchObject({
      name: "nightly",
      members: [
        { name: "a", count: 2 },
        { name: "b", needs: [{ member: "a", on: "success" }] },
      ],
    });
    expect(plan({ spec, exclusive: "queue" })).toMatchObject({
      kind: "group",
      spec: { members: [{ name: "run" }] },
    });
    expect(plan({ spec, monitor: { stopAfter: "1h" } }).kind).toBe("group");
  });

  it("in test mode has the same shape and does nothing", () => {
    const steps = [{ name: "a", spec: { ...spec, queue: "q" }, count: 2 }];
    const { spec: planned } = plan({ steps }, true);
    expect(planned).toMatchObject({
      members: [
        {
          count: 2,
          spec: { queue: "q", command: ["printf", "%s\n", "test: a would run: echo monday"] },
        },
      ],
    });
  });
});
