import type { Row } from './row.ts';

/** For rows without what comes of windows: they only decide what is left out again. */
export const anyWindows = { timeZone: 'UTC', calendarBudgets: false };

/** What the books and the clock say; the last two within what limits it. */
const ofBooks: ReadonlySet<string> = new Set(['spend', 'budget_reset_at', 'reset_at']);
const limitFields: ReadonlySet<string> = new Set(['budget_limits', 'team_member_budget_table', 'litellm_budget_table']);

/** As answers show it, without what no administrator has said. */
export function withoutBooks(row: object): Row {
  const said = Object.entries(row).filter(([name]) => !ofBooks.has(name));
  return Object.fromEntries(
    said.map(([name, value]: [string, unknown]) => [name, limitFields.has(name) ? limitsWithoutBooks(value) : value]),
  );
}

function limitsWithoutBooks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(limitsWithoutBooks);
  return typeof value === 'object' && value !== null ? withoutBooks(value) : value;
}
