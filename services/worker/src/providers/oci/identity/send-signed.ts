import type { Dispatcher } from 'undici';
import { dispatchPost } from '../../http/json-post.ts';
import type { JsonPost, SendDeps } from '../../http/json-post.ts';
import { signPost } from '../signing.ts';
import type { SigningIdentity } from '../signing.ts';
import type { UpstreamExchange } from '../../http/upstream-exchange.ts';
import type { OciSigner } from './oci-signer.ts';
import { RefusalCatcher } from './refusal-catcher.ts';

export interface SendSignedDeps extends SendDeps {
  readonly signer: OciSigner;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Signs a request and sends it. A 401 has the identity renewed, where it can be, and the request sent once more: so
 * a token that ends or is revoked between two requests fails neither. Neither the time limits nor the leaving of the
 * client stop because of that.
 *
 * @returns once the exchange has headers, or is over
 * @throws what `mayBeSent` rejects with; ProviderError when there is nothing to sign with
 */
export async function sendSigned(post: JsonPost, exchange: UpstreamExchange, deps: SendSignedDeps): Promise<void> {
  const { signer, pool, mayBeSent, now } = deps;
  const signing = sign();
  signing.catch(() => undefined); // told below, unless nothing may be sent at all
  await mayBeSent;
  const first = await signing;
  if (first === null || exchange.isOver) return;
  const catcher = new RefusalCatcher(exchange);
  dispatch(first.headers, catcher);
  await catcher.answered;
  if (!catcher.wasRefused || exchange.isOver) return;

  const isRenewed = await unlessOver(signer.refused(first.identity), exchange);
  const second = isRenewed === true ? await sign() : null;
  if (exchange.isOver) return;
  if (second === null) catcher.passOn();
  else dispatch(second.headers, exchange);
  await exchange.headersArrived();

  async function sign(): Promise<{ identity: SigningIdentity; headers: Record<string, string> } | null> {
    const current = signer.current();
    const identity = current instanceof Promise ? await unlessOver(current, exchange) : current;
    if (identity === null) return null;
    const { path: target, host, body } = post;
    return { identity, headers: await signPost(identity, { target, host, date: new Date(now()) }, body) };
  }

  function dispatch(signed: Record<string, string>, handler: Dispatcher.DispatchHandler): void {
    dispatchPost(pool, { ...post, headers: { ...signed, ...post.headers } }, handler);
  }
}

/** null when the exchange is over first: its time is up, or its client has left. */
function unlessOver<T>(promise: Promise<T>, exchange: UpstreamExchange): Promise<T | null> {
  return Promise.race([promise, exchange.headersArrived().then(() => null)]);
}
