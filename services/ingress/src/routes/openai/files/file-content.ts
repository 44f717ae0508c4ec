import { GatewayError } from '@sluice/shared/errors.ts';
import type { Request, RequestHandler } from 'express';
import { drainedWithin, finishedWithin } from '../../../http/drained.ts';
import type { FilesDeps } from './files-deps.ts';
import { requireFile } from './one-file.ts';
import { createTransfers } from './transfers.ts';

/** Each holds a megabyte or two, and as long as the client reads. */
const downloads = { total: 64, ofOwner: 16 };
/** For the client to read a piece of 256 KiB. */
const pieceMs = 60_000;

/**
 * GET /v1/files/{id}/content, whole or the range that `Range` names, no faster than the client reads, and to nobody who
 * does not read.
 */
export function fileContent(deps: FilesDeps): RequestHandler {
  const begin = createTransfers(deps.downloads ?? downloads, 'downloaded');
  const withinMs = deps.downloadPieceMs ?? pieceMs;
  return async (req, res) => {
    const file = await requireFile(req, deps);
    using _ = begin(file.owner);
    const range = rangeOf(req, file.bytes);
    const { from, to } = range ?? { from: 0, to: file.bytes };
    const bytes = deps.files.read(file.fileId, { from, to })[Symbol.asyncIterator]();
    // A store that does not answer is known before the status is.
    let next = await bytes.next();

    res.status(range === null ? 200 : 206);
    res.attachment(file.filename);
    res.setHeader('content-type', 'application/octet-stream');
    res.setHeader('x-content-type-options', 'nosniff');
    res.setHeader('accept-ranges', 'bytes');
    res.setHeader('content-length', to - from);
    if (range !== null) res.setHeader('content-range', `bytes ${from}-${to - 1}/${file.bytes}`);
    try {
      while (next.done !== true && req.method !== 'HEAD' && !res.destroyed) {
        if (!res.write(next.value)) await drainedWithin(res, withinMs);
        next = await bytes.next();
      }
    } finally {
      await bytes.return?.();
    }
    res.end();
    await finishedWithin(res, withinMs);
  };
}

/**
 * null: the whole, also for several ranges at once, for what is no range, and for one on a condition that cannot hold,
 * since files have no validators (RFC 9110, 13.1.5 and 14.2).
 */
function rangeOf(req: Request, size: number): { from: number; to: number } | null {
  if (req.headers['if-range'] !== undefined) return null;
  const ranges = req.range(size);
  if (ranges === -1) {
    throw new GatewayError('range_not_satisfiable', `The file has ${size} bytes, and none in this range.`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return null;
  const [range] = ranges;
  return range === undefined ? null : { from: range.start, to: range.end + 1 };
}
