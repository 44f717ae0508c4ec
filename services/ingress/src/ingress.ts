import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import { createRequireMetricsAccess } from '@sluice/shared/metrics-access.ts';
import { WrongKeys } from '@sluice/shared/wrong-keys.ts';
import { metricsAccessOf } from '@sluice/shared/config/process-config.ts';
import { queuesOf, resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { laneQueues } from '@sluice/shared/contracts/lane-queue.ts';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import type { ModelCatalog } from '@sluice/shared/ports/model-catalog.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { checkReadiness } from '@sluice/shared/readiness.ts';
import { createApp } from './app.ts';
import { createChanges } from './audit/changes.ts';
import { createAuthenticate } from './auth/create-authenticate.ts';
import { keyCache } from './auth/key-cache.ts';
import { oncePerRequest } from './auth/once-per-request.ts';
import { newKey } from './auth/new-key.ts';
import { filesIn } from './files/files.ts';
import { openFileRemoval } from './files/removal.ts';
import { createReadBytes } from './http/read-bytes.ts';
import { listen, serverOptions } from './http/listen.ts';
import { openInferenceSteps } from './inference/open-inference-steps.ts';
import type { InferenceStepsOptions } from './inference/open-inference-steps.ts';
import { createIngressMetrics } from './ingress-metrics.ts';
import { createKnownModels } from './models/known-models.ts';
import { tenancyIn } from './sql/tenancy-tables.ts';
import { entityNamesIn } from './sql/entity-names.ts';
import { virtualKeysIn } from './sql/virtual-keys.ts';
import { createScopeOf } from './tenancy/scope.ts';
import { watchLines } from './watch-lines.ts';

export interface IngressOptions extends Omit<InferenceStepsOptions, 'metrics' | 'now'> {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly masterKey: string;
  /** How long it still takes requests while it says that it is not ready: until load balancers have noticed. */
  readonly shutdownDelayMs: number;
  readonly files: FileStore;
  readonly catalog: Pick<ModelCatalog, 'list'>;
  readonly meter: Meter;
  /** Prometheus text format. */
  readonly metrics: () => Promise<string>;
}

export interface Ingress extends AsyncDisposable {
  readonly port: number;
}

/** How often each ingress looks for files to be removed. */
const fileRemovalIntervalMs = 60_000;

/**
 * Serves HTTP until disposed. Disposing says at once that it is not ready, takes requests for the shutdown delay still,
 * and lets running ones end, streams included.
 */
export async function openIngress(options: IngressOptions): Promise<Ingress> {
  const { config, log, queue, fairShare, usage, admission, reports, sql } = options;
  const now = Date.now;
  await using opening = new AsyncDisposableStack();
  const keys = virtualKeysIn(sql);
  const wrongKeys = new WrongKeys({ now });
  const tenancy = tenancyIn(sql);
  const scopeOf = createScopeOf(sql);
  const { customers } = config.tenancy;
  const { aliases, wildcards } = config;
  const names = { aliases, wildcards, resolve: (name: string) => resolveAlias(config, name) };
  const metrics = createIngressMetrics(options.meter);
  const inference = opening.use(await openInferenceSteps({ ...options, metrics, now }));
  const {
    authenticate: authenticateKey,
    invalidate,
    invalidateAll,
  } = createAuthenticate({
    masterKey: options.masterKey,
    findPrincipal: keys.findPrincipal,
    findKnown: keys.findMany,
    now,
    cache: keyCache,
    wrongKeys,
  });
  const authenticate = oncePerRequest(authenticateKey);
  watchLines(options.meter, { fairShare, queues: laneQueues(queuesOf(config)), now, log });
  opening.use(openFileRemoval({ sql, store: options.files, log, now, intervalMs: fileRemovalIntervalMs }));
  const files = filesIn(sql, options.files, { now, quota: config.sluice.files.quota });
  let draining = false;

  const app = createApp({
    inference: {
      ...inference.steps,
      authenticate,
      readBytes: createReadBytes(config.sluice.maxRequestBytes),
      metrics,
    },
    models: {
      authenticate,
      names,
      knownModels: createKnownModels({
        catalog: options.catalog,
        now,
        onError: (error) => log.warn({ err: error }, 'nobody says which models there are'),
      }),
      prices: loadPriceBook(),
      now,
    },
    files: { authenticate, files, maxBytes: config.sluice.files.maxBytes },
    batches: { authenticate, sql, files, settings: config.sluice.batch, now },
    management: {
      authenticate,
      keys,
      tenancy,
      changes: createChanges({ sql, now }),
      scopeOf,
      windows: config.tenancy,
      keySettings: config.tenancy.keys,
      userSettings: config.tenancy.users,
      proxyBudget: config.tenancy.proxyBudget,
      defaultCustomerBudgetId: customers.budgetId,
      models: names,
      reports,
      now,
      newKey,
      newId: randomUUID,
      invalidate,
      invalidateTenancy: () => {
        invalidateAll();
        inference.invalidateAttribution();
      },
    },
    audit: { authenticate, sql },
    spend: {
      authenticate,
      keys,
      tenancy,
      scopeOf,
      entities: entityNamesIn(sql),
      windows: config.tenancy,
      reports,
      models: names,
      prices: loadPriceBook(),
      proxyBudgetNanoUsd: config.tenancy.proxyBudget.maxBudgetNanoUsd,
      now,
    },
    health: {
      isDraining: () => draining,
      check: async () => {
        const postgres = () => sql.query('select 1');
        const pings = {
          ...(!config.readyWithoutDatabase && { postgres }),
          queue: () => queue.ping(),
          admission: () => admission.ping(),
          usage: () => usage.ping(),
        };
        const { ready, parts } = await checkReadiness(pings, {
          // Chat goes on without it, and where it is PostgreSQL it is needed anyway.
          files: () => options.files.ping(),
          ...(config.readyWithoutDatabase && { postgres }),
        });
        return draining ? { ready: false, parts: { ...parts, ingress: 'stopping' } } : { ready, parts };
      },
      metrics: options.metrics,
      requireMetricsAccess: createRequireMetricsAccess(
        metricsAccessOf(config, options.masterKey),
        new WrongKeys({ now }), // of their own: clients with wrong keys must not keep who reads metrics from their address out
      ),
    },
    trustedProxies: config.trustedProxies,
    allowedIps: config.allowedIps,
    onError: (error, request) => log.error({ err: error, ...request }, 'request failed'),
  });
  const server = opening.use(await listen(createServer(serverOptions, app), options));
  opening.defer(async () => {
    draining = true;
  });
  const open = opening.move();
  return { port: server.port, [Symbol.asyncDispose]: () => open.disposeAsync() };
}
