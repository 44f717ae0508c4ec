import type { Dispatcher } from 'undici';
import { signPost } from '../signing.ts';
import type { SigningIdentity } from '../signing.ts';
import type { UpstreamExchange } from '../upstream-exchange.ts';
import type { OciSigner } from './oci-signer.ts';
import { RefusalCatcher } from './refusal-catcher.ts';

/** A POST of JSON, about to be signed. */
export interface UnsignedPost {
  /** As on the request line: path and query. */
  readonly path: string;
  readonly host: string;
  readonly body: Buffer;
  /** Sent beside the signed ones. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface SendSignedDeps {
  readonly signer: OciSigner;
  readonly pool: Dispatcher;
  /** Signed before, but not sent. */
  readonly mayBeSent: Promise<void>;
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
export async function sendSigned(post: UnsignedPost, exchange: UpstreamExchange, deps: SendSignedDeps): Promise<void> {
  const { signer, pool, mayBeSent, now } = deps;
  const [first, permission] = await Promise.allSettled([sign(), mayBeSent]);
  if (permission.status === 'rejected') throw permission.reason;
  if (first.status === 'rejected') throw first.reason;
  if (first.value === null || exchange.isOver) return;
  const catcher = new RefusalCatcher(exchange);
  dispatch(first.value.headers, catcher);
  await Promise.race([exchange.headersArrived(), catcher.refused]);
  if (!catcher.wasRefused || exchange.isOver) return;

  const isRenewed = await unlessOver(signer.refused(first.value.identity), exchange);
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
    pool.dispatch(
      {
        method: 'POST',
        path: post.path,
        body: post.body,
        headers: { ...signed, ...post.headers },
        // The exchange measures time by itself, per call and to the millisecond.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  }
}

/** null when the exchange is over first: its time is up, or its client has left. */
function unlessOver<T>(promise: Promise<T>, exchange: UpstreamExchange): Promise<T | null> {
  return Promise.race([promise, exchange.headersArrived().then(() => null)]);
}
