/** A length of time as operators write it. Months and years stay apart: they have no fixed length. */
export interface Duration {
  readonly unit: 'second' | 'day' | 'month' | 'year';
  /** A positive integer. */
  readonly count: number;
}

const units: Readonly<Record<string, Duration>> = {
  ...spelt(['s', 'sec', 'secs', 'second', 'seconds'], { unit: 'second', count: 1 }),
  ...spelt(['m', 'min', 'mins', 'minute', 'minutes'], { unit: 'second', count: 60 }),
  ...spelt(['h', 'hr', 'hrs', 'hour', 'hours'], { unit: 'second', count: 3600 }),
  ...spelt(['d', 'day', 'days'], { unit: 'day', count: 1 }),
  ...spelt(['w', 'week', 'weeks'], { unit: 'day', count: 7 }),
  ...spelt(['mo', 'month', 'months'], { unit: 'month', count: 1 }),
};

const words: Readonly<Record<string, Duration>> = {
  hourly: { unit: 'second', count: 3600 },
  daily: { unit: 'day', count: 1 },
  weekly: { unit: 'day', count: 7 },
  monthly: { unit: 'month', count: 1 },
  yearly: { unit: 'year', count: 1 },
};

/** A century: beyond it dates lose their meaning, and far beyond it JavaScript has none. */
const largest = { second: 36_500 * 86_400, day: 36_500, month: 1200, year: 100 } as const;

/**
 * `30s`, `5m`, `24h`, `30d`, `1w`, `1mo`, the same spelt out (`30min`, `30days`), or `monthly` and its kind.
 *
 * @returns null for null, undefined, `""` and `none`: no duration
 * @throws RangeError, fit for clients, for anything else
 * @see litellm-contract.md §2.10
 */
export function parseDuration(text: string | null | undefined): Duration | null {
  if (text === null || text === undefined || text === '' || text === 'none') return null;
  if (Object.hasOwn(words, text)) return words[text] ?? null;

  const [, digits = '', spelling = ''] = /^(\d{1,10})([a-z]{1,7})$/.exec(text) ?? [];
  const unit = Object.hasOwn(units, spelling) ? units[spelling] : undefined;
  const count = Number(digits) * (unit?.count ?? 0);
  if (unit === undefined || count < 1 || count > largest[unit.unit]) {
    throw new RangeError(
      `Invalid duration '${text.slice(0, 40)}'. Use a number with s, m, h, d, w or mo (30s, 5m, 24h, 30d, 1w, 1mo), ` +
        'or hourly, daily, weekly, monthly or yearly; at most 100 years.',
    );
  }
  return { unit: unit.unit, count };
}

/** `time` plus exactly the duration. Months keep the day and time of day (UTC), or take the month's last day. */
export function addDuration(time: number, { unit, count }: Duration): number {
  if (unit === 'second') return time + count * 1000;
  if (unit === 'day') return time + count * 86_400_000;
  return addMonths(time, unit === 'month' ? count : count * 12);
}

function addMonths(time: number, months: number): number {
  const date = new Date(time);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() + months, 1);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return date.setUTCDate(Math.min(day, daysInMonth));
}

function spelt(spellings: readonly string[], unit: Duration): Record<string, Duration> {
  return Object.fromEntries(spellings.map((spelling) => [spelling, unit]));
}
