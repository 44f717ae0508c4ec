import type { Customer } from './customer.ts';
import { madeBy, type Maker } from './history.ts';

/** A customer as they are when nothing is said of them. */
export function newCustomer(customerId: string, by: Maker): Customer {
  return {
    customerId,
    alias: null,
    blocked: false,
    budgetId: null,
    allowedModelRegion: null,
    defaultModel: null,
    ...madeBy(by),
  };
}
