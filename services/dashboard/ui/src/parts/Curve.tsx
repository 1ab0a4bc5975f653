import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

import { onLook } from '../look/look.ts';

interface Props {
  /** Seconds since the Unix epoch, and what was then. */
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
  /** What it shows, in words. */
  readonly label: string;
  /** How a value stands at the axis; without it there is no axis. */
  readonly axis?: (value: number) => string;
  /** How a time stands at the axis. */
  readonly time?: (seconds: number) => string;
}

/** A line over the last minutes, in the size of its place. */
export function Curve({ at, values, label, axis, time }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef({ at, values, axis, time });
  const named = axis !== undefined;

  useEffect(() => {
    const reworded = latest.current.axis !== axis;
    latest.current = { at, values, axis, time };
    plot.current?.setData([[...at], [...values]]);
    if (reworded) plot.current?.redraw(false, true);
  }, [at, values, axis, time]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const { width, height } = element.getBoundingClientRect();
    const made = new uPlot(
      options(width, height, named ? latest : null),
      [[...latest.current.at], [...latest.current.values]],
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(([entry]) => {
      if (entry) made.setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    resized.observe(element);
    const forget = onLook(() => made.redraw());
    return () => {
      forget();
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [named]);

  return <div className="curve" ref={place} role="img" aria-label={label} />;
}

type Named = { readonly current: { readonly axis: Props['axis']; readonly time: Props['time'] } };

function options(width: number, height: number, named: Named | null): uPlot.Options {
  return {
    width,
    height,
    padding: named ? [8, 2 * rem(), 0, 0] : [4, 0, 2, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 0.99] } },
    axes: named ? axes(named) : [{ show: false }, { show: false }],
    series: [{}, {
      stroke: (u) => colour(u, '--accent'),
      fill: (u) => colour(u, '--accent-soft'),
      width: 2,
      points: { show: false },
    }],
  };
}

function axes(named: Named): uPlot.Axis[] {
  const common: uPlot.Axis = {
    stroke: (u) => colour(u, '--quiet'),
    font: font(),
    ticks: { show: false },
  };
  return [
    {
      ...common,
      size: 1.7 * rem(),
      space: 6 * rem(),
      incrs: [10, 20, 30, 60, 120, 300],
      grid: { show: false },
      values: (u, ticks) => ticks.map((tick) => (isAtEdge(u, tick) ? '' : named.current.time?.(tick) ?? '')),
    },
    {
      ...common,
      size: 4.6 * rem(),
      space: 1.5 * rem(),
      grid: { stroke: (u) => colour(u, '--line'), width: 1 },
      // without anything to show there is only the line at the bottom
      values: (_, ticks) => ticks.map((tick) => (tick === 0 || tick >= 1 ? named.current.axis?.(tick) ?? '' : '')),
    },
  ];
}

/** Whether a time would stand under the other axis. */
function isAtEdge({ scales }: uPlot, tick: number): boolean {
  const { min = 0, max = 0 } = scales['x'] ?? {};
  return (tick - (min ?? 0)) / ((max ?? 0) - (min ?? 0)) < 0.04;
}

function rem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

/** The font of the axes. */
export function font(): string {
  return `${0.75 * rem()}px system-ui, sans-serif`;
}

/** A colour of the look the page wears now. */
export function colour(u: uPlot, name: string): string {
  return getComputedStyle(u.root).getPropertyValue(name);
}
