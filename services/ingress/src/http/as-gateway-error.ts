import { GatewayError } from '@sluice/shared/errors.ts';

/** Express and its body parser have errors of their own, told apart by `type` and `status`: the same as one of ours. */
export function asGatewayError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof GatewayError) return thrown;
  const { type, limit, status } = thrown as Error & { type?: unknown; limit?: unknown; status?: unknown };
  switch (type) {
    case 'entity.too.large': {
      const limitMb = Number(limit) / 1024 ** 2;
      return new GatewayError('body_too_large', `The request body is larger than ${limitMb} MB.`, { cause: thrown });
    }
    case 'encoding.unsupported':
    case 'request.size.invalid':
    case 'request.aborted':
    case 'stream.encoding.set':
      return new GatewayError('malformed_body', `The request body could not be read: ${thrown.message}.`, {
        cause: thrown,
      });
    default:
      break;
  }
  // A path that does not decode, or a compressed body that does not inflate.
  if (status === 400) {
    return new GatewayError('malformed_body', 'The request could not be read.', { cause: thrown });
  }
  return thrown;
}
