import type { Change } from '../../../audit/audit-line.ts';
import { withoutBooks } from '../without-books.ts';
import { customerInfoOf } from './customer-info-of.ts';
import type { FoundCustomer } from './customer-info-of.ts';

/** A change of a customer, for the audit log. One of the two is there. */
export function customerChange(
  action: Change['action'],
  { before, after }: { readonly before: FoundCustomer | null; readonly after: FoundCustomer | null },
): Change {
  const objectId = (after ?? before)?.customer.customerId;
  if (objectId === undefined) throw new Error('A change of no customer.');
  return { action, tableName: 'LiteLLM_EndUserTable', objectId, before: shown(before), after: shown(after) };
}

/** With their own limits in it, which have no lines of their own. */
function shown(found: FoundCustomer | null): object | null {
  return found && withoutBooks(customerInfoOf(found, undefined, 0, { timeZone: 'UTC', calendarBudgets: false }));
}
