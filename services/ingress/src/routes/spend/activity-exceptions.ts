import { Text } from '@sluice/shared/api/litellm/text.ts';
import { errorCatalog, isErrorCode } from '@sluice/shared/errors.ts';
import type { DailyErrors } from '@sluice/shared/ports/spend-reports.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { shortDate } from './activity.ts';
import { dates, requiredPeriod } from './period.ts';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, detailsMax } from './truncated.ts';

/** GET /global/activity/exceptions. Requests that failed on each day, and those of them with 429. */
export const globalActivityExceptions = exceptionsRoute((errors) => exceptionsOf(errors));

/** GET /global/activity/exceptions/deployment. The same by where they failed; refusals reached no deployment. */
export const globalActivityExceptionsDeployment = exceptionsRoute((errors) =>
  [
    ...Map.groupBy(
      errors.filter(({ deploymentId, apiBase }) => deploymentId !== '' || apiBase !== ''),
      ({ deploymentId, apiBase }) => JSON.stringify([deploymentId, apiBase]),
    ).values(),
  ].map((own) => ({ api_base: own[0]?.apiBase, deployment: own[0]?.deploymentId, ...exceptionsOf(own) })),
);

export const ExceptionsQuery = z.object({ ...dates, model_group: Text.optional() });

function exceptionsRoute(show: (errors: readonly DailyErrors[]) => unknown): (deps: SpendDeps) => RequestHandler {
  return (deps) =>
    forReaders(deps, async (req, res) => {
      const { model_group: alias, ...query } = parseQuery(ExceptionsQuery, req.query);
      const found = await deps.reports.errors({ ...requiredPeriod(query), limit: detailsMax + 1 });
      const errors = atMost(detailsMax, found, res);
      res.json(show(errors.filter((error) => alias === undefined || error.alias === alias)));
    });
}

function exceptionsOf(errors: readonly DailyErrors[]) {
  const days = [...Map.groupBy(errors, ({ day }) => day)].map(([day, own]) => ({
    date: shortDate(day),
    num_rate_limit_exceptions: countOf(own.filter(isRateLimit)),
    num_exceptions: countOf(own),
  }));
  return {
    daily_data: days,
    sum_num_rate_limit_exceptions: countOf(errors.filter(isRateLimit)),
    sum_num_exceptions: countOf(errors),
  };
}

function isRateLimit({ errorCode }: DailyErrors): boolean {
  return isErrorCode(errorCode) && errorCatalog[errorCode].status === 429;
}

function countOf(errors: readonly DailyErrors[]): number {
  return errors.reduce((sum, { requests }) => sum + requests, 0);
}
