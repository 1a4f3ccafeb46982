// Options that give numbers by name, as "--limit openFiles=99".
import type { Settings } from "../shared/io/settings.ts";

/** What each text says; what says nothing sound is remembered as a problem. `least`: the smallest number. */
export function namedNumbers<Name extends string>(
  texts: readonly string[],
  { option, names, least }: { option: string; names: readonly Name[]; least: number },
  settings: Settings,
): Partial<Record<Name, number>> {
  const numbers: Partial<Record<Name, number>> = {};
  for (const text of texts) {
    const [key = "", value = ""] = text.split("=", 2);
    const name = names.find((one) => one === key);
    const isSound = name !== undefined && /^\d{1,15}$/.test(value) && Number(value) >= least;
    settings.require(
      isSound,
      `${option} "${text}" must be one of ${names.join(", ")}, = and a whole number from ${least} on`,
    );
    if (isSound) numbers[name] = Number(value);
  }
  return numbers;
}
