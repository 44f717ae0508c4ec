import { Text } from '@sluice/shared/api/litellm/text.ts';
import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageMeasures, UsageQuery, UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { calledIn, unassigned } from './called.ts';
import { dates, requiredPeriod } from './period.ts';
import { forReaders, keyHashIn, type Reader } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, detailsMax } from './truncated.ts';

/**
 * GET /global/spend/report. By day and team or customer; or by key, also if a key or a user is named. Of customers,
 * only what requests cost that named one.
 *
 * @see litellm-contract.md §4.6
 */
export function globalSpendReport(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (req, res, reader) => {
    const query = parseQuery(SpendReportQuery, req.query);
    const asked = { ...requiredPeriod(query), where: filterOf(query, req, reader), order: 'fields' } as const;
    const ask = async <const Field extends 'day' | 'keyHash' | 'model' | 'teamId' | 'name'>(
      of: UsageQuery<Field>['of'],
      by: readonly Field[],
    ) => atMost(detailsMax, await deps.reports.usage({ ...asked, of, by, limit: detailsMax + 1 }), res);

    if (query.group_by === 'api_key' || query.api_key !== undefined || query.internal_user_id !== undefined) {
      res.json(keyCosts(await ask(query.customer_id === undefined ? 'request' : 'customer', ['keyHash', 'model'])));
    } else if (query.group_by === 'customer' || query.customer_id !== undefined) {
      const sums = await ask('customer', ['day', 'name', 'model', 'keyHash']);
      res.json(
        daysOf(
          sums,
          ({ name }) => name,
          'customers',
          (customer) => ({ customer }),
        ),
      );
    } else {
      const sums = await ask('request', ['day', 'teamId', 'model', 'keyHash']);
      const called = await calledIn(deps, sums);
      const nameOf = (id: string) => (id === '' ? unassigned : called.team(id));
      res.json(
        daysOf(
          sums,
          ({ teamId }) => teamId,
          'teams',
          (id) => ({ team_name: nameOf(id), team_id: id || null }),
        ),
      );
    }
  });
}

export const SpendReportQuery = z.object({
  ...dates,
  group_by: z.enum(['team', 'customer', 'api_key']).default('team'),
  api_key: Text.optional(),
  internal_user_id: Text.optional(),
  team_id: Text.optional(),
  customer_id: Text.optional(),
});
type SpendReportQuery = z.infer<typeof SpendReportQuery>;

function filterOf(query: SpendReportQuery, req: Request, reader: Reader) {
  const only = (value: string | undefined) => (value === undefined ? undefined : [value]);
  return {
    keyHash: only(query.api_key === undefined ? undefined : keyHashIn(req, reader, query.api_key)),
    userId: only(query.internal_user_id),
    teamId: only(query.team_id),
    name: only(query.customer_id),
  };
}

/** @param sums by day, ascending */
function daysOf<Sum extends UsageSum<'day' | 'model' | 'keyHash'>>(
  sums: readonly Sum[],
  groupOf: (sum: Sum) => string,
  groups: 'teams' | 'customers',
  headOf: (group: string) => object,
) {
  return [...Map.groupBy(sums, ({ day }) => day)].map(([day, ofDay]) => ({
    group_by_day: day,
    [groups]: [...Map.groupBy(ofDay, groupOf)].map(([group, own]) => ({
      ...headOf(group),
      total_spend: usdOf(own),
      metadata: own.map(({ model, keyHash, spendNanoUsd, inputTokens, outputTokens }) => ({
        model,
        spend: usdOfSum(spendNanoUsd),
        total_tokens: inputTokens + outputTokens,
        api_key: keyHash,
      })),
    })),
  }));
}

function keyCosts(sums: readonly UsageSum<'keyHash' | 'model'>[]) {
  return [...Map.groupBy(sums, ({ keyHash }) => keyHash)].map(([keyHash, own]) => ({
    api_key: keyHash,
    ...costOf(own),
    model_details: own.map((sum) => ({ model: sum.model, ...costOf([sum]) })),
  }));
}

function costOf(sums: readonly UsageMeasures[]) {
  return {
    total_cost: usdOf(sums),
    total_input_tokens: sums.reduce((total, { inputTokens }) => total + inputTokens, 0),
    total_output_tokens: sums.reduce((total, { outputTokens }) => total + outputTokens, 0),
  };
}

function usdOf(sums: readonly UsageMeasures[]): number {
  return usdOfSum(sums.reduce((total, { spendNanoUsd }) => total + spendNanoUsd, 0n));
}
