// Checks the parameters of a run against the definition's JSON Schema and fills in its defaults.
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";

import type { Definition } from "../../shared/definition.ts";
import type { Parameters } from "../../shared/definition-template.ts";
import { MillraceError } from "../../shared/errors.ts";

type Schema = NonNullable<Definition["parameters"]>;

const NONE: Schema = { properties: {} };

/** Compiled schemas live as long as their definition's version is known to somebody. */
const compiled = new WeakMap<Schema, ValidateFunction>();

/** Throws `invalid_spec` for what is no JSON Schema of an object. */
export function requireSchema(schema: Schema = NONE): void {
  validatorOf(schema);
}

/** The parameters with defaults; throws `invalid_spec` with the field. */
export function checkParameters(schema: Schema = NONE, given: Parameters): Parameters {
  const validate = validatorOf(schema);
  const parameters = structuredClone(given) as Record<string, unknown>;
  if (validate(parameters)) return parameters;
  const [error] = validate.errors ?? [];
  const field = error === undefined ? "params" : fieldOf(error);
  throw new MillraceError("invalid_spec", `${field}: ${error?.message ?? "not acceptable"}`, {
    field,
  });
}

function validatorOf(schema: Schema): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  if ((schema["type"] ?? "object") !== "object")
    throw new MillraceError("invalid_spec", "parameters.type: parameters are an object", {
      field: "parameters.type",
    });
  try {
    const ajv = new Ajv2020({
      strict: true,
      strictTypes: false,
      strictRequired: false,
      validateFormats: false,
      useDefaults: true,
      addUsedSchema: false,
    });
    // what is not named is refused, so that a slip of the pen is noticed
    const validate = ajv.compile({ additionalProperties: false, ...schema, type: "object" });
    compiled.set(schema, validate);
    return validate;
  } catch (error) {
    throw new MillraceError(
      "invalid_spec",
      `parameters: ${error instanceof Error ? error.message : "no JSON Schema"}`,
      { field: "parameters", cause: error },
    );
  }
}

function fieldOf({ instancePath, keyword, params }: ErrorObject): string {
  const path = instancePath.split("/").slice(1);
  const named = params as { missingProperty?: string; additionalProperty?: string };
  if (keyword === "required" && named.missingProperty) path.push(named.missingProperty);
  if (keyword === "additionalProperties" && named.additionalProperty)
    path.push(named.additionalProperty);
  return ["params", ...path].join(".");
}
