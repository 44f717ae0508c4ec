import type { CustomerRequest } from '@sluice/shared/api/litellm/customer.ts';
import type { Customer } from '../../../tenancy/customer.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { requireModels } from '../require-models.ts';
import { refuseUnsupportedOf, unsupportedOfBudgets } from '../unsupported-fields.ts';

/** What an operator may set on a customer besides their budget; what is not there stays as it is. */
export type CustomerChanges = Partial<Pick<Customer, 'alias' | 'blocked' | 'allowedModelRegion' | 'defaultModel'>>;

/**
 * What a request sets on a customer, in our words. Only what it names is in the result.
 *
 * @throws GatewayError invalid_management_request for a model that nobody knows
 */
export function customerChangesOf(fields: CustomerRequest, deps: Pick<ManagementDeps, 'models'>): CustomerChanges {
  const { default_model: model } = fields;
  if (model != null) requireModels('default_model', [model], deps);
  return {
    ...(fields.alias !== undefined && { alias: fields.alias }),
    ...(fields.blocked != null && { blocked: fields.blocked }),
    ...(fields.allowed_model_region !== undefined && { allowedModelRegion: fields.allowed_model_region }),
    ...(model !== undefined && { defaultModel: model }),
  };
}

/** @throws GatewayError invalid_management_request for what a customer has in LiteLLM, and nothing here obeys */
export function refuseUnsupportedOfCustomer(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, unsupportedOfBudgets, { isNew });
}
