import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { keptAnswerBytesMax } from '@sluice/shared/contracts/kept-answer.ts';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import type { AnswerEnd, AnswerError, TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { JobDeps } from './job-context.ts';

export interface KeptAnswerWriter extends Pick<AnswerWriter, 'write'> {
  /**
   * Keeps the answer with `event` as its last one, which `end` is given then: before the end is noted beside the job,
   * since nobody calls again for what is noted as ended. Never fails.
   */
  keep(event: AnswerEnd | AnswerError): Promise<void>;
  /**
   * The last event.
   * @param mayBeBilled a provider may want money for what it ends
   */
  end(event: AnswerEnd | AnswerError, mayBeBilled: boolean): Promise<void>;
}

/**
 * Passes an attempt's events on to `writer`. The answer of a job that came with an `Idempotency-Key` is kept before
 * its end is announced, so that nobody who has seen it can be told later that it is not there; one that cost nothing
 * is forgotten instead, and a retry runs. A store that fails costs the replay, not the answer.
 */
export function createKeptAnswerWriter(
  writer: AnswerWriter,
  job: InferenceJob,
  { idempotency, log }: Pick<JobDeps, 'idempotency' | 'log'>,
): KeptAnswerWriter {
  const { keepAnswerAs: scope, requestId, admittedAt } = job;
  if (scope === undefined) return new UnkeptAnswerWriter(writer);
  let events: TokenEvent[] | null = [];
  let units = 0;
  let isKept = false;
  return {
    write(written) {
      note(written);
      writer.write(written);
    },
    async keep(event) {
      isKept = true;
      note([event]);
      await logged(idempotency.finish({ scope, requestId }, answer()));
    },
    async end(event, mayBeBilled) {
      if (!isKept && mayBeBilled) await this.keep(event);
      else if (!isKept) await logged(idempotency.forget({ scope, requestId }));
      writer.end(event);
    },
  };

  async function logged(step: Promise<void>): Promise<void> {
    await step.catch((error: unknown) =>
      log.warn({ requestId, err: error }, 'answer not kept for its idempotency key'),
    );
  }

  function note(more: readonly TokenEvent[]): void {
    if (events === null) return;
    for (const event of more) {
      events.push(event);
      units += JSON.stringify(event).length;
    }
    if (units > keptAnswerBytesMax) events = null; // too large to be kept: no use to hold it
  }

  function answer(): KeptAnswer | null {
    return events && { version: 1, requestId, callId: job.origin.litellmCallId, admittedAt, events };
  }
}

const nothingToDo = Promise.resolve();

class UnkeptAnswerWriter implements KeptAnswerWriter {
  readonly #writer: AnswerWriter;

  constructor(writer: AnswerWriter) {
    this.#writer = writer;
  }

  write(events: readonly TokenEvent[]): void {
    this.#writer.write(events);
  }

  keep(): Promise<void> {
    return nothingToDo;
  }

  end(event: AnswerEnd | AnswerError): Promise<void> {
    this.#writer.end(event);
    return nothingToDo;
  }
}
