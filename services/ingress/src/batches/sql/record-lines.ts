import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { HeldBatch } from '../batch.ts';

/** What became of a line. */
export interface LineResult {
  readonly line: number;
  readonly statusCode: number;
  /** The line of the output or error file, without the line break. */
  readonly result: string;
  /** What its answer says; a line without an answer says nothing. */
  readonly usage: Usage;
  /** Of all calls that were made for it, also where it failed. */
  readonly costNanoUsd: number;
}

/**
 * Stores results where there is none yet, and counts those in the batch, in one statement.
 *
 * @returns false: the batch is no longer held, and nothing was stored
 */
export async function recordLines(
  sql: Sql,
  { batchId, leaseEpoch }: HeldBatch,
  results: readonly LineResult[],
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `with held as (
       select batch_id from ingress.batches
       where batch_id = $1 and lease_epoch = $2 and status in ('in_progress', 'cancelling')
       for update
     ),
     given as (
       select * from unnest($3::integer[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
           $9::bigint[], $10::bigint[])
         as given (line, status_code, result, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
           cost_nano_usd)
     ),
     written as (
       update ingress.batch_lines as line set status_code = given.status_code, result = given.result
       from held, given
       -- Which lines, said so that the key finds them: a batch that was just checked is in no statistics, and a join
       -- alone then reads all lines of the batch, for each chunk.
       where line.batch_id = $1 and line.line = any ($3::integer[]) and line.line = given.line
         and line.status_code is null
       returning given.*
     ),
     sums as (
       select count(*) filter (where status_code = 200) as completed,
         count(*) filter (where status_code <> 200) as failed,
         coalesce(sum(input_tokens), 0) as input_tokens,
         coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
         coalesce(sum(output_tokens), 0) as output_tokens,
         coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
         coalesce(sum(cost_nano_usd), 0) as cost_nano_usd
       from written
     )
     update ingress.batches as batch
     set completed_lines = batch.completed_lines + sums.completed,
       failed_lines = batch.failed_lines + sums.failed,
       input_tokens = batch.input_tokens + sums.input_tokens,
       cached_input_tokens = batch.cached_input_tokens + sums.cached_input_tokens,
       output_tokens = batch.output_tokens + sums.output_tokens,
       reasoning_tokens = batch.reasoning_tokens + sums.reasoning_tokens,
       cost_nano_usd = batch.cost_nano_usd + sums.cost_nano_usd
     from held, sums
     where batch.batch_id = held.batch_id`,
    [
      batchId,
      leaseEpoch,
      results.map(({ line }) => line),
      results.map(({ statusCode }) => statusCode),
      results.map(({ result }) => result),
      results.map(({ usage }) => usage.inputTokens),
      results.map(({ usage }) => usage.cachedInputTokens),
      results.map(({ usage }) => usage.outputTokens),
      results.map(({ usage }) => usage.reasoningTokens),
      results.map(({ costNanoUsd }) => costNanoUsd),
    ],
  );
  return rowCount === 1;
}
