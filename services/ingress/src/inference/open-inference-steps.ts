import { randomUUID } from 'node:crypto';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';
import type { BodyStore } from '@sluice/shared/ports/body-store.ts';
import type { FairShare } from '@sluice/shared/ports/fair-share.ts';
import type { IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import type { JobQueue } from '@sluice/shared/ports/job-queue.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';
import type { UsageLog } from '@sluice/shared/ports/usage-log.ts';
import { createAdmit } from '../admission/admit.ts';
import { keyCache } from '../auth/key-cache.ts';
import { createDispatch } from '../dispatch/dispatch.ts';
import { createLine } from '../dispatch/line.ts';
import { watchForLostAnswers } from '../dispatch/lost-answers.ts';
import { createRecordRefusal } from '../dispatch/record-refusal.ts';
import { createClaimKey } from '../idempotency/claim.ts';
import type { IngressMetrics } from '../ingress-metrics.ts';
import { findCustomer } from '../sql/find-customer.ts';
import { findTags } from '../sql/find-tags.ts';
import { insertBudgetAlert } from '../sql/insert-budget-alert.ts';
import { insertMetCustomer } from '../sql/insert-met-customer.ts';
import { createAttribute } from '../tenancy/attribute.ts';
import { openSoftBudgetWatch } from '../tenancy/soft-budgets.ts';
import type { InferenceSteps } from './inference-steps.ts';

export interface InferenceStepsOptions {
  readonly version: string;
  readonly config: GatewayConfig;
  readonly sql: SqlPool;
  readonly admission: Admission;
  readonly queue: JobQueue;
  readonly fairShare: FairShare;
  readonly bus: TokenBus;
  readonly bodies: BodyStore;
  readonly idempotency: IdempotencyStore;
  readonly usage: UsageLog;
  readonly reports: SpendReports;
  readonly metrics: Pick<IngressMetrics, 'softBudgetReached'>;
  readonly log: Logger;
  readonly now: () => number;
}

export interface OpenInferenceSteps extends AsyncDisposable {
  readonly steps: InferenceSteps;
  /** Forgets customers and tags: a process that has changed them sees that at once. */
  invalidateAttribution(): void;
}

/** The steps of a request's path, the same in every process that runs requests. Opens what they listen to and watch. */
export async function openInferenceSteps(options: InferenceStepsOptions): Promise<OpenInferenceSteps> {
  const { config, log, queue, fairShare, bus, bodies, usage, admission, reports, sql, metrics, now } = options;
  const { customers } = config.tenancy;
  await using opening = new AsyncDisposableStack();
  const attribution = createAttribute({
    findCustomer: (id) => findCustomer(sql, id, customers.budgetId),
    findTags: () => findTags(sql),
    meetCustomer: (id) => insertMetCustomer(sql, id, now()),
    now,
    cache: keyCache,
    onError: (error) => log.warn({ err: error }, 'a new customer got no row'),
  });
  const inbox = opening.use(await bus.openInbox());
  const softBudgets = opening.use(
    openSoftBudgetWatch({ reports, insertAlert: (alert) => insertBudgetAlert(sql, alert), metrics, log, now }),
  );
  const admit = opening.use(await createAdmit({ admission, now }));
  const lostAnswers = opening.use(watchForLostAnswers({ queue, bus, log, now }));
  const line = createLine({ fairShare, maxQueued: config.sluice.maxQueued, log, now });
  const steps: InferenceSteps = {
    claimKey: createClaimKey({ store: options.idempotency, log, now }),
    attribute: attribution.attribute,
    customerOf: attribution.customerOf,
    softBudgets,
    requireTurn: (job) => line.requireTurn(job),
    admit: admit.admit,
    dispatch: createDispatch({ queue, line, bus, inbox, bodies, usage, lostAnswers, log, now }),
    recordRefusal: createRecordRefusal({ usage, log, now }),
    config,
    version: options.version,
    now,
    newId: randomUUID,
  };
  const open = opening.move();
  return {
    steps,
    invalidateAttribution: () => attribution.invalidateAll(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
