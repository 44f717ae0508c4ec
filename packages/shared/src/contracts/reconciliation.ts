import { z } from 'zod';

/** What is held against what; docs/reconciliation.md says what each finding means and what to do. */
export const ReconciliationCheck = z.enum([
  'admissions',
  'witness',
  'expired',
  'booked_once',
  'daily_sums',
  'balances',
  'counters',
  'chain',
  'rejected',
  'undecodable',
]);
export type ReconciliationCheck = z.infer<typeof ReconciliationCheck>;

/** Something that does not agree. */
export const Finding = z.object({
  check: ReconciliationCheck,
  /** note: explained by what is known, nothing to do. off: somebody has to look. */
  level: z.enum(['off', 'note']),
  message: z.string(),
  /** Call ids, account keys and the like, at most 100. */
  items: z.array(z.string()).default([]),
  repaired: z.boolean().default(false),
});
export type Finding = z.infer<typeof Finding>;

/** One UTC day of admission. Money as decimal digits of nano-USD. */
export const DayReconciliation = z.object({
  day: z.string(),
  /** null: nobody counted admissions on this day. */
  admissions: z
    .object({
      admitted: z.int(),
      booked: z.int(),
      voided: z.int(),
      expired: z.int(),
      /** Reservations that are still there. */
      open: z.int(),
      /** Reservations that were open when the counters were lost. */
      lost: z.int(),
    })
    .nullable(),
  books: z.object({ rows: z.int(), refusals: z.int(), costNanoUsd: z.string() }),
  /** null: not verified in this run. */
  chain: z.object({ status: z.enum(['whole', 'dropped', 'broken']), blocks: z.int(), head: z.string() }).nullable(),
  findings: z.array(Finding),
});
export type DayReconciliation = z.infer<typeof DayReconciliation>;

/** What has no day. */
export const StandingReconciliation = z.object({
  /** Accounts whose counters were held against the books; null: admission was not asked. */
  accountsCompared: z.int().nullable(),
  /** Usage events stored and not yet booked; null: the usage log was not asked. */
  backlog: z.int().nullable(),
  findings: z.array(Finding),
});
export type StandingReconciliation = z.infer<typeof StandingReconciliation>;
