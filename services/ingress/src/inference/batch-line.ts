import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { Turn } from '@sluice/shared/contracts/turn.ts';

/** What is different about a request that is a line of a batch. */
export interface BatchLine {
  /** The name of the record of its answer: whoever runs the line again finds it there. */
  readonly scope: string;
  readonly batchId: string;
  readonly customId: string;
  /** In place of the request's own timeout. Epoch milliseconds. */
  readonly deadlineAt: number;
  /** Epoch milliseconds: until then somebody may have to know what became of it. */
  readonly keptUntil: number;
  /** Only an answer that there is already, or that a job gives which runs, is asked for. Absent: it may be run. */
  readonly collected?: CollectedLine | undefined;
}

export interface CollectedLine {
  /**
   * Called again and again while its job is queued or runs.
   * @param queue where it waits if it was asked for as its request says; null: the request cannot be read
   */
  onQueued(running: { readonly requestId: RequestId; readonly queue: string | null }): void;
}

/** There is no answer to collect, and none on its way: the line can be run, or given up. */
export class NothingToCollect extends Error {
  override readonly name = 'NothingToCollect';
}

/** In the books a batch is a session, and each row says which line it is of. */
export function originOfLine(origin: RequestOrigin, { batchId, customId }: BatchLine): RequestOrigin {
  const metadata = { ...origin.metadata, batch_id: batchId, custom_id: customId };
  return { ...origin, sessionId: batchId, metadata };
}

/** Lines take the room that interactive requests leave, whatever they say of themselves. */
export function turnOfLine(turn: Turn): Turn {
  return { ...turn, lane: 'batch' };
}
