import assert from 'node:assert/strict';
import type { Books } from './open-books.ts';

/** Every balance and every daily sum is the sum of the rows below it. */
export async function assertBalanced(books: Pick<Books, 'query'>): Promise<void> {
  for (const [what, { kept, ofRows }] of Object.entries(sums)) {
    assert.deepEqual(await books.query(kept), await books.query(ofRows), what);
  }
}

const dimensions = `day, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type`;
const ofRow = `(started_at at time zone 'UTC')::date as day, key_hash, coalesce(user_id, '') as user_id,
  coalesce(team_id, '') as team_id, coalesce(organization_id, '') as organization_id, model, alias,
  coalesce(provider, '') as provider, call_type`;
const measures = `spend_nano_usd, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, requests_ok,
  requests_failed, cache_hits`;
const measuresOfRows = `sum(cost_nano_usd)::bigint as spend_nano_usd, sum(input_tokens)::bigint as input_tokens,
  sum(output_tokens)::bigint as output_tokens, sum(cached_input_tokens)::bigint as cached_input_tokens,
  sum(reasoning_tokens)::bigint as reasoning_tokens, count(*) filter (where outcome = 'completed') as requests_ok,
  count(*) filter (where outcome <> 'completed') as requests_failed, count(*) filter (where cache_hit) as cache_hits`;
const order = (columns: number) => Array.from({ length: columns }, (_, index) => index + 1).join(', ');

/** Reckoned from the rows, one by one and without the trigger. */
const sums = {
  balances: {
    kept: 'select account_id, window_start, settled_nano_usd as sum from ledger.account_balances order by 1, 2',
    ofRows: `select posting.account_id, window_start, sum(cost_nano_usd)::bigint as sum
      from ledger.spend_rows, unnest(account_ids, window_starts) as posting (account_id, window_start)
      group by 1, 2 order by 1, 2`,
  },
  'daily usage': {
    kept: `select ${dimensions}, ${measures} from ledger.daily_usage_report order by ${order(9)}`,
    ofRows: `select ${ofRow}, ${measuresOfRows} from ledger.spend_rows group by ${order(9)} order by ${order(9)}`,
  },
  'daily usage by tag': {
    kept: `select tag, ${dimensions}, ${measures} from ledger.daily_tag_usage_report order by ${order(10)}`,
    ofRows: `select tag collate "C" as tag, ${ofRow}, ${measuresOfRows}
      from ledger.spend_rows, lateral (select distinct unnest(tags) as tag) as tags
      group by ${order(10)} order by ${order(10)}`,
  },
  'daily usage by customer': {
    kept: `select customer, ${dimensions}, ${measures} from ledger.daily_customer_usage_report order by ${order(10)}`,
    ofRows: `select end_user collate "C" as customer, ${ofRow}, ${measuresOfRows} from ledger.spend_rows
      where end_user <> '' group by ${order(10)} order by ${order(10)}`,
  },
  'daily errors': {
    kept: `select day, error_code, alias, model, provider, deployment_id, api_base, requests
      from ledger.daily_error_report order by ${order(7)}`,
    ofRows: `select (started_at at time zone 'UTC')::date as day, coalesce(error_code, '') as error_code, alias, model,
        coalesce(provider, '') as provider, coalesce(deployment_id, '') as deployment_id,
        coalesce(api_base, '') as api_base, count(*) as requests
      from ledger.spend_rows where outcome <> 'completed' group by ${order(7)} order by ${order(7)}`,
  },
  'the earlier daily sums': {
    kept: `select day, key_hash, user_id, team_id, model, spend_nano_usd, input_tokens, output_tokens, requests_ok,
        requests_failed
      from ledger.daily_spend_report order by ${order(5)}`,
    ofRows: `select (started_at at time zone 'UTC')::date as day, key_hash, coalesce(user_id, '') as user_id,
        coalesce(team_id, '') as team_id, model, sum(cost_nano_usd)::bigint as spend_nano_usd,
        sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
        count(*) filter (where outcome = 'completed') as requests_ok,
        count(*) filter (where outcome <> 'completed') as requests_failed
      from ledger.spend_rows group by ${order(5)} order by ${order(5)}`,
  },
} as const;
