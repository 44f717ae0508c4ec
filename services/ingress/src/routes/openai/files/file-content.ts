import { GatewayError } from '@sluice/shared/errors.ts';
import type { Request, RequestHandler } from 'express';
import { drained } from '../../../http/drained.ts';
import type { FilesDeps } from './files-deps.ts';
import { requireFile } from './one-file.ts';

/** GET /v1/files/{id}/content, whole or the range that `Range` names, no faster than the client reads. */
export function fileContent(deps: FilesDeps): RequestHandler {
  return async (req, res) => {
    const file = await requireFile(req, deps);
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
        if (!res.write(next.value)) await drained(res);
        next = await bytes.next();
      }
    } finally {
      await bytes.return?.();
    }
    res.end();
  };
}

/** null: the whole, also for several ranges at once and for what is no range (RFC 9110, 14.2). */
function rangeOf(req: Request, size: number): { from: number; to: number } | null {
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
