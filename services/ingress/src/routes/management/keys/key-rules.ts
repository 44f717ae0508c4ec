import type { KeyFields } from '@sluice/shared/api/litellm/key.ts';
import type { KeySettings } from '@sluice/shared/config/tenancy-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { addDuration, parseDuration } from '@sluice/shared/time/duration.ts';
import type { Role } from '../../../auth/authenticated.ts';
import { refusal } from '../limit-changes.ts';

/** What the configuration says about new keys (contract §2.8); all of it holds for everybody who makes them. */

/** The request's fields, and those that it leaves out as configured. */
export function withKeyDefaults(body: unknown, { defaults, upperBounds }: KeySettings): unknown {
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) return body;
  const given = Object.entries(body ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const bounds = Object.entries(upperBounds).filter(([, bound]) => bound !== null);
  return { ...Object.fromEntries(bounds), ...defaults, ...Object.fromEntries(given) };
}

type Bounded = Pick<KeyFields, keyof KeySettings['upperBounds']>;

/** @throws GatewayError invalid_management_request for what is above a bound */
export function requireWithinBounds(fields: Bounded, { upperBounds }: Pick<KeySettings, 'upperBounds'>): void {
  for (const name of ['max_budget', 'max_parallel_requests', 'tpm_limit', 'rpm_limit'] as const) {
    const [value, bound] = [fields[name], upperBounds[name]];
    if (value === undefined || bound === null || (value !== null && value <= bound)) continue;
    throw aboveBound(name, value, bound);
  }
  for (const name of ['duration', 'budget_duration'] as const) {
    const [value, bound] = [fields[name], upperBounds[name]];
    if (value === undefined || bound === null || lengthOf(value) <= lengthOf(bound)) continue;
    throw aboveBound(name, value, bound);
  }
}

function aboveBound(name: string, value: unknown, bound: unknown): GatewayError {
  return refusal(
    name,
    `${name} is over max limit set in config - user_value=${String(value)}; max_value=${String(bound)}`,
  );
}

/** Milliseconds; for ever without an end. What is no duration is refused elsewhere. */
function lengthOf(text: string | null): number {
  if (text === '-1') return Infinity;
  try {
    const duration = parseDuration(text);
    return duration === null ? Infinity : addDuration(0, duration);
  } catch {
    return 0;
  }
}

/** @throws GatewayError invalid_management_request, or route_not_allowed for whom may not make such a key */
export function requireKeyRules(
  fields: KeyFields,
  maker: { readonly role: Role; readonly isOperator: boolean; readonly memberRole: string | null },
  settings: KeySettings,
): void {
  const { team_id: teamId } = fields;
  requireAliasRules(fields.key_alias, settings);
  if (settings.needsTeam && teamId == null) {
    throw refusal('team_id', 'Keys without a team are disabled here: name a team_id.');
  }
  const rules = teamId == null ? settings.personal : settings.forTeams;
  if (rules === null) return;
  const role = teamId == null ? maker.role : (maker.memberRole ?? maker.role);
  if (!maker.isOperator && rules.roles !== null && !rules.roles.includes(role)) {
    const what = teamId == null ? 'Personal key' : 'Team key';
    throw new GatewayError(
      'route_not_allowed',
      `${what} creation has been restricted by admin. Allowed roles=[${rules.roles.join(', ')}]. Your role=${role}`,
    );
  }
  const named: Readonly<Record<string, unknown>> = fields;
  const missing = rules.requiredParams.find((name) => named[name] === undefined || named[name] === null);
  if (missing !== undefined) throw refusal(missing, `Required param ${missing} not in data`);
}

/**
 * LiteLLM's format, where it is asked for: 2 to 255 characters of a few kinds, with a letter or digit at both ends.
 *
 * @throws GatewayError invalid_management_request
 */
export function requireAliasRules(
  keyAlias: string | null | undefined,
  { checksAliasFormat }: Pick<KeySettings, 'checksAliasFormat'>,
): void {
  if (!checksAliasFormat || keyAlias === null || keyAlias === undefined) return;
  if (/^[A-Za-z0-9][A-Za-z0-9_\-/.@]{0,253}[A-Za-z0-9]$/.test(keyAlias)) return;
  throw refusal(
    'key_alias',
    `Invalid key_alias '${keyAlias}': 2 to 255 characters of A-Z, a-z, 0-9, _, -, /, . and @, ` +
      'with a letter or a digit at both ends.',
  );
}
