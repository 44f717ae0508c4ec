import { performance } from 'node:perf_hooks';
import { GatewayError } from './errors.ts';

/** Times that a limit is moved out for a process that was itself too busy to look for the reply. */
const extensionsMax = 2;

/**
 * Waits for an outside call at most `ms`. Slow is worse than dead: what does not answer in time counts as down.
 * The call itself is not undone; it may still take effect. Time in which this process was busy with other work says
 * nothing about the other side, so for a burst of requests the limit moves out, to three times `ms` at most.
 *
 * @throws GatewayError dependency_unavailable, naming `what`, after that time or when the call fails
 */
export async function withTimeLimit<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    let extensions = 0;
    let seen = performance.eventLoopUtilization();
    const check = () => {
      const before = seen;
      seen = performance.eventLoopUtilization();
      if (extensions < extensionsMax && wasBusy(performance.eventLoopUtilization(seen, before))) {
        extensions += 1;
        timer = setTimeout(check, ms);
      } else reject(unavailable(what, new Error(`no answer within ${ms} ms`)));
    };
    timer = setTimeout(check, ms);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    throw error instanceof GatewayError ? error : unavailable(what, error);
  } finally {
    clearTimeout(timer);
  }
}

/** For most of the time: replies were waiting for it, not it for them. */
function wasBusy({ utilization }: ReturnType<typeof performance.eventLoopUtilization>): boolean {
  return utilization > 0.7;
}

function unavailable(what: string, cause: unknown): GatewayError {
  return new GatewayError('dependency_unavailable', `The gateway's ${what} is not available. Try again in a moment.`, {
    retryAfterSeconds: 1,
    cause,
  });
}
