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
  let lookedAt = performance.now();
  let idleBefore = performance.nodeTiming.idleTime;
  let timer = setTimeout(check, ms);
  // Cheaper than a race or an async function, which every request would run several times.
  call.then(pass, fail);
  return promise;

  function pass(value: T): void {
    clearTimeout(timer);
    resolve(value);
  }

  function fail(error: unknown): void {
    clearTimeout(timer);
    reject(error instanceof GatewayError ? error : unavailable(what, error));
  }

  function check(): void {
    if (extensions < extensionsMax && wasBusy()) {
      extensions += 1;
      timer = setTimeout(check, ms);
    } else reject(unavailable(what, new Error(`no answer within ${ms} ms`)));
  }

  /** For most of the time since it was last looked at: replies were waiting for it, not it for them. */
  function wasBusy(): boolean {
    const [now, idle] = [performance.now(), performance.nodeTiming.idleTime];
    const utilization = 1 - (idle - idleBefore) / (now - lookedAt);
    [lookedAt, idleBefore] = [now, idle];
    return utilization > 0.7;
  }
}

function unavailable(what: string, cause: unknown): GatewayError {
  return new GatewayError('dependency_unavailable', `The gateway's ${what} is not available. Try again in a moment.`, {
    retryAfterSeconds: 1,
    cause,
  });
}
