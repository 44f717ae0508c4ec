import { queryBoolean } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { dailySummaries } from './daily-summaries.ts';
import { dates, optionalPeriod } from './period.ts';
import { forEverybody, keyHashIn } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, detailsMax, tellTruncated } from './truncated.ts';

/** Rows in one answer; older ones are left out, and a header says so. */
const rowsMax = 10_000;

/**
 * GET /spend/logs. Rows in ascending start time; with dates, sums per day unless `summarize=false`.
 * A virtual key sees its own, whatever it asks for.
 */
export function spendLogs(deps: SpendDeps): RequestHandler {
  const { reports } = deps;
  return forEverybody(deps, async (req, res, reader) => {
    const query = parseQuery(SpendLogsQuery, req.query);
    const hasDates = query.start_date !== undefined || query.end_date !== undefined;
    const period = optionalPeriod(query);

    const asked = query.api_key === undefined ? undefined : keyHashIn(req, reader, query.api_key);
    if (reader.ownKey !== undefined && asked !== undefined && asked !== reader.ownKey) {
      res.json([]);
      return;
    }
    const keyHash = reader.ownKey ?? asked;

    if (hasDates && query.summarize && query.request_id === undefined) {
      const sums = await reports.usage({
        of: 'request',
        ...period,
        by: ['day', 'keyHash', 'userId', 'model'],
        where: { keyHash: only(keyHash), userId: only(query.user_id) },
        order: 'fields',
        limit: detailsMax + 1,
      });
      res.json(dailySummaries(atMost(detailsMax, sums, res)));
      return;
    }
    const filter = { keyHash, userId: query.user_id, requestId: query.request_id, ...(hasDates && period) };
    const rows = await reports.rows({ ...filter, limit: rowsMax + 1 });
    if (rows.length > rowsMax) tellTruncated(res);
    res.json(rows.slice(-rowsMax));
  });
}

const SpendLogsQuery = z.object({
  api_key: Text.optional(),
  user_id: Text.optional(),
  request_id: Text.optional(),
  ...dates,
  summarize: queryBoolean.default(true),
});

function only(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
