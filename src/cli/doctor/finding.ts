// What the doctor says: one finding each, and how bad it is.
export type Level = "ok" | "warning" | "error";

export type Finding = {
  level: Level;
  about: string;
  text: string;
  /** What to change, where there is something to change. */
  advice?: string;
};

export const ok = (about: string, text: string, advice?: string): Finding =>
  finding("ok", about, text, advice);
export const warning = (about: string, text: string, advice?: string): Finding =>
  finding("warning", about, text, advice);
export const error = (about: string, text: string, advice?: string): Finding =>
  finding("error", about, text, advice);

const finding = (level: Level, about: string, text: string, advice?: string): Finding => ({
  level,
  about,
  text,
  ...(advice === undefined ? {} : { advice }),
});

export function worstOf(findings: readonly Finding[]): Level {
  const levels = new Set(findings.map(({ level }) => level));
  return levels.has("error") ? "error" : levels.has("warning") ? "warning" : "ok";
}
