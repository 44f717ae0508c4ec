import { KeyGenerateRequest } from '../api/litellm/key.ts';
import { UserFields } from '../api/litellm/user.ts';
import { countedTokens } from '../contracts/counted-tokens.ts';
import { maxBudgetUsd, usdToNanoUsd } from '../money.ts';
import { parseDuration } from '../time/duration.ts';
import { checkKeys } from './check-keys.ts';
import type { KeySettings, TenancySettings } from './tenancy-config.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

interface Sections {
  readonly litellm: Section;
  readonly general: Section;
  readonly sluice: Section;
}

/** Budgets of the whole proxy and of customers, how budget windows are counted, and what shapes new keys. */
export function readTenancySettings({ litellm, general, sluice }: Sections): TenancySettings {
  return {
    timeZone: readTimeZone(litellm),
    calendarBudgets: sluice.boolean('calendar_budgets') ?? false,
    proxyBudget: {
      maxBudgetNanoUsd: readBudget(litellm, 'max_budget'),
      budgetDuration: readDuration(litellm, 'budget_duration'),
    },
    proxyMaxParallelRequests: general.number('global_max_parallel_requests', { integer: true, min: 1 }),
    countedTokens: general.oneOf('token_rate_limit_type', countedTokens) ?? 'total',
    requiresEndUser: general.boolean('enforce_user_param') ?? false,
    customers: {
      maxBudgetNanoUsd: readBudget(litellm, 'max_end_user_budget'),
      budgetId: litellm.string('max_end_user_budget_id'),
      headers: readCustomerHeaders(general),
    },
    tags: {
      headers: readTagHeaders(litellm),
      hasUserAgent: litellm.boolean('disable_add_user_agent_to_request_tags') !== true,
    },
    keys: readKeySettings(litellm, general),
    users: { defaults: readUserDefaults(litellm) },
  };
}

function readTimeZone(section: Section): string {
  const timeZone = section.string('timezone') ?? 'UTC';
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch {
    section.problem('timezone', `expected an IANA name such as Europe/Berlin, got ${section.got('timezone')}`);
  }
  return timeZone;
}

function readBudget(section: Section, key: string): number | null {
  const usd = section.number(key, { min: 0, max: maxBudgetUsd });
  return usd === null ? null : usdToNanoUsd(usd);
}

function readDuration(section: Section, key: string): string | null {
  const text = section.string(key);
  try {
    return parseDuration(text) === null ? null : text;
  } catch (cause) {
    section.problem(key, cause instanceof Error ? cause.message : 'no duration');
    return null;
  }
}

/** Headers that name a request's customer, lower case. */
function readCustomerHeaders(general: Section): readonly string[] {
  const mapped = general.list('user_header_mappings').flatMap(({ value }): unknown[] => {
    if (typeof value !== 'object' || value === null || !('header_name' in value)) return [undefined];
    const role = 'litellm_user_role' in value ? value.litellm_user_role : 'customer';
    return role === 'customer' ? [value.header_name] : [];
  });
  if (!mapped.every((name) => typeof name === 'string')) {
    general.problem('user_header_mappings', 'expected a list of mappings with header_name');
    return [];
  }
  const single = general.string('user_header_name');
  return [...mapped, ...(single === null ? [] : [single])].map((name) => name.toLowerCase());
}

/** What may hold a secret, which would be in the books for ever. */
const secretHeaders =
  /^(?:authorization|cookie|proxy-authorization|ocp-apim-subscription-key|.*(?:api-?key|token|secret|password).*)$/i;

function readTagHeaders(litellm: Section): readonly string[] {
  const key = 'extra_spend_tag_headers';
  const names = readTexts(litellm, key);
  const secret = names.find((name) => secretHeaders.test(name));
  if (secret === undefined) return names;
  litellm.problem(key, `${secret} may hold a secret: it would be in every spend row`);
  return [];
}

function readKeySettings(litellm: Section, general: Section): KeySettings {
  const upperBounds = litellm.section('upperbound_key_generate_params');
  checkKeys(upperBounds, vocabularies.upperBounds);
  const generation = litellm.section('key_generation_settings');
  checkKeys(generation, vocabularies.keyGeneration);
  const count = { integer: true, min: 0 } as const;
  return {
    upperBounds: {
      max_budget: upperBounds.number('max_budget', { min: 0, max: maxBudgetUsd }),
      budget_duration: readDuration(upperBounds, 'budget_duration'),
      duration: readDuration(upperBounds, 'duration'),
      max_parallel_requests: upperBounds.number('max_parallel_requests', count),
      tpm_limit: upperBounds.number('tpm_limit', count),
      rpm_limit: upperBounds.number('rpm_limit', count),
    },
    defaults: readKeyDefaults(litellm),
    forTeams: readKeyMakers(generation, 'team_key_generation', 'allowed_team_member_roles'),
    personal: readKeyMakers(generation, 'personal_key_generation', 'allowed_user_roles'),
    checksAliasFormat: litellm.boolean('enable_key_alias_format_validation') ?? false,
    needsTeam: general.boolean('default_team_disabled') ?? false,
  };
}

function readKeyDefaults(litellm: Section): Readonly<Record<string, unknown>> {
  const defaults = litellm.mapping('default_key_generate_params') ?? {};
  const parsed = KeyGenerateRequest.safeParse(defaults);
  const issue = parsed.error?.issues[0];
  if (issue) litellm.problem('default_key_generate_params', `${issue.path.join('.')}: ${issue.message}`);
  return defaults;
}

/** The older names go before the newer one only where that says nothing. */
function readUserDefaults(litellm: Section): UserFields {
  const max_budget = litellm.number('max_internal_user_budget', { min: 0, max: maxBudgetUsd });
  const budget_duration = readDuration(litellm, 'internal_user_budget_duration');
  const parsed = UserFields.safeParse(litellm.mapping('default_internal_user_params') ?? {});
  const issue = parsed.error?.issues[0];
  if (issue) litellm.problem('default_internal_user_params', `${issue.path.join('.')}: ${issue.message}`);
  return {
    ...(max_budget !== null && { max_budget }),
    ...(budget_duration !== null && { budget_duration }),
    ...parsed.data,
  };
}

function readKeyMakers(section: Section, key: string, rolesKey: string): KeySettings['personal'] {
  if (!section.has(key)) return null;
  const makers = section.section(key);
  checkKeys(makers, vocabularies.keyMakers);
  return {
    roles: makers.has(rolesKey) ? readTexts(makers, rolesKey) : null,
    requiredParams: readTexts(makers, 'required_params'),
  };
}

function readTexts(section: Section, key: string): readonly string[] {
  const values = section.list(key).map(({ value }) => value);
  if (values.every((value) => typeof value === 'string')) return values;
  section.problem(key, 'expected a list of strings');
  return [];
}
