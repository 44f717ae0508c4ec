import { refuseUnsupportedOf } from '../unsupported-fields.ts';

/** @throws GatewayError invalid_management_request for what limits have in LiteLLM, and nothing here obeys */
export function refuseUnsupportedOfLimits(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, unsupportedOfLimits, { isNew });
}

const unsupportedOfLimits: Readonly<Record<string, string>> = {
  allowed_models: 'put the models into the list of what has the budget',
  budget_reset_at: 'windows come from the clock and budget_duration alone',
};
