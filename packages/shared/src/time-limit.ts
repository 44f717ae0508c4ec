import { GatewayError } from './errors.ts';

/**
 * Waits for an outside call at most `ms`. Slow is worse than dead: what does not answer in time counts as down.
 * The call itself is not undone; it may still take effect.
 *
 * @throws GatewayError dependency_unavailable, naming `what`, after `ms` milliseconds or when the call fails
 */
export async function withTimeLimit<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(what, new Error(`no answer within ${ms} ms`))), ms);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    throw error instanceof GatewayError ? error : unavailable(what, error);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(what: string, cause: unknown): GatewayError {
  return new GatewayError('dependency_unavailable', `The gateway's ${what} is not available. Try again in a moment.`, {
    retryAfterSeconds: 1,
    cause,
  });
}
