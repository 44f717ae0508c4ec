import type { UsageField, UsageQuery, UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { parseManagementBody, parseQuery } from '../../http/parse-body.ts';
import { calledIn, type Called } from './called.ts';
import { forReaders, keyHashIn, within } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, sumsMax } from './truncated.ts';

/** An endpoint that is one question to the daily sums, and a shape for its answer. */
export interface SumsRoute<Shape extends z.ZodRawShape, Field extends UsageField, Query = z.infer<z.ZodObject<Shape>>> {
  readonly query: z.ZodObject<Shape>;
  /** Sums in the answer at most; `sumsMax` if it does not say. */
  readonly ask: (
    query: Query,
    now: number,
    keyHashOf: KeyHashOf,
  ) => Omit<UsageQuery<Field>, 'limit' | 'offset'> & { readonly max?: number };
  readonly show: (sums: readonly UsageSum<Field>[], called: Called, query: Query, keyHashOf: KeyHashOf) => unknown;
}

/** As the books name it: a key that is named raw or by its hash. */
type KeyHashOf = (rawOrHash: string) => string;

/**
 * What all spent together, or for who may not see that, what they did themselves. The schema of the query, or of a
 * POST's body, stands on what makes the handler, for the document of the API.
 */
export function sumsRoute<const Shape extends z.ZodRawShape, const Field extends UsageField>({
  query: schema,
  ask,
  show,
}: SumsRoute<Shape, Field>): ((deps: SpendDeps) => RequestHandler) & { readonly query: z.ZodObject<Shape> } {
  const create = (deps: SpendDeps) =>
    forReaders(deps, async (req, res, reader) => {
      const query = req.method === 'POST' ? parseManagementBody(schema, req.body) : parseQuery(schema, req.query);
      const keyHashOf = (rawOrHash: string) => keyHashIn(req, reader, rawOrHash);
      const { max = sumsMax, ...asked } = ask(query, deps.now(), keyHashOf);
      const where = within(reader, asked.where ?? {});
      const sums = await deps.reports.usage({ ...asked, where, limit: max + 1 });
      const shown = atMost(max, sums, res);
      res.json(show(shown, await calledIn(deps, shown), query, keyHashOf));
    });
  return Object.assign(create, { query: schema });
}
