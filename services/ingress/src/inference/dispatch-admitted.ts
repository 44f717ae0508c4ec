import { PerhapsQueuedError } from '../dispatch/dispatch.ts';
import type { QueuedAnswer } from '../dispatch/dispatch.ts';
import type { Claim } from '../idempotency/claim.ts';
import type { AdmittedJob } from './admit-job.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';

/**
 * Queues an admitted request. Its answer ends when the client leaves; with an idempotency key it is then kept. A
 * request that is not queued gives back what was reserved for it.
 */
export async function dispatchAdmitted(
  admitted: AdmittedJob,
  text: string,
  { exchange: { clientGone }, claim }: { exchange: Pick<Exchange, 'clientGone'>; claim: Claim | undefined },
  { dispatch }: Pick<InferenceSteps, 'dispatch'>,
): Promise<QueuedAnswer> {
  try {
    clientGone.throwIfAborted();
    const answer = await dispatch(admitted.job, text, claim);
    const leave = () => void answer[Symbol.asyncDispose]();
    if (clientGone.aborted) leave();
    else clientGone.addEventListener('abort', leave, { once: true });
    return answer;
  } catch (error) {
    if (!(error instanceof PerhapsQueuedError)) await admitted.giveBack().catch(() => undefined);
    throw error;
  }
}
