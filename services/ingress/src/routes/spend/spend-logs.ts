import { endOfDay, queryBoolean, queryDay } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Authenticated } from '../../auth/authenticated.ts';
import { hashOf } from '../../auth/hash-key.ts';
import { keyFromHeaders } from '../../auth/key-from-headers.ts';
import { authorize, seesAll } from '../../auth/authorize.ts';
import { parseQuery } from '../../http/parse-body.ts';
import { dailySummaries } from './daily-summaries.ts';
import type { SpendDeps } from './spend-deps.ts';

/** Rows in one answer; older ones are left out, and a header says so. */
const rowsMax = 10_000;

/**
 * GET /spend/logs. Rows in ascending start time; with dates, sums per day unless `summarize=false`.
 * A virtual key sees its own, whatever it asks for.
 */
export function spendLogs({ authenticate, reports, now }: SpendDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const query = parseQuery(SpendLogsQuery, req.query);
    const period = periodOf(query, now());

    // The operator knows the master key, the books its name.
    const isOwn = query.api_key !== undefined && query.api_key === keyFromHeaders(req.headers);
    const asked = isOwn ? authenticated.caller.keyHash : query.api_key && hashOf(query.api_key);
    if (!mayRead(authenticated, asked)) {
      res.json([]);
      return;
    }
    const keyHash = seesAll(authenticated) ? asked : authenticated.caller.keyHash;

    if (period !== null && query.summarize && query.request_id === undefined) {
      const days = await reports.daily({ ...period, keyHash });
      res.json(dailySummaries(days.filter(({ userId }) => query.user_id === undefined || userId === query.user_id)));
      return;
    }
    const filter = { keyHash, userId: query.user_id, requestId: query.request_id, ...period };
    const rows = await reports.rows({ ...filter, limit: rowsMax + 1 });
    if (rows.length > rowsMax) res.set('x-sluice-truncated', 'true');
    res.json(rows.slice(-rowsMax));
  };
}

const SpendLogsQuery = z.object({
  api_key: z.string().optional(),
  user_id: Text.optional(),
  request_id: Text.optional(),
  start_date: queryDay.optional(),
  end_date: queryDay.optional(),
  summarize: queryBoolean.default(true),
});

/** @returns from the first day to the end of the last; null without dates */
function periodOf(
  { start_date: start, end_date: end }: z.infer<typeof SpendLogsQuery>,
  now: number,
): { from: number; to: number } | null {
  if (start === undefined && end === undefined) return null;
  const period = { from: start ?? 0, to: end === undefined ? endOfDay(now) : endOfDay(end) };
  if (period.from < period.to) return period;
  throw new GatewayError('invalid_management_request', 'start_date is after end_date.', { param: 'start_date' });
}

function mayRead(authenticated: Authenticated, asked: string | undefined): boolean {
  return seesAll(authenticated) || asked === undefined || asked === authenticated.caller.keyHash;
}
