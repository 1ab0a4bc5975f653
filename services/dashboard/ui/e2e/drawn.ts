// What a curve draws, taken from the calls that draw it, and what it has to draw by what the API answers.

import type { Page } from '@playwright/test';

/** An entry of `/api/stats/recent`. */
export interface Totals {
  readonly at: string;
  readonly totalRevenue: number;
}

/** A curve's points as parts of its highest, from left to right, with their places in parts of its width. */
export interface Drawn {
  readonly heights: readonly number[];
  readonly places: readonly number[];
}

interface Path {
  readonly points: (readonly [number, number])[];
}

interface Seen {
  readonly drawn: Record<string, Drawn>;
  readonly written: Record<string, string[]>;
}

/** Remembers from the next load on what is drawn last in the card of each figure. */
export async function rememberCurves(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const curves: Record<string, Drawn> = {};
    const paths = new WeakMap<Path2D, Path>();
    const lines = new WeakMap<HTMLCanvasElement, Path>();
    const written: Record<string, string[]> = {};
    Object.assign(window, { drawn: curves, written });
    for (const call of ['moveTo', 'lineTo'] as const) {
      const original = Path2D.prototype[call];
      Path2D.prototype[call] = function record(x, y) {
        const path = paths.get(this) ?? { points: [] };
        path.points.push([x, y]);
        paths.set(this, path);
        original.call(this, x, y);
      };
    }
    const shape = (points: Path['points'], bottom: number): Drawn => {
      const [left, right] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
      const most = Math.max(...points.map(([, y]) => bottom - y));
      return {
        heights: points.map(([, y]) => (bottom - y) / most),
        places: points.map(([x]) => (x - left) / (right - left)),
      };
    };
    const idOf = ({ canvas }: CanvasRenderingContext2D) => canvas.closest('.total')?.querySelector('.figure')?.id;
    const { stroke, fill, fillText, clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function forget(...args) {
      written[idOf(this) ?? ''] = [];
      Reflect.apply(clearRect, this, args);
    };
    CanvasRenderingContext2D.prototype.fillText = function record(text, ...place) {
      written[idOf(this) ?? '']?.push(text);
      Reflect.apply(fillText, this, [text, ...place]);
    };
    // the area under the line is the line, closed along the bottom: what it has more is at the bottom
    CanvasRenderingContext2D.prototype.fill = function record(...args: unknown[]) {
      const [path] = args;
      const bottom = path instanceof Path2D ? paths.get(path) : undefined;
      if (bottom) lines.set(this.canvas, bottom);
      Reflect.apply(fill, this, args);
    };
    CanvasRenderingContext2D.prototype.stroke = function record(...args: unknown[]) {
      const [path] = args;
      const points = (path instanceof Path2D ? paths.get(path) : undefined)?.points ?? [];
      const bottom = lines.get(this.canvas)?.points.at(-1)?.[1];
      const id = idOf(this);
      if (id !== undefined && bottom !== undefined && points.length > 1) curves[id] = shape(points, bottom);
      Reflect.apply(stroke, this, args);
    };
  });
}

/** What is drawn now in the card of a figure. */
export async function drawn(page: Page, id: string): Promise<Drawn> {
  return page.evaluate((name) => (window as unknown as Seen).drawn[name] ?? { heights: [], places: [] }, id);
}

/** What stands at the axes now in the card of a figure. */
export async function axes(page: Page, id: string): Promise<string[]> {
  return page.evaluate((name) => (window as unknown as Seen).written[name] ?? [], id);
}

/** VND a minute in each step that is known, up to `end`, both in ms: what grew between totals, each of the last before. */
export function revenueASteps(recent: readonly Totals[], end: number, { reach, step }: { readonly reach: number; readonly step: number }): number[] {
  const before = (time: number) => recent.findLast(({ at }) => Date.parse(at) <= time)?.totalRevenue;
  const ends = Array.from({ length: reach / step }, (_, n) => end - reach + (n + 1) * step);
  return ends.flatMap((time) => {
    const [from, to] = [before(time - step), before(time)];
    return from === undefined || to === undefined ? [] : [((to - from) * 60_000) / step];
  });
}
