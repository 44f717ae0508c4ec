import { randomBytes } from 'node:crypto';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { requireAllowedRoute } from '../../../auth/allowed-routes.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import type { NewBatch } from '../../../batches/batch.ts';
import { shownBatch } from '../../../batches/shown-batch.ts';
import { insertBatch } from '../../../batches/sql/insert-batch.ts';
import { isFileId } from '../../../files/files.ts';
import { ownerOf } from '../../../files/owner.ts';
import type { BatchesDeps } from './batches-deps.ts';
import { createDryRun } from './dry-run.ts';
import { endOfWindow, newBatchIn } from './new-batch.ts';
import { tooMany } from './refusals.ts';

/** POST /v1/batches. A runner checks the file; a dry run is answered when that is done. */
export function createBatch(deps: BatchesDeps): RequestHandler {
  const dryRun = createDryRun(deps);
  return async (req, res) => {
    const authenticated = await deps.authenticate(req);
    const asked = newBatchIn(req);
    const batch = newBatch(asked, authenticated, deps.now());
    // What its lines may not ask one by one, they may not ask together.
    if (authenticated.key) requireAllowedRoute(authenticated.key, batch.endpoint);
    await requireInputFile(batch, deps);
    if (batch.dryRun) return void res.json(await dryRun(batch, res));
    // What it writes is never refused: what is not to be written is not begun.
    await deps.files.requireRoom(batch.owner, 1);
    const stored = await deps.sql.transaction((tx) => insertBatch(tx, batch, deps.settings.maxUnfinished));
    if (stored === null) throw tooMany(deps);
    res.json(shownBatch(stored, deps.now()));
  };
}

function newBatch(asked: ReturnType<typeof newBatchIn>, authenticated: Authenticated, now: number): NewBatch {
  const { key, caller } = authenticated;
  return {
    batchId: `batch_${randomBytes(16).toString('hex')}`,
    owner: ownerOf(authenticated),
    keyFirstHash: key === null ? caller.keyHash : (key.firstHash ?? key.hash),
    endpoint: asked.endpoint,
    inputFileId: asked.input_file_id,
    completionWindow: asked.completion_window,
    metadata: asked.metadata ?? {},
    outputExpiresAfterSeconds: asked.output_expires_after?.seconds ?? null,
    dryRun: asked.sluice?.dry_run ?? false,
    createdAt: now,
    expiresAt: endOfWindow(asked.completion_window, now),
  };
}

/** @throws GatewayError invalid_request when there is no such file, also when it is somebody else's */
async function requireInputFile({ owner, inputFileId }: NewBatch, { files }: BatchesDeps): Promise<void> {
  const file = isFileId(inputFileId) ? await files.find(owner, inputFileId) : null;
  const param = 'input_file_id';
  if (file === null) throw new GatewayError('invalid_request', `No such File object: ${inputFileId}`, { param });
  if (file.purpose === 'batch') return;
  const message = `Invalid value for 'input_file_id': the file is for ${file.purpose}, not for batch.`;
  throw new GatewayError('invalid_request', message, { param });
}
