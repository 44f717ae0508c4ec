import { queryBoolean } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { dailySummaries } from './daily-summaries.ts';
import { dates, optionalPeriod } from './period.ts';
import { forReaders, keyHashIn, rowsWithin } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, detailsMax, tellTruncated } from './truncated.ts';

/** Rows in one answer; older ones are left out, and a header says so. */
const rowsMax = 10_000;

/**
 * GET /spend/logs. Rows in ascending start time; with dates, sums per day unless `summarize=false`.
 * Who may not see the spend of all sees their own, whatever they ask for.
 */
export function spendLogs(deps: SpendDeps): RequestHandler {
  const { reports } = deps;
  return forReaders(deps, async (req, res, reader) => {
    const query = parseQuery(SpendLogsQuery, req.query);
    const hasDates = query.start_date !== undefined || query.end_date !== undefined;
    const period = optionalPeriod(query);

    const keyHash = query.api_key === undefined ? undefined : keyHashIn(req, reader, query.api_key);
    const whose = rowsWithin(reader, { keyHash, userId: query.user_id });
    if (whose === null) {
      res.json([]);
      return;
    }

    if (hasDates && query.summarize && query.request_id === undefined) {
      const sums = await reports.usage({
        of: 'request',
        ...period,
        by: ['day', 'keyHash', 'userId', 'model'],
        where: { keyHash: only(whose.keyHash), userId: only(whose.userId) },
        order: 'fields',
        limit: detailsMax + 1,
      });
      res.json(dailySummaries(atMost(detailsMax, sums, res)));
      return;
    }
    const filter = { ...whose, requestId: query.request_id, ...(hasDates && period) };
    const rows = await reports.rows({ ...filter, limit: rowsMax + 1 });
    if (rows.length > rowsMax) tellTruncated(res);
    res.json(rows.slice(-rowsMax));
  });
}

export const SpendLogsQuery = z.object({
  api_key: Text.optional(),
  user_id: Text.optional(),
  request_id: Text.optional(),
  ...dates,
  summarize: queryBoolean.default(true),
});

function only(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
