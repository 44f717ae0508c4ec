import type { Change } from '../../../audit/audit-line.ts';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import { infoOf } from './key-info-of.ts';

/** A change of a key, for the audit log. One of the two is there. */
export function keyChange(
  action: Change['action'],
  { before, after }: { readonly before: VirtualKey | null; readonly after: VirtualKey | null },
): Change {
  const objectId = (after ?? before)?.hash;
  if (objectId === undefined) throw new Error('A change of no key.');
  return { action, tableName: 'LiteLLM_VerificationToken', objectId, before: shown(before), after: shown(after) };
}

/** As answers show it, without what the books say. */
function shown(key: VirtualKey | null): object | null {
  if (key === null) return null;
  const {
    spend: _spend,
    token_spend: _tokenSpend,
    budget_reset_at: _resetAt,
    ...fields
  } = infoOf({ key, budget: null }, undefined, 0, { timeZone: 'UTC', calendarBudgets: false });
  return { token: key.hash, ...fields };
}
