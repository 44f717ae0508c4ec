import type { Sql } from '@sluice/shared/ports/sql.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { entityNamesIn } from '../../src/sql/entity-names.ts';
import { namesOf } from '../models/sample-models.ts';

/** What the spend routes need besides what all management routes have. */
export function spendParts(sql: Sql) {
  return {
    entities: entityNamesIn(sql),
    models: namesOf({ grok: ['oci/xai.grok-4'], llama: ['oci/meta.llama-3.3-70b-instruct'] }),
    prices: loadPriceBook(),
    proxyBudgetNanoUsd: 50_000_000_000,
  };
}
