import { count, score } from '../format/money.ts';
import { clock, zone } from '../format/time.ts';
import { asOf, lagOf, serverNow, stateOf } from '../live/state.ts';
import { useModel, useWords } from './page.tsx';

/** How the pipeline is: what its state means, as of when figures are, and what waits. */
export function PipelineState() {
  const { t, language } = useWords();
  const model = useModel((whole) => whole);
  const state = stateOf(model);
  const { orders, seconds } = lagOf(model);
  const at = asOf(model);
  const time = at === null ? '–' : clock(language, at);
  const needs = state.is === 'impaired' ? state.needs.join(', ') : '';
  const unknown = t('pipeline.unknown');
  return (
    <section className="pipeline" data-state={state.is} aria-label={t('pipeline.heading')}>
      <p>{t(`state.explain.${state.is}`, { time, needs })}</p>
      <dl>
        <div>
          <dt>{t('pipeline.asOf')}</dt>
          <dd className="as-of"><span className="clock">{time}</span> <span className="zone">{zone(language, serverNow(model))}</span></dd>
        </div>
        <div>
          <dt>{t('pipeline.waiting')}</dt>
          <dd>{orders === null ? unknown : count(language, orders)}</dd>
        </div>
        <div>
          <dt>{t('pipeline.lag')}</dt>
          <dd>{seconds === null ? unknown : t('pipeline.seconds', { formatted: score(language, seconds) })}</dd>
        </div>
      </dl>
    </section>
  );
}
