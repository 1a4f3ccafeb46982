// Draws curves as an SVG picture that reads on light and on dark pages.
import { show } from "../lib/figures.ts";
import type { Curve } from "../lib/workload.ts";

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 76, right: 20, top: 64, bottom: 56 };
const COLOURS = ["#2f6fde", "#d9622b", "#3a9d5d", "#8a56c2"];
const GREY = "#888888";
const TICKS = 5;

/** Where a value stands between the ends of an axis, 0 to 1, and the values that are written beside it. */
type Axis = { at(value: number): number; ticks: readonly number[] };

export function chartOf(curve: Curve): string {
  const points = curve.lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map(([x]) => x))].toSorted((a, b) => a - b);
  const ys = points.map(([, y]) => y);
  const x = curve.scale.x === "log" ? logAxis(xs) : evenAxis(xs);
  const y = curve.scale.y === "log" ? logAxis(ys) : linearAxis(ys);
  const left = (value: number) => round(PLOT.left + x.at(value) * (WIDTH - PLOT.left - PLOT.right));
  const top = (value: number) =>
    round(HEIGHT - PLOT.bottom - y.at(value) * (HEIGHT - PLOT.top - PLOT.bottom));

  const parts = [
    text(PLOT.left, 24, curve.title, `font-size="16" font-weight="600"`),
    ...y.ticks.flatMap((tick) => [
      `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${top(tick)}" y2="${top(tick)}" stroke="${GREY}" stroke-opacity="0.3"/>`,
      text(PLOT.left - 8, top(tick) + 4, show(tick), `text-anchor="end"`),
    ]),
    ...x.ticks.map((tick) =>
      text(left(tick), HEIGHT - PLOT.bottom + 20, show(tick), `text-anchor="middle"`),
    ),
    text(WIDTH - PLOT.right, HEIGHT - 12, curve.x, `text-anchor="end"`),
    text(PLOT.left - 8, PLOT.top - 8, curve.y, `text-anchor="end"`),
    ...curve.lines.flatMap(({ name, points: own }, index) => {
      const colour = COLOURS[index % COLOURS.length]!;
      const path = own.map(([px, py]) => `${left(px)},${top(py)}`).join(" ");
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...own.map(
          ([px, py]) =>
            `<circle cx="${left(px)}" cy="${top(py)}" r="3.5" fill="${colour}"><title>${escape(`${show(px)}: ${show(py)} ${curve.y}`)}</title></circle>`,
        ),
        text(WIDTH - PLOT.right, 24 + 16 * index, name, `text-anchor="end" style="fill:${colour}"`),
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escape(curve.title)}">
<style>text { fill: #333333 } @media (prefers-color-scheme: dark) { text { fill: #cccccc } }</style>
${parts.join("\n")}
</svg>
`;
}

/** One step for each value, however far apart they are. */
function evenAxis(values: readonly number[]): Axis {
  const steps = Math.max(1, values.length - 1);
  return { at: (value) => values.indexOf(value) / steps, ticks: values };
}

/** From nothing to a round number above the largest. */
function linearAxis(values: readonly number[]): Axis {
  const largest = Math.max(...values, Number.MIN_VALUE);
  const magnitude = 10 ** Math.floor(Math.log10(largest / TICKS));
  const step = magnitude * [1, 2, 2.5, 5, 10].find((one) => one * magnitude * TICKS >= largest)!;
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index * step);
  return { at: (value) => value / (step * TICKS), ticks };
}

/** Between powers of ten. */
function logAxis(values: readonly number[]): Axis {
  const above = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...above)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...above))));
  return {
    at: (value) => (Math.log10(value) - low) / (high - low),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
  };
}

const text = (x: number, y: number, content: string, attributes: string): string =>
  `<text x="${x}" y="${y}" ${attributes}>${escape(content)}</text>`;

const round = (value: number): number => Math.round(value * 10) / 10;

const escape = (content: string): string =>
  content.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
