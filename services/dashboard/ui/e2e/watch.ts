// Watches whether what the page calls current is.

import type { Page } from '@playwright/test';

/** How often the page is looked at, in ms. */
const EVERY_MS = 25;
/** The page writes times in whole seconds, cut. */
const SECOND_MS = 1_000;

/** What the page showed at an instant. */
interface Look {
  /** The time that it says its figures are of, `20:51:03`. */
  readonly asOf: string;
  readonly current: boolean;
  readonly orders: number;
}

/** What is known apart from the page: this many orders were counted, and the API said so, no later than at `at`. */
interface Counted {
  readonly at: number;
  readonly orders: number;
}

export interface Watched {
  /** So many orders are counted now. */
  readonly counted: (orders: number) => void;
  /** How often the page was looked at, and when it showed a figure as current that was not that of the time it said. */
  readonly judge: () => Promise<{ readonly seen: number; readonly wrong: readonly string[] }>;
}

/** Looks at the page from now on. */
export async function watch(page: Page): Promise<Watched> {
  const known: Counted[] = [];
  await page.evaluate((every) => {
    const looks: Look[] = [];
    Object.assign(window, { looks });
    setInterval(() => looks.push({
      asOf: document.querySelector('.as-of .clock')?.textContent ?? '',
      current: document.querySelector('.board')?.getAttribute('data-current') === 'true',
      orders: Number(document.querySelector<HTMLDataElement>('#orders data')?.value),
    }), every);
  }, EVERY_MS);
  return {
    counted: (orders) => known.push({ at: Date.now(), orders }),
    judge: async () => {
      const looks = await page.evaluate(() => (window as unknown as { looks: Look[] }).looks);
      return { seen: looks.length, wrong: looks.flatMap((look) => judge(look, known)) };
    },
  };
}

function judge({ asOf, current, orders }: Look, known: readonly Counted[]): readonly string[] {
  if (!current) return [];
  const of = instant(asOf);
  const due = known.findLast(({ at }) => at < of)?.orders ?? 0;
  return orders >= due ? [] : [`${orders} orders as of ${asOf}, and it were ${due}`];
}

/** The instant of today that a clock at GMT+7 shows so; what is close to it in the future is of yesterday. */
function instant(clock: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  const day = 86_400_000;
  const ofDay = ((hours - 7) * 3_600 + minutes * 60 + seconds) * 1_000;
  const now = Date.now();
  const today = now - (now % day) + ((ofDay + day) % day);
  return today > now + SECOND_MS ? today - day : today;
}
