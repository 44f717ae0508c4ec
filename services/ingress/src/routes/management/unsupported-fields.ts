import { GatewayError } from '@sluice/shared/errors.ts';

/**
 * Fields of LiteLLM's requests that nothing here obeys yet. To ignore one would give out what may do more, or does
 * something else, than its operator believes, so all but their neutral value is refused.
 */
const unsupportedAnywhere: Readonly<Record<string, string>> = {
  guardrails: 'no guardrail would run',
  content_policy: 'no word would be blocked, and nothing else here blocks words yet, guardrails neither',
  mcp_rpm_limit: 'the limit would not be enforced',
  object_permission: 'the permissions would not be enforced',
  policies: 'no policy would be applied',
  router_settings: 'routing of its own would not be used',
  tag_rpm_limit: 'limits per tag would not be enforced',
};

/** Of keys. */
export const unsupportedOfKeys: Readonly<Record<string, string>> = {
  agent_id: 'there are no agents to attribute its spend to',
  allowed_cache_controls: 'which cache controls a key sends is not checked',
  allowed_passthrough_routes: 'there are no pass-through routes; use allowed_routes',
  allowed_vector_store_indexes: 'there are no vector stores',
  auto_rotate: 'the key would never be rotated',
  config: 'use router_settings of the configuration',
  max_user_budget: 'the budget of a user is max_budget of /user/new and /user/update',
  project_id: 'there are no projects, and their limits would not be enforced',
  prompts: 'there are no prompt templates',
  rotation_interval: 'the key would never be rotated',
  send_invite_email: 'no e-mail is sent',
  throttle_on_budget_exceeded: 'a call over the budget is refused, or given fewer tokens, and never slowed down',
};

/** Of whatever has a budget by reference. */
export const unsupportedOfBudgets: Readonly<Record<string, string>> = {
  budget_reset_at: 'windows follow from budget_duration and the clock',
};

/** The same, set under the reserved names of `metadata`. */
const unsupportedMetadata: Readonly<Record<string, string>> = {
  allowed_tools: 'tools would not be checked',
  guardrails: 'no guardrail would run',
  logging: 'nothing would be logged there, and its credentials would be copied into every spend row',
  model_rpm_limit: 'use the field of that name beside metadata',
  model_tpm_limit: 'use the field of that name beside metadata',
};

/**
 * Fields of LiteLLM's that are neither here nor obeyed ask for what is so anyway (`disable_global_guardrails`); they are
 * ignored like unknown ones.
 *
 * @param body a parsed request body: an object, or nothing
 * @param isNew a new key has spent nothing, so `spend: 0` says nothing; for another it would be a reset
 * @throws GatewayError invalid_management_request
 */
export function refuseUnsupported(body: unknown, { isNew }: { isNew: boolean }): void {
  const fields = membersOf(body);
  refuseAmong(body, unsupportedOfKeys);
  for (const [name, value] of Object.entries(membersOf(fields.permissions))) {
    if (name !== 'get_spend_routes' && !isNeutral(value))
      throw notSupported(`permissions.${name}`, 'it means nothing here');
  }

  refuseSpend(fields, isNew);
}

/**
 * The same of a request for something that is not a key.
 *
 * @param more fields that this kind of thing has, and why they are not supported
 * @throws GatewayError invalid_management_request
 */
export function refuseUnsupportedOf(
  body: unknown,
  more: Readonly<Record<string, string>>,
  { isNew }: { isNew: boolean },
): void {
  refuseAmong(body, more);
  refuseSpend(membersOf(body), isNew);
}

function refuseAmong(body: unknown, more: Readonly<Record<string, string>>): void {
  const fields = membersOf(body);
  refuse(fields, { ...unsupportedAnywhere, ...more }, '');
  refuse(membersOf(fields.metadata), unsupportedMetadata, 'metadata.');
  for (const name of ['rpm_limit_type', 'tpm_limit_type'] as const) {
    if (fields[name] === 'guaranteed_throughput') throw notSupported(name, 'no throughput would be set aside');
    if (fields[name] === 'dynamic') throw notSupported(name, 'a limit always holds');
  }
}

function refuseSpend({ spend }: Members, isNew: boolean): void {
  if (isNeutral(spend) || (isNew && spend === 0)) return;
  throw notSupported(
    'spend',
    'what has been spent is what the booked calls cost; POST /key/{key}/reset_spend sets it back',
  );
}

function refuse(fields: Members, reasons: Readonly<Record<string, string>>, prefix: string): void {
  for (const [name, value] of Object.entries(fields)) {
    const reason = Object.hasOwn(reasons, name) ? reasons[name] : undefined;
    if (reason !== undefined && !isNeutral(value)) throw notSupported(`${prefix}${name}`, reason);
  }
}

function notSupported(param: string, reason: string): GatewayError {
  return new GatewayError('invalid_management_request', `'${param}' is not supported yet: ${reason}. Leave it out.`, {
    param,
  });
}

/**
 * What a field says that says nothing: also an object of nothing else, as LiteLLM's console sends for
 * `object_permission`. 0 is not among them: `soft_budget: 0` asks for an alert.
 */
function isNeutral(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isNeutral);
  return value === undefined || value === null || value === false || value === '';
}

type Members = Readonly<Record<string, unknown>>;

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
