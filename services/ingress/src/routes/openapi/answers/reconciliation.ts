import { z } from 'zod';
import { time, usd } from './limit-rows.ts';

const day = z.iso.date();

const findings = z.array(
  z.looseObject({
    check: z.string(),
    level: z.enum(['off', 'note']).describe('off: something is wrong.'),
    message: z.string(),
  }),
);

/** What the ledger last found; docs/reconciliation.md explains each field. */
export const Reconciliation = z.object({
  start_date: day,
  end_date: day,
  reconciled: z.boolean().nullable().describe('null: nobody has looked yet, or not at all days.'),
  days_not_checked: z.array(day).describe('Days on which calls began, and at which the ledger has not looked yet.'),
  standing: z
    .object({
      checked_at: time,
      accounts_compared: z.int().nullable(),
      usage_backlog: z.int().nullable(),
      findings,
    })
    .nullable(),
  days: z.array(
    z.object({
      day,
      checked_at: time,
      admissions: z.record(z.string(), z.int()).nullable(),
      rows: z.int(),
      refusals: z.int(),
      spend: usd,
      chain: z.looseObject({ status: z.enum(['whole', 'dropped', 'broken']), blocks: z.int() }).nullable(),
      findings,
    }),
  ),
});
