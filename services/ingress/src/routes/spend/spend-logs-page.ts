import { queryInteger, queryUsd } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { SpendLogSort } from '@sluice/shared/ports/spend-reports.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { moments, momentsOrLastDay } from './period.ts';
import { forReaders, keyHashIn, rowsWithin } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { tellTruncated } from './truncated.ts';

/** Rows of a period that one answer is made of; of a longer one the newest are looked at, and a header says so. */
const lookAtMax = 100_000;

/**
 * GET /spend/logs/v2, and the same at /spend/logs/ui. The rows of a period in pages, by any of their fields. Who may
 * not see the spend of all sees their own, whatever they ask for.
 */
export function spendLogsPage(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (req, res, reader) => {
    const query = parseQuery(SpendLogsPageQuery, req.query);
    const { page, page_size: size } = query;
    const offset = (page - 1) * size;
    if (offset > lookAtMax) {
      throw new GatewayError(
        'invalid_management_request',
        `There are no pages beyond ${lookAtMax} rows. Ask about a shorter time.`,
        { param: 'page' },
      );
    }
    const keyHash = query.api_key === undefined ? undefined : keyHashIn(req, reader, query.api_key);
    const whose = rowsWithin(reader, { keyHash, userId: query.user_id });
    const found =
      whose === null
        ? { rows: [], total: 0, complete: true }
        : await deps.reports.logs({
            ...momentsOrLastDay(query, deps.now()),
            where: {
              ...whose,
              teamId: query.team_id,
              requestId: query.request_id,
              sessionIdPart: query.session_id,
              model: query.model,
              deploymentId: query.model_id,
              alias: query.model_group,
              keyAlias: query.key_alias,
              customer: query.end_user,
              status: query.status_filter,
              errorCode: query.error_code,
              errorMessagePart: query.error_message,
              minSpendUsd: query.min_spend,
              maxSpendUsd: query.max_spend,
            },
            sortBy: sorts[query.sort_by],
            descending: query.sort_order === 'desc',
            limit: size,
            offset,
            lookAtMax,
          });
    if (!found.complete) tellTruncated(res);
    res.json({
      data: found.rows,
      total: found.total,
      page,
      page_size: size,
      total_pages: Math.ceil(found.total / size),
    });
  });
}

const sortNames = ['spend', 'total_tokens', 'startTime', 'endTime', 'request_duration_ms', 'model', 'ttft_ms'] as const;

const sorts = {
  spend: 'spend',
  total_tokens: 'totalTokens',
  startTime: 'startTime',
  endTime: 'endTime',
  request_duration_ms: 'durationMs',
  model: 'model',
  ttft_ms: 'timeToFirstToken',
} as const satisfies Record<(typeof sortNames)[number], SpendLogSort>;

export const SpendLogsPageQuery = z.object({
  ...moments,
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: 1_000 }).default(50),
  sort_by: z.enum(sortNames).default('startTime'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  api_key: Text.optional(),
  user_id: Text.optional(),
  team_id: Text.optional(),
  request_id: Text.optional(),
  session_id: Text.optional(),
  model: Text.optional(),
  model_id: Text.optional(),
  model_group: Text.optional(),
  key_alias: Text.optional(),
  end_user: Text.optional(),
  status_filter: z.enum(['success', 'failure']).optional(),
  error_code: Text.optional(),
  error_message: Text.optional(),
  min_spend: queryUsd.optional(),
  max_spend: queryUsd.optional(),
});
