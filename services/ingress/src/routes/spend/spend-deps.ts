import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { PriceBook } from '@sluice/shared/prices/price-book.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { Names } from '../../models/named-models.ts';
import type { EntityNames } from '../../sql/entity-names.ts';
import type { Tenancy } from '../../sql/tenancy-tables.ts';
import type { VirtualKeys } from '../../sql/virtual-keys.ts';
import type { createScopeOf } from '../../tenancy/scope.ts';
import type { WindowRules } from '../../tenancy/windows.ts';

/** What the endpoints for spend are made of. */
export interface SpendDeps {
  readonly authenticate: Authenticate;
  readonly keys: Pick<VirtualKeys, 'findMany' | 'list'>;
  readonly tenancy: Pick<Tenancy, 'budgets' | 'users'>;
  readonly scopeOf: ReturnType<typeof createScopeOf>;
  readonly entities: EntityNames;
  /** How the windows of budgets begin. */
  readonly windows: WindowRules;
  readonly reports: SpendReports;
  /** What prices are known of. */
  readonly models: Pick<Names, 'resolve'>;
  readonly prices: Pick<PriceBook, 'find'>;
  /** Of everybody together; null: none. */
  readonly proxyBudgetNanoUsd: number | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
