import { setTimeout as wait } from 'node:timers/promises';
import { deploymentsOf, queuesOf } from '@sluice/shared/config/resolve-alias.ts';
import { laneQueues } from '@sluice/shared/contracts/lane-queue.ts';
import type { CooldownStore } from '@sluice/shared/ports/cooldown-store.ts';
import type { JobDelivery, JobSource } from '@sluice/shared/ports/job-queue.ts';
import { createFlow } from './flow/flow.ts';
import type { Flow, Permit } from './flow/flow.ts';
import { isOfEarlierProcess } from './pipeline/job-context.ts';
import type { JobDeps, StopReason } from './pipeline/job-context.ts';
import { processJob } from './pipeline/process-job.ts';
import { openCooldowns } from './routing/cooldowns.ts';
import { createDeploymentStats } from './routing/deployment-stats.ts';

export interface WorkerOptions extends Omit<JobDeps, 'pause' | 'cooldowns' | 'stats' | 'flow'> {
  readonly source: JobSource;
  readonly cooldownStore: CooldownStore;
}

/** How long a cancel is remembered for a job that has not arrived yet. */
const cancelMemoryMs = 10_000;
const cancelsRemembered = 10_000;

interface RunningJob {
  readonly stop: AbortController;
  /** A call of it runs. */
  isCalled: boolean;
  /** Nobody waits for it any more: the call that runs is its last. */
  isLeft: boolean;
}

/** Takes jobs and answers them until disposed; disposing finishes what runs and takes nothing new. */
export async function openWorker({ source, cooldownStore, ...options }: WorkerOptions): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const { config, log, now, metrics } = options;
  const { cooldowns: settings, latencyTtlMs } = config.router;
  const cooldowns = opening.use(
    await openCooldowns({ store: cooldownStore, settings, log, now, onCooldown: (id) => metrics.cooldown(id) }),
  );
  const stats = createDeploymentStats({ now, latencyTtlMs });
  const flow = createFlow({
    ...options,
    stats,
    pause,
    onThrottled: ({ alias, model }, by) => metrics.throttled({ alias, model, by }),
    onError: (error) => log.warn({ err: error }, 'a call was not counted, or not corrected; that mends itself'),
  });
  opening.use(flow);
  metrics.expect(deploymentsOf(config, [...config.aliases.keys()]));
  metrics.watchFlow(() => flow.states());
  const deps: JobDeps = { ...options, pause, cooldowns, stats, flow };
  const running = new Map<string, RunningJob>();
  const cancelled = new Map<string, number>();

  opening.use(
    await deps.bus.onCancel((requestIds, { unlessCalled }) => {
      const finishes = unlessCalled || config.sluice.onClientGone === 'finish';
      for (const requestId of requestIds) cancel(requestId, finishes);
    }),
  );
  const concurrency = (queue: string) => flow.concurrencyOf(queue);
  const consumer = opening.use(await source.consume(laneQueues(queuesOf(deps.config)), { concurrency }, run));
  flow.onConcurrency((queue, atATime) => consumer.setConcurrency(queue, atATime));
  return opening.move();

  async function run(delivery: JobDelivery): Promise<void> {
    const { job } = delivery;
    const stop = new AbortController();
    // By hand: `AbortSignal.any` costs as much as ten of these, and weak references that every collection looks at.
    const lockLost = () => stop.abort(delivery.signal.reason);
    delivery.signal.addEventListener('abort', lockLost, { once: true });
    if (delivery.signal.aborted) lockLost();
    const mine: RunningJob = { stop, isCalled: false, isLeft: false };
    // Whoever still has an earlier delivery of it here has lost it.
    running.get(job.requestId)?.stop.abort('lock-lost' satisfies StopReason);
    running.set(job.requestId, mine);
    const deadline = setTimeout(
      () => stop.abort('deadline' satisfies StopReason),
      Math.max(0, job.deadlineAt - deps.now()),
    );
    if (cancelled.has(job.requestId) || (job.keepAnswerAs === undefined && isOfEarlierProcess(job, deps)))
      stop.abort('client-gone' satisfies StopReason);
    deps.metrics.jobStarted(job.queue ?? job.alias);
    try {
      await processJob(delivery, { ...deps, flow: noting(mine) }, stop.signal);
    } catch (error) {
      deps.log.error({ requestId: job.requestId, attempt: delivery.attempt, err: error }, 'job given back');
      throw error;
    } finally {
      clearTimeout(deadline);
      delivery.signal.removeEventListener('abort', lockLost);
      if (running.get(job.requestId) === mine) running.delete(job.requestId);
      deps.metrics.jobEnded(job.queue ?? job.alias);
    }
    if ('claim' in job.body) {
      await deps.bodies.delete(job.body.claim).catch((error: unknown) => {
        deps.log.warn({ requestId: job.requestId, err: error }, 'request body not deleted; it expires by itself');
      });
    }
  }

  /** @param finishes a call that runs goes on; one that has not begun is not made in any case */
  function cancel(requestId: string, finishes: boolean): void {
    const job = running.get(requestId);
    if (job?.isCalled && finishes) {
      job.isLeft = true;
      return;
    }
    job?.stop.abort('client-gone' satisfies StopReason);
    remember(requestId);
  }

  /** The flow, which notes while a job is called for: else there is nothing to finish for whoever is gone. */
  function noting(job: RunningJob): Flow {
    return {
      ...flow,
      async enter(...call) {
        const answer = await flow.enter(...call);
        if (answer.type !== 'entered') return answer;
        job.isCalled = true;
        return { type: 'entered', permit: noted(answer.permit, job) };
      },
    };
  }

  function noted(permit: Permit, job: RunningJob): Permit {
    const end = () => {
      job.isCalled = false;
      if (job.isLeft) job.stop.abort('client-gone' satisfies StopReason);
    };
    return {
      leave(...outcome) {
        permit.leave(...outcome);
        end();
      },
      [Symbol.dispose]() {
        permit[Symbol.dispose]();
        end();
      },
    };
  }

  /** A cancel may overtake its job on the way here. */
  function remember(requestId: string): void {
    const heardAt = now();
    cancelled.delete(requestId); // so that the oldest stay first
    cancelled.set(requestId, heardAt);
    for (const [id, at] of cancelled) {
      if (cancelled.size <= cancelsRemembered && heardAt - at < cancelMemoryMs) break;
      cancelled.delete(id);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}
