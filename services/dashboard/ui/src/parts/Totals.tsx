import { useMemo } from 'react';

import { compact, count, money } from '../format/money.ts';
import { clock, hourAndMinute } from '../format/time.ts';
import { type Rate, rates, scaleOf } from '../live/curve.ts';
import { asOf, serverNow, stateOf, isCurrent } from '../live/state.ts';
import { Curve } from './Curve.tsx';
import { useModel, useWords } from './page.tsx';

/** Revenue, orders and their average, with the curves of the last minutes. */
export function Totals() {
  const { t, language } = useWords();
  const figures = useModel((model) => model.figures);
  const { steps, minutes } = useSteps();
  const at = useMemo(() => steps.map((step) => step.at), [steps]);
  const revenue = useMemo(() => steps.map((step) => step.revenue), [steps]);
  const orders = useMemo(() => steps.map((step) => step.orders), [steps]);
  const average = useMemo(() => steps.map(averageOf), [steps]);
  const short = useMemo(() => (value: number) => compact(language, BigInt(Math.round(value))), [language]);
  const full = useMemo(() => (value: number) => count(language, Math.round(value)), [language]);
  const time = useMemo(() => {
    const write = minutes < 10 ? clock : hourAndMinute;
    return (seconds: number) => write(language, seconds * 1000);
  }, [language, minutes]);
  const label = useLabel(minutes);
  return (
    <section className="totals" aria-label={t('total')}>
      <article className="card total hero">
        <h2>{t('revenue')}</h2>
        <p className="figure" id="revenue">
          {figures ? <><data value={String(figures.revenue)}>{compact(language, figures.revenue, 4, true)}</data> <span className="unit">₫</span></> : '–'}
        </p>
        <p className="exact">
          <span id="revenue-exact">{figures ? money(language, figures.revenue) : '\u00a0'}</span>
          <span className="beside">{hourNote(figures?.hour, t('thisHour'), (vnd) => compact(language, vnd))}</span>
        </p>
        <Curve at={at} values={revenue} label={label(t('revenue'), revenue, short)} axis={short} time={time} />
        <p className="reach">{t('lastMinutes', { count: minutes })}<StaleMark /></p>
      </article>
      <article className="card total">
        <h2>{t('orders')}</h2>
        <p className="figure" id="orders">
          {figures ? <data value={String(figures.orders)}>{count(language, figures.orders)}</data> : '–'}
        </p>
        <p className="exact">{lastOf(orders, (value) => t('perMinute', { formatted: full(value) }))}</p>
        <Curve at={at} values={orders} label={label(t('orders'), orders, full)} />
        <p className="reach">{t('lastMinutes', { count: minutes })}<StaleMark /></p>
      </article>
      <article className="card total">
        <h2>{t('average')}</h2>
        <p className="figure" id="average">
          {figures ? <><data value={String(figures.average)}>{compact(language, figures.average, 4, true)}</data> <span className="unit">₫</span></> : '–'}
        </p>
        <p className="exact" id="average-exact">{figures ? money(language, figures.average) : '\u00a0'}</p>
        <Curve at={at} values={average} label={label(t('average'), average, short)} />
        <p className="reach">{t('averageMinutes', { count: minutes })}<StaleMark /></p>
      </article>
    </section>
  );
}

/** In the corner: as of when, while the figures are not those of now. Its place is always kept. */
function StaleMark() {
  const { t, language } = useWords();
  const time = useModel((model) => {
    const state = stateOf(model);
    const at = asOf(model, state);
    return isCurrent(state) || at === null ? '' : clock(language, at);
  });
  return <span className="stale-mark">{time === '' ? '' : t('notCurrent', { time })}</span>;
}

/** The steps of the curve; the same ones until there is a new step or a point in one of them. */
function useSteps(): { readonly steps: readonly Rate[]; readonly minutes: number } {
  const points = useModel((model) => model.curve);
  const scale = useModel((model) => scaleOf(model.curve, serverNow(model)));
  const end = useModel((model) => Math.floor(serverNow(model) / scale.step));
  const steps = useMemo(() => rates(points, end * scale.step, scale), [points, end, scale]);
  return { steps, minutes: scale.reach / 60_000 };
}

function averageOf({ revenue, orders }: Rate): number | null {
  return revenue === null || orders === null || orders <= 0 ? null : revenue / orders;
}

function hourNote(vnd: bigint | null | undefined, words: string, short: (vnd: bigint) => string): string {
  return vnd === null || vnd === undefined ? '' : `${short(vnd)} ${words}`;
}

function lastOf(values: readonly (number | null)[], say: (value: number) => string): string {
  const last = values.at(-1) ?? null;
  return last === null ? '\u00a0' : say(last);
}

/** A curve in words. */
function useLabel(minutes: number) {
  const { t } = useWords();
  return (what: string, values: readonly (number | null)[], say: (value: number) => string) => {
    const known = values.filter((value) => value !== null);
    const now = known.at(-1);
    if (now === undefined) return t('curveUnknown', { what, count: minutes });
    const [least, most] = [Math.min(...known), Math.max(...known)];
    return t('curve', { what, count: minutes, now: say(now), least: say(least), most: say(most) });
  };
}
