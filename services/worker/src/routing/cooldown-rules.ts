import { allowedFailsDefault } from '@sluice/shared/config/allowed-fails.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { CooldownSettings } from '@sluice/shared/config/router-config.ts';
import type { FailureCounts } from '@sluice/shared/ports/cooldown-store.ts';
import type { ProviderError } from '../providers/provider.ts';
import { errorClassOf } from './error-class.ts';

/**
 * When a deployment that fails is left alone, and how long (contract §8.5). `alone`: it is the only one of its
 * alias, so that leaving it alone leaves nothing.
 */

/** Failures of a deployment with others beside it: more than this share of a minute's requests, of at least so many. */
const withOthers = { share: 0.5, requests: 5 };
/** Of a deployment that is alone: all of them, of at least so many. */
const whenAlone = { requests: 1_000 };

type Failed = Pick<ProviderError, 'code' | 'status'>;

/**
 * The settings as they hold for one deployment: its policy, then its number, then the router's policy, then the
 * router's number.
 */
export function cooldownSettingsOf(
  { allowedFails, allowedFailsPolicy }: Pick<Deployment, 'allowedFails' | 'allowedFailsPolicy'>,
  router: CooldownSettings,
): CooldownSettings {
  if (allowedFails !== undefined) return { ...router, allowedFails, allowedFailsPolicy: allowedFailsPolicy ?? {} };
  if (allowedFailsPolicy === undefined) return router;
  return {
    ...router,
    allowedFails: router.allowedFails ?? allowedFailsDefault,
    allowedFailsPolicy: { ...router.allowedFailsPolicy, ...allowedFailsPolicy },
  };
}

/** What a failed call says of its deployment: it failed, it works, or nothing (the way to it, or we, failed). */
export function verdictOn({ code, status }: Failed): 'failed' | 'works' | 'unknown' {
  if (code === 'provider_unreachable' || code === 'internal') return 'unknown';
  return status >= 500 || [401, 404, 408, 429].includes(status) ? 'failed' : 'works';
}

/** Whether one failure is enough, whatever went before it. */
export function coolsAtOnce({ status }: Failed, alone: boolean, settings: CooldownSettings): boolean {
  if (settings.allowedFails !== null) return false;
  return status === 401 || status === 404 || (status === 429 && !alone);
}

/** Whether a failure is enough together with those before it; `counts` has it in them. */
export function coolsBy(counts: FailureCounts, error: Failed, alone: boolean, settings: CooldownSettings): boolean {
  const { requests, failures, recentFailures } = counts;
  if (settings.allowedFails !== null) {
    const errorClass = errorClassOf(error.code);
    const ofClass = errorClass === null ? undefined : settings.allowedFailsPolicy[errorClass];
    return recentFailures > (ofClass ?? settings.allowedFails);
  }
  if (alone) return failures >= requests && requests >= whenAlone.requests;
  return requests >= withOthers.requests && failures > requests * withOthers.share;
}

/** How long, in milliseconds; 0: not at all. What the deployment says, else what the provider asks for, else the router. */
export function cooldownMsOf(
  { cooldownMs }: Pick<Deployment, 'cooldownMs'>,
  { retryAfterSeconds }: Pick<ProviderError, 'retryAfterSeconds'>,
  settings: CooldownSettings,
): number {
  return cooldownMs ?? ((retryAfterSeconds ?? 0) * 1_000 || settings.cooldownMs);
}
