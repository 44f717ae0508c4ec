import { Agent } from 'undici';
import type { GatewayConfig, OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import type { CatalogModel, CatalogPlace } from '@sluice/shared/contracts/model-catalog.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { placeIdOf } from '@sluice/shared/place-id.ts';
import { createRefreshed } from '@sluice/shared/refreshed.ts';
import type { Refreshed } from '@sluice/shared/refreshed.ts';
import type { OciSigners } from '../providers/oci/identity/oci-signer.ts';
import { controlPlaneUrlOf } from './control-plane-url.ts';
import { listOciModels } from './list-oci-models.ts';
import { usableModels } from './usable-models.ts';

/** What the places of the configuration have, asked of OCI's control plane when somebody wants to know. */
export interface OciCatalog extends AsyncDisposable {
  /** Answers within `patienceMs`, with null for places that it knows nothing about. Never throws. */
  list(): Promise<readonly CatalogPlace[]>;
}

export interface OciCatalogOptions {
  readonly config: GatewayConfig;
  /** Stay the caller's to close. */
  readonly signers: OciSigners;
  readonly log: Logger;
  readonly now: () => number;
  readonly limits?: Partial<OciCatalogLimits>;
}

export interface OciCatalogLimits {
  /** How often a place is asked at most. */
  readonly freshMs: number;
  /** How long a list serves when the control plane does not answer. */
  readonly staleMs: number;
  /** How long a place that failed is left alone. */
  readonly retryMs: number;
  /** All pages of one place. Signers have time limits of their own. */
  readonly timeLimitMs: number;
  /** How long a question waits for a place that has never been asked. Less than `catalogTimeLimitMs`. */
  readonly patienceMs: number;
}

const usualLimits: OciCatalogLimits = {
  freshMs: 10 * 60_000,
  staleMs: 24 * 3_600_000,
  retryMs: 30_000,
  timeLimitMs: 10_000,
  patienceMs: 800,
};

/** What is asked: the same for all deployments in the place. */
interface Place {
  readonly id: string;
  readonly url: string;
  readonly compartmentId: string;
  readonly identity: OciIdentity;
}

/** Opens no connection before the first question. */
export function openOciCatalog({ config, signers, log, now, limits }: OciCatalogOptions): OciCatalog {
  const { timeLimitMs, patienceMs, ...ages } = { ...usualLimits, ...limits };
  const dispatcher = new Agent({ connections: 2, connect: { timeout: config.sluice.connectTimeoutMs } });
  const closing = new AbortController();

  const load = async (place: Place): Promise<readonly CatalogModel[]> => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeLimitMs)]);
    const { url, compartmentId } = place;
    const signer = signers.signerFor(place.identity);
    const { items, complete } = await listOciModels({ dispatcher, now }, { url, compartmentId, signer }, signal);
    if (!complete) log.warn({ controlPlane: url, items: items.length }, 'too many models: the rest is left out');
    return usableModels(items, now());
  };
  const refreshed = (place: Place): Refreshed<readonly CatalogModel[]> =>
    createRefreshed({
      load: () => load(place),
      now,
      ...ages,
      patienceMs: { whenUnknown: patienceMs, whenStale: 0 },
      onError: (error) => {
        const { url: controlPlane, compartmentId } = place;
        if (!closing.signal.aborted) log.warn({ err: error, controlPlane, compartmentId }, 'models cannot be listed');
      },
    });
  const places = placesOf(config).map((place) => ({ place, models: refreshed(place) }));

  return {
    list: () => Promise.all(places.map(async ({ place, models }) => ({ id: place.id, models: await models.get() }))),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await dispatcher.destroy();
    },
  };
}

function placesOf({ aliases }: GatewayConfig): Place[] {
  const places = new Map<string, Place>();
  for (const { target } of [...aliases.values()].flatMap(({ deployments }) => deployments)) {
    const id = placeIdOf(target);
    if (target.api !== 'oci' || id === null || places.has(id)) continue;
    const { compartmentId, identity } = target;
    places.set(id, { id, url: controlPlaneUrlOf(target), compartmentId, identity });
  }
  return [...places.values()];
}
