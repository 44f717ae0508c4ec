import type { Customer } from './customer.ts';
import type { Maker } from './new-budget.ts';

/** A customer as they are when nothing is said of them. */
export function newCustomer(customerId: string, by: Maker): Customer {
  return {
    customerId,
    alias: null,
    blocked: false,
    budgetId: null,
    allowedModelRegion: null,
    defaultModel: null,
    createdAt: by.now,
    createdBy: by.userId,
    updatedAt: by.now,
    updatedBy: by.userId,
  };
}
