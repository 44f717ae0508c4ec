import { endOfDay, queryDay } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Reconciliations } from '@sluice/shared/ports/spend-reports.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { authorize } from '../../auth/authorize.ts';
import { parseQuery } from '../../http/parse-body.ts';
import type { SpendDeps } from './spend-deps.ts';

const dayMs = 86_400_000;
const daysMax = 366;

/**
 * GET /spend/reconciliation. What the ledger found when it last held admissions, rows, sums, chain and counters against
 * each other, by UTC day of admission; without dates, of the last 30 days. docs/reconciliation.md explains each field.
 */
export function spendReconciliation({ authenticate, reports, now }: SpendDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const query = parseQuery(ReconciliationQuery, req.query);
    const last = query.end_date ?? Math.floor(now() / dayMs) * dayMs;
    const period = { from: query.start_date ?? last - 29 * dayMs, to: endOfDay(last) };
    if (period.from >= period.to)
      throw new GatewayError('invalid_management_request', 'start_date is after end_date.', { param: 'start_date' });
    if (period.to - period.from > daysMax * dayMs) {
      const message = `A reconciliation covers at most ${daysMax} days.`;
      throw new GatewayError('invalid_management_request', message, { param: 'start_date' });
    }
    const found = await reports.reconciliations(period);
    res.json({ start_date: isoDay(period.from), end_date: isoDay(last), ...shown(found) });
  };
}

export const ReconciliationQuery = z.object({ start_date: queryDay.optional(), end_date: queryDay.optional() });

function shown({ days, standing, unseen }: Reconciliations) {
  const findings = [...days, ...(standing ? [standing] : [])].flatMap((part) => part.findings);
  const isAgreed = standing === null || unseen.length > 0 ? null : true;
  return {
    /** null: nobody has looked yet, at all of it. */
    reconciled: findings.some(({ level }) => level === 'off') ? false : isAgreed,
    days_not_checked: unseen,
    standing: standing && {
      checked_at: standing.checkedAt,
      accounts_compared: standing.accountsCompared,
      usage_backlog: standing.backlog,
      findings: standing.findings,
    },
    days: days.map(({ day, checkedAt, admissions, books, chain, findings: ofDay }) => ({
      day,
      checked_at: checkedAt,
      admissions,
      rows: books.rows,
      refusals: books.refusals,
      spend: nanoUsdToUsd(Number(books.costNanoUsd)),
      chain,
      findings: ofDay,
    })),
  };
}

function isoDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
