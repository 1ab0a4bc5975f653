import { LIST_LENGTH } from '../api/client.ts';
import { compact, count, money, percent } from '../format/money.ts';
import type { Topic } from '../live/model.ts';
import { FailingMark } from './FailingMark.tsx';
import { useModel, useWords } from './page.tsx';

/** Revenue by city. */
export function Cities() {
  const { t, language } = useWords();
  const cities = useModel((model) => model.cities);
  const all = cities?.reduce((sum, city) => sum + city.revenue, 0n) ?? 0n;
  const entries = cities?.map(({ city, revenue }) => ({
    name: city,
    amount: revenue,
    text: `${compact(language, revenue, 4, true)} ₫`,
    exact: money(language, revenue),
    beside: all > 0n ? percent(language, ratio(revenue, all)).replace('+', '') : '',
  }));
  return (
    <Ranking id="cities" topic="cities" heading={t('cities.heading')} name={t('cities.city')} amount={t('revenue')}
      beside={t('cities.share')} entries={entries ?? null} />
  );
}

/** Products by orders. */
export function Products() {
  const { t, language } = useWords();
  const products = useModel((model) => model.products);
  const entries = products?.map(({ product, orders }) => ({
    name: product,
    amount: orders,
    text: count(language, orders),
    exact: count(language, orders),
    beside: '',
  }));
  return (
    <Ranking id="products" topic="products" heading={t('products.heading')} name={t('products.product')}
      amount={t('orders')} beside="" entries={entries ?? null} />
  );
}

interface Entry {
  readonly name: string;
  readonly amount: bigint;
  readonly text: string;
  readonly exact: string;
  readonly beside: string;
}

interface Props {
  readonly id: string;
  readonly topic: Topic;
  readonly heading: string;
  readonly name: string;
  readonly amount: string;
  readonly beside: string;
  readonly entries: readonly Entry[] | null;
}

/** Names by an amount, most first. Rows stay where they are and take other names, so that nothing jumps. */
function Ranking({ id, topic, heading, name, amount, beside, entries }: Props) {
  const { t } = useWords();
  const most = entries?.[0]?.amount ?? 0n;
  return (
    <section className={`card ranking ${id}`} aria-labelledby={`${id}-heading`}>
      <h2 id={`${id}-heading`}>
        {heading}
        {entries !== null && entries.length >= LIST_LENGTH ? <small>{LIST_LENGTH}</small> : null}
        <FailingMark topic={topic} />
      </h2>
      <div className="scroller" role="group" aria-labelledby={`${id}-heading`} tabIndex={0}>
        <table id={id}>
          <thead className="hidden">
            <tr>
              <th scope="col">{name}</th>
              <th scope="col">{amount}</th>
              {beside === '' ? null : <th scope="col">{beside}</th>}
            </tr>
          </thead>
          <tbody>
            {entries?.map((entry, rank) => (
              // eslint-disable-next-line react/no-array-index-key
              <tr key={rank} style={{ '--part': String(ratio(entry.amount, most)) } as React.CSSProperties}>
                <th scope="row" title={entry.name}><bdi>{entry.name}</bdi></th>
                <td title={entry.exact}><data value={String(entry.amount)}>{entry.text}</data></td>
                {beside === '' ? null : <td className="beside">{entry.beside}</td>}
              </tr>
            ))}
          </tbody>
        </table>
        {entries?.length === 0 ? <p className="quiet">{t('hours.none')}</p> : null}
      </div>
    </section>
  );
}

function ratio(part: bigint, whole: bigint): number {
  return whole > 0n ? Number((part * 10_000n) / whole) / 10_000 : 0;
}
