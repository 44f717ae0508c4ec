import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchObject } from '@sluice/shared/api/openai/batch-object.ts';
import { hasEnded } from './describe-batch.ts';
import { exitCodes, Failure } from './failure.ts';
import { NotNow, type GatewayClient } from './gateway-client.ts';
import type { Progress } from './progress.ts';

const pollMs = 1_000;
/** How long the gateway may be out of reach before the watching ends; the batch goes on. */
const awayMaxMs = 600_000;

/**
 * Shows a batch until it has ended.
 *
 * @param signal ends the watching; the batch goes on
 * @throws Failure that says how to go on, when it was interrupted or the gateway stays away
 */
export async function watchBatch(
  client: Pick<GatewayClient, 'batch'>,
  id: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<BatchObject> {
  const goOn = `The batch goes on. To watch it again: sluice batch status ${id} --watch`;
  let awaySince: number | null = null;
  while (!signal.aborted) {
    try {
      const batch = await client.batch(id, signal);
      awaySince = null;
      progress.show(batch);
      if (hasEnded(batch)) return batch;
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof NotNow)) throw error;
      if (awaySince === null) progress.say(`${error.message} Trying again.`);
      awaySince ??= performance.now();
      if (performance.now() - awaySince > awayMaxMs) throw new Failure(`${error.message}\n${goOn}`);
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  throw new Failure(goOn, exitCodes.interrupted);
}
