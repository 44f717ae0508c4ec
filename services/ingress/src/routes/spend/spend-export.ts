import { once } from 'node:events';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { EachUsageQuery, UsageField, UsageFilter } from '@sluice/shared/ports/spend-reports.ts';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { calledIn } from './called.ts';
import { cellsOf, columnsOf, fieldOf, groupNames, measureCells, type ExportGroupName } from './export-columns.ts';
import { exportFormats } from './export-formats.ts';
import { dates, requiredPeriod, type Period } from './period.ts';
import { forReaders, keyHashIn, within, type Reader } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';

/** Lines of one export; a longer one breaks off, so that nobody takes it for whole. */
const linesMax = 1_000_000;

/** Exports of one ingress at a time: each holds a connection to the database while its client reads. */
const exportsMax = 2;

/** For all of it, and for a client that does not read: the database waits for nobody longer than ten seconds. */
const timeLimitMs = 120_000;
const stallLimitMs = 8_000;

/**
 * GET /spend/export. Charge-back: what was spent in a period by any groups, as CSV or JSON, with all digits, in the
 * order of the groups. Read in one state of the books, and sent as it is read; what cannot be sent whole breaks off.
 */
export function spendExport(deps: SpendDeps): RequestHandler {
  let running = 0;
  return forReaders(deps, async (req, res, reader) => {
    const query = parseQuery(SpendExportQuery, req.query);
    const asked = { ...requiredPeriod(query), of: dimensionOf(query.group_by), by: fieldsOf(query.group_by) };
    const where = within(reader, filterOf(query, req, reader));
    if (running >= exportsMax) {
      throw new GatewayError('overloaded', 'Other exports are running. Try again when they have ended.', {
        retryAfterSeconds: 5,
      });
    }
    running += 1;
    try {
      await exportTo(res, query, { ...asked, where }, deps);
    } finally {
      running -= 1;
    }
  });
}

async function exportTo(
  res: Response,
  { format: name, group_by: names }: SpendExportQuery,
  asked: EachUsageQuery<UsageField>,
  deps: SpendDeps,
): Promise<void> {
  const format = exportFormats[name];
  const columns = columnsOf(names);
  const period = daysOf(asked);
  const leaving = new AbortController();
  res.once('close', () => leaving.abort(new Error('the client has left')));
  const end = AbortSignal.any([leaving.signal, AbortSignal.timeout(timeLimitMs)]);
  let lines = 0;
  await deps.reports.eachUsage(asked, {
    total: async (sum) => {
      const total = measureCells(sum);
      const [spend = '', requests = ''] = total;
      res.set({
        'content-type': format.contentType,
        'content-disposition': `attachment; filename="spend-${period.start}-${period.end}.${name}"`,
        'x-sluice-total-spend-usd': spend,
        'x-sluice-total-requests': requests,
      });
      await send(res, format.head({ ...period, names, columns, total }), end);
    },
    sums: async (sums) => {
      const called = await calledIn(deps, sums);
      const texts = sums.map((sum, index) => format.line(columns, cellsOf(names, sum, called), lines + index === 0));
      lines += sums.length;
      if (lines > linesMax) throw new Error(`an export has more than ${linesMax} lines`);
      await send(res, texts.join(''), end);
    },
  });
  res.end(format.tail);
}

function namesIn(text: string): string[] {
  return [...new Set(text.split(',').map((name) => name.trim()))];
}

export const SpendExportQuery = z.object({
  ...dates,
  group_by: z
    .string()
    .refine((text) => namesIn(text).every((name) => groupNames.some((known) => known === name)), {
      message: `Input should be any of these, with commas between: ${groupNames.join(', ')}`,
      abort: true,
    })
    .meta({ description: `Any of these, with commas between: ${groupNames.join(', ')}.`, examples: ['team,model'] })
    .transform(namesIn)
    .pipe(z.array(z.enum(groupNames))),
  format: z.enum(['csv', 'json']).default('csv'),
  organization_id: Text.optional(),
  team_id: Text.optional(),
  user_id: Text.optional(),
  api_key: Text.optional(),
  model: Text.optional(),
  model_group: Text.optional(),
  provider: Text.optional(),
});
type SpendExportQuery = z.infer<typeof SpendExportQuery>;

function dimensionOf(names: readonly ExportGroupName[]): EachUsageQuery<never>['of'] {
  const [tag, customer] = [names.includes('tag'), names.includes('customer')];
  if (tag && customer) return 'tag and customer';
  return tag ? 'tag' : customer ? 'customer' : 'request';
}

function fieldsOf(names: readonly ExportGroupName[]): readonly UsageField[] {
  return names.map((name) => fieldOf(name, names));
}

function filterOf(query: SpendExportQuery, req: Request, reader: Reader): UsageFilter {
  const only = (value: string | undefined) => (value === undefined ? undefined : [value]);
  return {
    organizationId: only(query.organization_id),
    teamId: only(query.team_id),
    userId: only(query.user_id),
    keyHash: only(query.api_key === undefined ? undefined : keyHashIn(req, reader, query.api_key)),
    model: only(query.model),
    alias: only(query.model_group),
    provider: only(query.provider),
  };
}

/** The first day and the last. */
function daysOf({ from, to }: Period): { start: string; end: string } {
  const [start = '', end = ''] = [from, to - 1].map((time) => new Date(time).toISOString().slice(0, 10));
  return { start, end };
}

/** Waits for a client that reads slowly, but not for ever. */
async function send(res: Response, text: string, end: AbortSignal): Promise<void> {
  end.throwIfAborted();
  if (res.write(text)) return;
  await once(res, 'drain', { signal: AbortSignal.any([end, AbortSignal.timeout(stallLimitMs)]) });
}
