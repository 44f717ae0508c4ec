import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import { limitableTags } from '@sluice/shared/contracts/caller.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { LookupCache, type CacheLimits } from '../auth/lookup-cache.ts';
import { noAttribution } from './attribution.ts';
import type { Attribution } from './attribution.ts';
import type { Customer } from './customer.ts';
import type { KnownCustomer, KnownTag } from './principal.ts';

export interface AttributeDeps {
  readonly findCustomer: (id: string) => Promise<KnownCustomer>;
  readonly findTags: () => Promise<ReadonlyMap<string, KnownTag>>;
  /** Makes a row for a customer who has none. */
  readonly meetCustomer: (id: string) => Promise<void>;
  readonly now: () => number;
  readonly cache: CacheLimits;
  readonly onError: (error: unknown) => void;
}

/**
 * Finds out whom a request is for besides the holder of its key.
 *
 * @param isLimited false: of the operator, whose requests nothing refuses, not even that nobody can say
 * @throws GatewayError customer_blocked, or dependency_unavailable when nobody can say
 */
export type Attribute = (origin: RequestOrigin, isLimited: boolean) => Promise<Attribution>;

/** New customers on their way to the database; more get their row when they are met again. */
const meetingsMax = 100;

/** Customers, and all tags, are asked for as keys are: a change is noticed within a second. */
export function createAttribute(deps: AttributeDeps): {
  attribute: Attribute;
  /** What is known of an end user, if anything is; never throws. */
  customerOf: (id: string) => Promise<Customer | null>;
  invalidateAll: () => void;
} {
  const { now, cache: limits } = deps;
  const customers = new LookupCache({ what: 'customer', find: deps.findCustomer, now, limits });
  const tags = new LookupCache({ what: 'tag', find: deps.findTags, now, limits });
  let meetings = 0;

  return {
    async attribute(origin, isLimited) {
      const named = limitableTags(origin);
      if (origin.endUser === null && named.length === 0) return noAttribution;
      const [customer, known] = await Promise.all([
        origin.endUser === null ? null : orNothing(customers.find(origin.endUser), isLimited),
        named.length === 0 ? null : orNothing(tags.find('all'), isLimited),
      ]);
      if (origin.endUser !== null && customer?.customer === null) meet(origin.endUser);
      if (isLimited && customer?.customer?.blocked === true) throw customerBlocked(customer.customer.customerId);
      return {
        customer:
          origin.endUser === null ? null : { id: origin.endUser, ...(customer ?? { customer: null, budget: null }) },
        tags: named.flatMap((name) => known?.get(name) ?? []),
      };
    },
    customerOf: async (id) => (await customers.find(id).catch(() => null))?.customer ?? null,
    invalidateAll() {
      customers.invalidateAll();
      tags.invalidateAll();
    },
  };

  function meet(id: string): void {
    if (meetings >= meetingsMax) return;
    meetings += 1;
    deps
      .meetCustomer(id)
      .then(() => customers.invalidate(id))
      .catch(deps.onError)
      .finally(() => (meetings -= 1));
  }
}

async function orNothing<T>(found: Promise<T | null>, isLimited: boolean): Promise<T | null> {
  return isLimited ? found : found.catch(() => null);
}

/** Contract §5.2. */
function customerBlocked(id: string): GatewayError {
  return new GatewayError(
    'customer_blocked',
    `Authentication Error, User blocked from making LLM API Calls. User=${id}`,
  );
}
