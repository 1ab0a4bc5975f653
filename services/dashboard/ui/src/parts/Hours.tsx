import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';

import type { Hour } from '../api/decode.ts';
import { compact, count, money } from '../format/money.ts';
import { hourAndMinute, hourBegin, hourLabel, zone } from '../format/time.ts';
import { onLook } from '../look/look.ts';
import { colour, font } from './Curve.tsx';
import { FailingMark } from './FailingMark.tsx';
import { useModel, useWords } from './page.tsx';

const HOUR_MS = 3_600_000;
const NONE: readonly Hour[] = [];

/** Revenue of each of the last 24 hours. One of them is told in words: the one pointed at, else the newest. */
export function Hours() {
  const { t, language } = useWords();
  const hours = useModel((model) => model.hours) ?? NONE;
  const here = useModel((model) => zone(language, model.now));
  const [picked, setPicked] = useState<number | null>(null);
  const at = picked !== null && picked < hours.length ? picked : hours.length - 1;
  const hour = hours[at];
  const short = useMemo(() => (value: number) => compact(language, BigInt(Math.round(value))), [language]);
  const name = useMemo(() => (index: number) => {
    const begin = hours[index]?.hour;
    return begin === undefined ? '' : hourLabel(language, hourBegin(begin));
  }, [hours, language]);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setPicked(Math.max(0, Math.min(hours.length - 1, at + step)));
  };
  return (
    <section className="card hours" aria-labelledby="hours-heading">
      <h2 id="hours-heading">
        {t('hours.heading')} <small>{t('hours.sub')}, {here}</small><FailingMark topic="hours" />
      </h2>
      <p className="told">
        {hour ? <HourInWords hour={hour} running={at === hours.length - 1} /> : t('hours.none')}
      </p>
      <div className="bars-place" role="slider" tabIndex={0} aria-label={t('hours.chart')} aria-orientation="horizontal"
        aria-valuemin={1} aria-valuemax={Math.max(1, hours.length)} aria-valuenow={Math.max(1, at + 1)}
        aria-valuetext={hour ? `${name(at)}: ${money(language, hour.revenue)}` : t('hours.none')}
        onKeyDown={move} onBlur={() => setPicked(null)}>
        <Bars hours={hours} picked={picked} onPick={setPicked} name={name} axis={short} />
      </div>
      <HourTable hours={hours} />
    </section>
  );
}

/** The same for those who do not see the bars. */
function HourTable({ hours }: { readonly hours: readonly Hour[] }) {
  const { t, language } = useWords();
  return (
    <div className="hidden">
      <table>
        <caption>{t('hours.heading')}</caption>
        <thead>
          <tr><th scope="col">{t('hours.hour')}</th><th scope="col">{t('revenue')}</th><th scope="col">{t('orders')}</th></tr>
        </thead>
        <tbody>
          {hours.map((one) => (
            <tr key={one.hour}>
              <th scope="row">{hourAndMinute(language, hourBegin(one.hour))}</th>
              <td><data value={String(one.revenue)}>{money(language, one.revenue)}</data></td>
              <td>{count(language, one.orders)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HourInWords({ hour, running }: { readonly hour: Hour; readonly running: boolean }) {
  const { t, language } = useWords();
  const begin = hourBegin(hour.hour);
  const [from, to] = [hourAndMinute(language, begin), hourAndMinute(language, begin + HOUR_MS)];
  return (
    <>
      <b>{t('hours.at', { begin: from, end: to })}</b> {running ? t('hours.running') : ''}
      <span className="amount">{money(language, hour.revenue)}</span>
      <span className="quiet">{t('ordersCount', { count: Number(hour.orders), formatted: count(language, hour.orders) })}</span>
    </>
  );
}

interface BarsProps {
  readonly hours: readonly Hour[];
  readonly picked: number | null;
  readonly onPick: (index: number | null) => void;
  readonly name: (index: number) => string;
  readonly axis: (value: number) => string;
}

function Bars(props: BarsProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(props);

  useEffect(() => {
    const reworded = latest.current.axis !== props.axis;
    latest.current = props;
    plot.current?.setData(dataOf(props));
    if (reworded) plot.current?.redraw(false, true);
  }, [props]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const { width, height } = element.getBoundingClientRect();
    const made = new uPlot(options(width, height, latest), dataOf(latest.current), element);
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
  }, []);

  return <div className="curve" ref={place} aria-hidden="true" />;
}

/** Whole hours, the hour that runs, and the one that is picked. */
function dataOf({ hours, picked }: BarsProps): uPlot.AlignedData {
  const revenue = hours.map((hour) => Number(hour.revenue));
  const last = hours.length - 1;
  const only = (wanted: (index: number) => boolean) => revenue.map((value, index) => (wanted(index) ? value : null));
  return [
    hours.map((_, index) => index),
    only((index) => index !== last && index !== picked),
    only((index) => index === last && index !== picked),
    only((index) => index === picked),
  ];
}

function options(width: number, height: number, latest: { readonly current: BarsProps }): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.72, 64], radius: 0.15 });
  const series = (fill: string): uPlot.Series => ({
    fill: (u) => colour(u, fill),
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const axis: uPlot.Axis = { stroke: (u) => colour(u, '--quiet'), font: font(), ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [-0.6, Math.max(0, latest.current.hours.length - 1) + 0.6] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 1.7 * rem,
        space: 2 * rem,
        incrs: [1, 2, 3, 4, 6],
        grid: { show: false },
        values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? latest.current.name(tick) : '')),
      },
      {
        ...axis,
        size: 4.6 * rem,
        space: 2.4 * rem,
        grid: { stroke: (u) => colour(u, '--line'), width: 1 },
        values: (_, ticks) => ticks.map((tick) => latest.current.axis(tick)),
      },
    ],
    series: [{}, series('--bar'), series('--bar-running'), series('--accent')],
    hooks: { setCursor: [(u) => latest.current.onPick(u.cursor.idx ?? null)] },
  };
}
