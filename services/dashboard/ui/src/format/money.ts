// Numbers and money as people of the page's language write them.

export type Language = 'vi' | 'en';

const LOCALE: Record<Language, string> = { vi: 'vi-VN', en: 'en-GB' };

/** The locale that dates and numbers of a language are written in. */
export function localeOf(language: Language): string {
  return LOCALE[language];
}

const MOST_DECIMALS = 3;

interface Formats {
  readonly count: Intl.NumberFormat;
  readonly percent: Intl.NumberFormat;
  readonly score: Intl.NumberFormat;
  readonly decimals: readonly Intl.NumberFormat[];
}

const formats: Record<Language, Formats> = { vi: formatsOf('vi-VN'), en: formatsOf('en-GB') };

function formatsOf(locale: string): Formats {
  const decimals = Array.from({ length: MOST_DECIMALS + 1 }, (_, digits) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return {
    count: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    percent: new Intl.NumberFormat(locale, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 }),
    score: new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    decimals,
  };
}

/** `25.000.000 ₫` or `25,000,000 ₫`, to the last đồng. */
export function money(language: Language, vnd: bigint): string {
  return `${formats[language].count.format(vnd)}\u00a0₫`;
}

/** `1.234.567`. */
export function count(language: Language, n: bigint | number): string {
  return formats[language].count.format(n);
}

/** `+25 %`; 0.25 is 25 per cent. */
export function percent(language: Language, ratio: number): string {
  return formats[language].percent.format(ratio);
}

/** How much more than before: `+25 %`, or `×15` where a percentage says nothing any more. */
export function growth(language: Language, ratio: number): string {
  return ratio < 9.995 ? percent(language, ratio) : `×${count(language, Math.round(ratio + 1))}`;
}

/** One decimal. */
export function score(language: Language, n: number): string {
  return formats[language].score.format(n);
}

// Vietnamese counts in thousands of `tỷ` beyond it, as everyone does with budgets: 3.158 tỷ, not 3,158 nghìn tỷ.
const UNITS: Record<Language, readonly (readonly [bigint, string])[]> = {
  vi: [[10n ** 9n, '\u00a0tỷ'], [10n ** 6n, '\u00a0triệu'], [10n ** 3n, '\u00a0nghìn']],
  en: [[10n ** 12n, 'T'], [10n ** 9n, 'B'], [10n ** 6n, 'M'], [10n ** 3n, 'K']],
};

/**
 * `1,2 tỷ` or `1.2B`: at most `significant` digits, whole units aside; cut and not rounded up, so that a goal is not
 * shown as reached before it is. `even` keeps zeros at the end, so that numbers below each other line up. Without the
 * currency's sign.
 */
export function compact(language: Language, vnd: bigint, significant = 3, even = false): string {
  if (vnd < 0n) return `−${compact(language, -vnd, significant, even)}`;
  const [unit, name] = UNITS[language].find(([size]) => vnd >= size) ?? [1n, ''];
  const wholeDigits = String(vnd / unit).length;
  let decimals = unit === 1n ? 0 : Math.max(0, Math.min(MOST_DECIMALS, significant - wholeDigits));
  let cut = (vnd * 10n ** BigInt(decimals)) / unit;
  for (; decimals > 0 && cut % 10n === 0n; decimals -= 1) {
    if (even) break;
    cut /= 10n;
  }
  const text = formats[language].decimals[decimals]?.format(Number(cut) / 10 ** decimals);
  return `${text ?? ''}${name}`;
}
