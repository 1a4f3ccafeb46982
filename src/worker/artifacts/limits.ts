// The worker's option that says how much an attempt may leave behind.
import { ARTIFACT_LIMITS, type ArtifactLimits } from "../../shared/artifact.ts";
import type { Settings } from "../../shared/io/settings.ts";

const NAMES = Object.keys(ARTIFACT_LIMITS) as (keyof ArtifactLimits)[];

/** name=value each; what is not named has its default. */
export function artifactLimitsIn(texts: readonly string[], settings: Settings): ArtifactLimits {
  const limits = { ...ARTIFACT_LIMITS };
  for (const text of texts) {
    const [key = "", value = ""] = text.split("=", 2);
    const limit = NAMES.find((name) => name === key);
    const isSound = limit !== undefined && /^\d{1,15}$/.test(value);
    settings.require(
      isSound,
      `--artifact-limit "${text}" must be one of ${NAMES.join(", ")}, = and a number`,
    );
    if (isSound) limits[limit] = Number(value);
  }
  return limits;
}
