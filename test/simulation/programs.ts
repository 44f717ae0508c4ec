import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { FairShare } from '@sluice/shared/ports/fair-share.ts';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import { createAdmit } from '../../services/ingress/src/admission/admit.ts';
import type { Admit } from '../../services/ingress/src/admission/admit.ts';
import { createDispatch } from '../../services/ingress/src/dispatch/dispatch.ts';
import type { Dispatch } from '../../services/ingress/src/dispatch/dispatch.ts';
import { createLine } from '../../services/ingress/src/dispatch/line.ts';
import { watchForLostAnswers } from '../../services/ingress/src/dispatch/lost-answers.ts';
import { createRecordRefusal } from '../../services/ingress/src/dispatch/record-refusal.ts';
import type { RecordRefusal } from '../../services/ingress/src/dispatch/record-refusal.ts';
import { openLedger } from '../../services/ledger/src/ledger.ts';
import type { WorkerMetrics } from '../../services/worker/src/worker-metrics.ts';
import { openWorker } from '../../services/worker/src/worker.ts';
import type { SimulatedAdmission } from './simulated-admission.ts';
import type { SimulatedBooks } from './simulated-books.ts';
import type { SimulatedBus } from './simulated-bus.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { SimulatedProvider } from './simulated-provider.ts';
import type { SimulatedQueue } from './simulated-queue.ts';
import type { SimulatedUsageLog } from './simulated-usage-log.ts';
import { loggerOf } from './world.ts';
import type { World } from './world.ts';

/** What the programs meet in. */
export interface Servers {
  readonly admission: SimulatedAdmission;
  readonly queue: SimulatedQueue;
  readonly bus: SimulatedBus;
  readonly usage: SimulatedUsageLog;
  readonly books: SimulatedBooks;
  readonly provider: SimulatedProvider;
  readonly cooldowns: ReturnType<typeof createMemoryCooldownStore>;
}

export interface IngressProgram {
  readonly admit: Admit;
  readonly dispatch: Dispatch;
  readonly recordRefusal: RecordRefusal;
}

/** Who goes first is not what is looked at: the queue gives jobs out in any order. */
const anyOrder: FairShare = {
  place: async () => ({ ahead: 0, waiting: 1, perSecond: null }),
  outlook: async () => ({ ahead: 0, waiting: 1, perSecond: null }),
  correct: async () => {},
  line: async () => ({ waiting: 0, oldestAgeMs: 0, perSecond: null }),
  [Symbol.asyncDispose]: async () => {},
};

/** Bodies are small here, so nobody leaves one. */
const bodies = {
  put: async (): Promise<string> => {
    throw new Error('no body is that large');
  },
  get: async () => null,
  delete: async () => {},
};

const noMetrics: WorkerMetrics = {
  expect: () => {},
  jobStarted: () => {},
  jobEnded: () => {},
  call: () => {},
  firstToken: () => {},
  takeover: () => {},
  cooldown: () => {},
  throttled: () => {},
  watchFlow: () => {},
};

/** The steps of ingress.ts that a request passes between its key and its answer. */
export async function openIngressProgram(
  world: World,
  process: SimulatedProcess,
  servers: Servers,
): Promise<IngressProgram> {
  const { now } = process;
  const log = loggerOf(world, process.name);
  const bus = servers.bus.clientOf(process);
  const queue = servers.queue.clientOf(process);
  const usage = servers.usage.clientOf(process);
  const inbox = await bus.openInbox();
  const { admit } = await createAdmit({ admission: servers.admission.clientOf(process), now });
  const lostAnswers = watchForLostAnswers({ queue, bus, log, now });
  const line = createLine({ fairShare: anyOrder, maxQueued: 1_000, log, now });
  return {
    admit,
    dispatch: createDispatch({ queue, line, bus, inbox, bodies, usage, lostAnswers, log, now }),
    recordRefusal: createRecordRefusal({ usage, log, now }),
  };
}

export async function openWorkerProgram(
  world: World,
  process: SimulatedProcess,
  { config, servers }: { config: GatewayConfig; servers: Servers },
): Promise<void> {
  const provider = servers.provider.clientOf(process);
  await openWorker({
    config,
    source: servers.queue.sourceOf(process),
    cooldownStore: servers.cooldowns,
    providers: { oci: provider, openai: provider, anthropic: provider },
    bus: servers.bus.clientOf(process),
    usage: servers.usage.clientOf(process),
    admission: servers.admission.clientOf(process),
    fairShare: anyOrder,
    bodies,
    idempotency: { finish: async () => {}, forget: async () => {}, isFinished: async () => false },
    metrics: noMetrics,
    log: loggerOf(world, process.name),
    now: process.now,
    random: world.random.next,
  });
}

export async function openLedgerProgram(world: World, process: SimulatedProcess, servers: Servers): Promise<void> {
  await openLedger({
    books: servers.books.clientOf(process),
    usage: servers.usage.sourceOf(process),
    admission: servers.admission.clientOf(process),
    log: loggerOf(world, process.name),
    now: process.now,
    batchSize: world.random.int(1, 20),
  });
}
