import { useState } from 'react';

import type { TrendEntry, TrendWindow } from '../api/decode.ts';
import { count, growth, score } from '../format/money.ts';
import { hourAndMinute } from '../format/time.ts';
import { fewBefore } from '../live/trends.ts';
import { Choice } from './Choice.tsx';
import { FailingMark } from './FailingMark.tsx';
import { useModel, useWords } from './page.tsx';

/** Names shown of each kind. */
const SHOWN = 5;
/** From here on a change is hardly chance: two standard deviations. */
const REMARKABLE = 2;

/** What is rising, and why it is said to. */
export function Trends() {
  const { t, language } = useWords();
  const trends = useModel((model) => model.trends);
  const [wanted, setWanted] = useState<string | null>(null);
  const windows = trends?.windows ?? [];
  const shown = windows.find((one) => one.window === wanted) ?? windows[0];
  const few = fewBefore(shown);
  const label = (name: string) => (name === '5m' || name === '1h' ? t(`trends.${name}`) : name);
  const window = label(shown?.window ?? '5m');
  return (
    <section className="card trends" aria-labelledby="trends-heading">
      <h2 id="trends-heading">
        {t('trends.heading')}{' '}
        <small>{trends?.asOf == null ? '' : t('trends.sub', { time: hourAndMinute(language, trends.asOf) })}</small>
        <FailingMark topic="trends" />
      </h2>
      <Choice name="window" legend={t('trends.window')} chosen={shown?.window ?? '5m'} onChoose={setWanted}
        choices={(windows.length > 0 ? windows.map((one) => one.window) : ['5m', '1h']).map((name) => [name, label(name)])} />
      <div className="trend-tables">
        <Rising kind={t('trends.products')} entries={rising(shown, 'productsByScore')} mayRise={few === null} />
        <Rising kind={t('trends.cities')} entries={rising(shown, 'citiesByScore')} mayRise={few === null} />
      </div>
      <p className="why">
        {few === null ? t('trends.why', { window }) : t('trends.few', { window, now: count(language, few.now), before: count(language, few.before) })}
      </p>
    </section>
  );
}

function rising(shown: TrendWindow | undefined, kind: 'productsByScore' | 'citiesByScore'): readonly TrendEntry[] {
  return (shown?.[kind] ?? []).filter((entry) => entry.score > 0).slice(0, SHOWN);
}

interface RisingProps {
  readonly kind: string;
  readonly entries: readonly TrendEntry[];
  readonly mayRise: boolean;
}

function Rising({ kind, entries, mayRise }: RisingProps) {
  const { t, language } = useWords();
  const most = Math.max(REMARKABLE, ...entries.map((entry) => entry.score));
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{kind}</th>
          <th scope="col">{t('trends.score')}</th>
          <th scope="col">{t('trends.now')}</th>
          <th scope="col">{t('trends.before')}</th>
          <th scope="col">{t('trends.change')}</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry, rank) => (
          // eslint-disable-next-line react/no-array-index-key
          <tr key={rank} data-remarkable={mayRise && entry.score >= REMARKABLE}
            style={{ '--part': String(entry.score / most) } as React.CSSProperties}>
            <th scope="row" title={entry.name}><bdi>{entry.name}</bdi></th>
            <td className="score">{score(language, entry.score)}</td>
            <td>{count(language, entry.orders)}</td>
            <td>{count(language, entry.previousOrders)}</td>
            <td>{entry.growth == null ? t('trends.new') : growth(language, entry.growth)}</td>
          </tr>
        ))}
        {entries.length === 0 ? <tr><td colSpan={5} className="quiet">{t('trends.none')}</td></tr> : null}
      </tbody>
    </table>
  );
}
