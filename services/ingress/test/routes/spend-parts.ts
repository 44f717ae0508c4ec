import type { Sql } from '@sluice/shared/ports/sql.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { entityNamesIn } from '../../src/sql/entity-names.ts';
import { deployment, namesOf } from '../models/sample-models.ts';

/** What the spend routes need besides what all management routes have. */
export function spendParts(sql: Sql) {
  return {
    entities: entityNamesIn(sql),
    models: namesOf({
      grok: [deployment('grok', 'oci/xai.grok-4', { info: { access_groups: ['premium'] } })],
      llama: ['oci/meta.llama-3.3-70b-instruct'],
      thinker: [thinker],
      'lab/*': ['oci/*'],
    }),
    prices: loadPriceBook(),
    proxyBudgetNanoUsd: 50_000_000_000,
  };
}

const thinker = deployment('thinker', 'oci/xai.grok-4', {
  price: {
    inputNanoUsdPerMillion: 3_000_000_000,
    cachedInputNanoUsdPerMillion: 750_000_000,
    outputNanoUsdPerMillion: 15_000_000_000,
    reasoningNanoUsdPerMillion: 20_000_000_000,
  },
});
