import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { JobQueue } from '@sluice/shared/ports/job-queue.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';
import type { AnswerEvents } from '../stream/open-answer.ts';

export interface LostAnswersDeps {
  readonly queue: Pick<JobQueue, 'has'>;
  readonly bus: Pick<TokenBus, 'isLive'>;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** An answer of which nothing was heard for so long is looked after. */
  readonly quietMs?: number;
  /** Between two looks at what is due. */
  readonly everyMs?: number;
}

/** Ends answers that nobody will send any more. Disposing it stops the looking. */
export interface LostAnswers extends Disposable {
  watch(job: Pick<InferenceJob, 'alias' | 'queue' | 'turn' | 'requestId'>, answer: Watched): Disposable;
}

type Watched = Pick<AnswerEvents, 'lastSignAt' | 'fail'>;

/** After a job was found gone, its last frames may still be on their way. */
const framesMayComeMs = 2_000;

/** Questions to the queue at once. */
const batchSize = 100;

interface Entry {
  readonly queue: string;
  readonly job: Pick<InferenceJob, 'requestId'>;
  readonly answer: Watched;
  nextLookAt: number;
  /** null: there was a job when last looked for. */
  goneSince: number | null;
}

/**
 * The bus forgets what nobody hears, and a queue may lose its jobs with its server. So of an answer that has been
 * quiet, and of every answer when the bus has been away, the queue is asked whether its job still is: a client that
 * would wait for nothing is told so instead of at its deadline.
 */
export function watchForLostAnswers(deps: LostAnswersDeps): LostAnswers {
  const { queue, bus, log, now, quietMs = 10_000, everyMs = 1_000 } = deps;
  const entries = new Set<Entry>();
  let wasLive = true;
  let looking = false;
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();

  return {
    watch(job, answer) {
      const entry = { queue: queueOfJob(job), job, answer, nextLookAt: now() + quietMs, goneSince: null };
      entries.add(entry);
      return { [Symbol.dispose]: () => void entries.delete(entry) };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };

  async function look(): Promise<void> {
    const isLive = bus.isLive();
    const isBack = isLive && !wasLive;
    wasLive = isLive;
    if (isBack) for (const entry of entries) entry.nextLookAt = 0;
    if (!isLive || looking) return;
    looking = true;
    const due = [...entries].filter((entry) => isDue(entry));
    for (let at = 0; at < due.length; at += batchSize) await Promise.all(due.slice(at, at + batchSize).map(check));
    looking = false;
  }

  function isDue(entry: Entry): boolean {
    const quietUntil = entry.goneSince === null ? entry.answer.lastSignAt + quietMs : 0;
    if (now() < entry.nextLookAt) return false;
    if (entry.nextLookAt === 0 || now() >= quietUntil) return true;
    entry.nextLookAt = quietUntil;
    return false;
  }

  async function check(entry: Entry): Promise<void> {
    const { answer, job, goneSince } = entry;
    if (goneSince !== null && answer.lastSignAt > goneSince) entry.goneSince = null;
    else if (goneSince !== null) {
      log.warn({ requestId: job.requestId }, 'answer lost');
      entries.delete(entry);
      answer.fail('stream_interrupted', 'The answer was lost on its way to the client. It may have been billed.');
      return;
    }
    try {
      const there = await queue.has(entry.queue, job.requestId);
      entry.goneSince = there ? null : now();
      entry.nextLookAt = now() + (there ? quietMs : framesMayComeMs);
    } catch {
      entry.nextLookAt = now() + everyMs; // nobody can say
    }
  }
}
