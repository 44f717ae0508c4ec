import { GatewayError } from '@sluice/shared/errors.ts';
import type { Batch } from '../../../batches/batch.ts';
import type { BatchesDeps } from './batches-deps.ts';

export function tooMany({ settings: { maxUnfinished } }: Pick<BatchesDeps, 'settings'>): GatewayError {
  const message = `There are ${maxUnfinished} batches that have not ended, and no more are allowed. Try again when one has.`;
  return new GatewayError('too_many_batches', message, { retryAfterSeconds: 60 });
}

/** The same for a batch that there is not, and for one that is somebody else's. The texts are OpenAI's. */
export function batchNotFound(batchId: string): GatewayError {
  return new GatewayError('not_found', `No batch found with id '${batchId}'.`, { param: 'id' });
}

export function batchOver({ status }: Pick<Batch, 'status'>): GatewayError {
  return new GatewayError('batch_over', `Cannot cancel a batch with status '${status}'.`);
}
