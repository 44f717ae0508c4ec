import { z } from 'zod';

/**
 * Something that money is booked on: a key now; a team, a user, an organization, a customer or a model within
 * a key are only more accounts of the same kind. A reset window makes a new account, so nothing is ever zeroed.
 */
export const Account = z.object({
  /** `<kind>:<id>`, for example `key:<sha-256 of the key>`. */
  id: z.string().min(3),
  /** Start of the reset window, epoch milliseconds; 0 for a budget that never resets. */
  windowStart: z.int().nonnegative(),
});
export type Account = z.infer<typeof Account>;

/** One text per account and window; the key of its counters everywhere. */
export function accountKey(account: Account): string {
  return `${account.id}@${account.windowStart}`;
}
