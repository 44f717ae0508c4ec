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
export function withTimeLimit<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let extensions = 0;
  let seen = performance.eventLoopUtilization();
  let timer = setTimeout(check, ms);
  void passOn();
  return promise;

  // Cheaper than a race, which every request would run several times.
  async function passOn(): Promise<void> {
    try {
      resolve(await call);
    } catch (error) {
      reject(error instanceof GatewayError ? error : unavailable(what, error));
    } finally {
      clearTimeout(timer);
    }
  }

  function check(): void {
    const before = seen;
    seen = performance.eventLoopUtilization();
    if (extensions < extensionsMax && wasBusy(performance.eventLoopUtilization(seen, before))) {
      extensions += 1;
      timer = setTimeout(check, ms);
    } else reject(unavailable(what, new Error(`no answer within ${ms} ms`)));
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
