import { type ReactNode, useMemo } from 'react';

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
  const averages = useMemo(() => steps.map(averageOf), [steps]);
  const short = useMemo(() => (value: number) => compact(language, BigInt(Math.round(value))), [language]);
  const full = useMemo(() => (value: number) => count(language, Math.round(value)), [language]);
  const time = useMemo(() => {
    const write = minutes < 10 ? clock : hourAndMinute;
    return (seconds: number) => write(language, seconds * 1000);
  }, [language, minutes]);
  const perMinute = t('lastMinutes', { count: minutes });
  const long = (vnd: bigint) => compact(language, vnd, 4, true);
  const now = orders.at(-1) ?? null;
  const hour = figures?.hour ?? null;
  return (
    <section className="totals" aria-label={t('total')}>
      <Total id="revenue" name={t('revenue')} of={t('total')} amount={figures?.revenue} write={long} unit="₫" reach={perMinute}
        exact={figures && money(language, figures.revenue)} beside={hour === null ? '' : `${compact(language, hour, 3, true)} ₫ ${t('thisHour')}`}>
        <Curve at={at} values={revenue} label={useLabel(t('revenue'), revenue, short, minutes)} axis={short} time={time} />
      </Total>
      <Total id="orders" name={t('orders')} amount={figures?.orders} write={(n) => count(language, n)} reach={perMinute}
        exact={now === null ? null : t('perMinute', { formatted: full(now) })}>
        <Curve at={at} values={orders} label={useLabel(t('orders'), orders, full, minutes)} />
      </Total>
      <Total id="average" name={t('average')} amount={figures?.average} write={long} unit="₫"
        reach={t('averageMinutes', { count: minutes })} exact={figures && money(language, figures.average)}>
        <Curve at={at} values={averages} label={useLabel(t('average'), averages, short, minutes)} />
      </Total>
    </section>
  );
}

interface TotalProps {
  readonly id: string;
  readonly name: string;
  /** Of what it is the sum. */
  readonly of?: string;
  readonly amount: bigint | undefined;
  readonly write: (amount: bigint) => string;
  readonly unit?: string;
  readonly exact: string | null;
  readonly beside?: string;
  /** What the curve covers. */
  readonly reach: string;
  readonly children: ReactNode;
}

function Total({ id, name, of, amount, write, unit, exact, beside, reach, children }: TotalProps) {
  return (
    <article className={`card total ${id === 'revenue' ? 'hero' : ''}`}>
      <h2>{name} {of === undefined ? null : <small>{of}</small>}</h2>
      <p className="figure" id={id}>
        {amount === undefined ? '–' : <data value={String(amount)}>{write(amount)}</data>}
        {unit === undefined || amount === undefined ? '' : <span className="unit"> {unit}</span>}
      </p>
      <p className="exact">
        <span id={`${id}-exact`}>{exact ?? '\u00a0'}</span>
        <span>{beside}</span>
      </p>
      {children}
      <p className="reach">{reach}<StaleMark /></p>
    </article>
  );
}

/** In the corner: as of when, while the figures are not those of now. Its place is always kept. */
function StaleMark() {
  const { t, language } = useWords();
  const time = useModel((model) => {
    const state = stateOf(model);
    const at = asOf(model);
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

/** A curve in words. */
function useLabel(what: string, values: readonly (number | null)[], say: (value: number) => string, minutes: number) {
  const { t } = useWords();
  const known = values.filter((value) => value !== null);
  const now = known.at(-1);
  if (now === undefined) return t('curveUnknown', { what, count: minutes });
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return t('curve', { what, count: minutes, now: say(now), least: say(least), most: say(most) });
}
