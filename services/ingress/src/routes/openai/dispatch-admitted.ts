import type { Answer } from '../../dispatch/dispatch.ts';
import type { Claim } from '../../idempotency/claim.ts';
import type { AdmittedJob } from './admit-job.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';

/**
 * Queues an admitted request. Its answer ends when the client leaves; with an idempotency key it is then kept. A request that cannot be queued gives back
 * what was reserved for it.
 */
export async function dispatchAdmitted(
  admitted: AdmittedJob,
  text: string,
  { exchange: { clientGone }, claim }: { exchange: Exchange; claim: Claim | undefined },
  { dispatch }: InferenceDeps,
): Promise<Answer> {
  try {
    clientGone.throwIfAborted();
    const answer = await dispatch(admitted.job, text, claim);
    const leave = () => void answer[Symbol.asyncDispose]();
    if (clientGone.aborted) leave();
    else clientGone.addEventListener('abort', leave, { once: true });
    return answer;
  } catch (error) {
    // Should it run all the same, with only the queue's reply lost, the books will say what it cost.
    await admitted.giveBack().catch(() => undefined);
    throw error;
  }
}
