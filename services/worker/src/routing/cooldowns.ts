import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { CooldownSettings } from '@sluice/shared/config/router-config.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Cooldown, CooldownStore } from '@sluice/shared/ports/cooldown-store.ts';
import type { ProviderError } from '../providers/provider.ts';
import { cooldownMsOf, cooldownSettingsOf, coolsAtOnce, coolsBy, verdictOn } from './cooldown-rules.ts';

/** Which deployments are to be left alone, as this worker knows it; and what it tells the others. */
export interface Cooldowns extends AsyncDisposable {
  /** When a deployment's cooldown ends, epoch milliseconds; null: it is not cooled down. */
  until(id: string): number | null;
  /** A call was answered, or refused in a way that shows that the deployment works. */
  succeeded(id: string): void;
  /**
   * A call failed. Resolves when it is known here whether the deployment is cooled down for it; never rejects.
   *
   * @param alone it is the only one of its alias
   */
  failed(deployment: CooledDeployment, error: ProviderError, alone: boolean): Promise<void>;
}

type CooledDeployment = Pick<Deployment, 'id' | 'cooldownMs' | 'allowedFails' | 'allowedFailsPolicy'>;

export interface CooldownDeps {
  readonly store: CooldownStore;
  readonly settings: CooldownSettings;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of each cooldown that begins by what this worker has seen. */
  readonly onCooldown: (id: string) => void;
}

/** Successes are told to the store together, this often; a failure takes those of its deployment along. */
const tellEveryMs = 1_000;

/** Resolves once it hears of the other workers' cooldowns, or knows that it cannot. */
export async function openCooldowns({ store, settings, log, now, onCooldown }: CooldownDeps): Promise<Cooldowns> {
  const cooled = new Map<string, number>();
  const successes = new Map<string, number>();
  // Where a number of failures decides, nobody asks for the successes.
  const countsSuccesses = settings.enabled && settings.allowedFails === null;
  let timer: NodeJS.Timeout | undefined;
  const warn = (error: unknown) => log.warn({ err: error }, 'cooldown store failed');
  const watching = settings.enabled ? await store.watch(learn, now).catch(warn) : undefined;

  return {
    until(id) {
      const until = cooled.get(id);
      if (until === undefined) return null;
      if (until > now()) return until;
      cooled.delete(id);
      return null;
    },
    succeeded,
    async failed(deployment, error, alone) {
      const { id } = deployment;
      if (!settings.enabled) return;
      const verdict = verdictOn(error);
      if (verdict === 'works') succeeded(id);
      if (verdict !== 'failed') return;
      const own = cooldownSettingsOf(deployment, settings);
      const lengthMs = cooldownMsOf(deployment, error, own);
      const known = successes.get(id) ?? 0;
      successes.delete(id);
      const calls = { requests: known + 1, failures: 1 };
      const counting = store.count(id, calls, { now: now(), windowMs: lengthMs }).catch(warn);
      if (!coolsAtOnce(error, alone, own)) {
        const counts = await counting;
        if (!counts || !coolsBy(counts, error, alone, own)) return;
      }
      if (lengthMs > 0) begin({ deploymentId: id, until: now() + lengthMs }, error);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await watching?.[Symbol.asyncDispose]();
    },
  };

  function succeeded(id: string): void {
    if (!countsSuccesses) return;
    successes.set(id, (successes.get(id) ?? 0) + 1);
    timer ??= setTimeout(tellSuccesses, tellEveryMs).unref();
  }

  function begin(cooldown: Cooldown, error: ProviderError): void {
    learn(cooldown);
    log.warn({ ...cooldown, code: error.code, status: error.status }, 'deployment cooled down');
    onCooldown(cooldown.deploymentId);
    store.coolDown(cooldown, now()).catch(warn);
  }

  function learn({ deploymentId, until }: Cooldown): void {
    // What is over goes first, so that they stay few: ids of wildcards are chosen by clients.
    for (const [id, end] of cooled) if (end <= now()) cooled.delete(id);
    cooled.set(deploymentId, Math.max(until, cooled.get(deploymentId) ?? 0));
  }

  function tellSuccesses(): void {
    timer = undefined;
    const told = [...successes];
    successes.clear();
    for (const [id, requests] of told) {
      store.count(id, { requests, failures: 0 }, { now: now(), windowMs: 0 }).catch(warn);
    }
  }
}
