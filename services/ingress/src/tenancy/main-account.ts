import type { Account } from '@sluice/shared/contracts/account.ts';
import type { Limited } from './limits.ts';
import { windowOf } from './windows.ts';
import type { WindowRules } from './windows.ts';

/**
 * The account whose spend is shown as a holder's: in the current window of its budget, or the one for all time.
 *
 * @param id `key:<hash>`, `team:<id>`, `member:<team>:<user>` or `user:<id>`
 */
export function mainAccountOf(
  id: string,
  { budgetDuration, createdAt }: Pick<Limited, 'budgetDuration' | 'createdAt'>,
  now: number,
  rules: WindowRules,
): Account {
  return { id, windowStart: windowOf(budgetDuration, createdAt, now, rules)?.start ?? 0 };
}
