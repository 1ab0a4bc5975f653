// JSON without rounding: whole numbers beyond 2^53 become a bigint.

interface Source {
  readonly source?: string;
}

/** For `JSON.parse`. Browsers that do not tell the source (before 2025) round such numbers. */
export function exact(_key: string, value: unknown, context?: Source): unknown {
  const rounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  const source = context?.source;
  return rounded && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** Parses a whole document. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, exact);
}
