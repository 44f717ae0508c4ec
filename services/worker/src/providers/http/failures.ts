import { ProviderError } from '../provider.ts';
import { failureKindOf } from './failure-kinds.ts';
import { readRetryAfter } from './retry-after.ts';
import { vendorErrorOf } from './vendor-error.ts';
import { objectFromJson } from './wire.ts';

/** How much of a provider's body a message repeats, in UTF-16 units. */
const bodyCharsMax = 4096;

/** How much of it is searched for secrets: one that begins within what is shown ends within this. */
const searchedCharsMax = bodyCharsMax + 8192;

/** Shorter ones are stand-ins, such as `none`, for servers that need no key; they may be words of any answer. */
const secretCharsMin = 8;

/** An answer with a status other than 2xx. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | null;
  readonly providerRequestId: string | null;
}

/** A failure that came within an answer. */
export interface FailureInAnswer {
  /** What it amounts to; one that is no failure counts as 502. */
  readonly status: number;
  readonly body: string;
  readonly providerRequestId?: string | null;
}

/** Says what went wrong at one provider, in the words of the error catalogue and of LiteLLM. */
export interface Failures {
  /** @param nowMs epoch milliseconds, against which a `Retry-After` date is held */
  fromHttp(failure: HttpFailure, nowMs: number): ProviderError;
  fromAnswer(failure: FailureInAnswer): ProviderError;
  /** An answer that cannot be understood, or that broke off. It was begun, so it may be billed. */
  brokenAnswer(what: string, providerRequestId: string | null, cause?: unknown): ProviderError;
  /** No answer, because no connection; or one that broke before the answer began. */
  connectionFailed(mayBeBilled: boolean, cause: unknown): ProviderError;
  answerTimedOut(what: string, mayBeBilled: boolean, providerRequestId: string | null): ProviderError;
  /** What the provider said, a header for instance, without what it repeats of ours. */
  withoutSecrets(text: string): string;
}

/**
 * @param exception how LiteLLM names the provider's failures: clients tell them from the gateway's by it
 * @param secret what is blotted out wherever the provider repeats it, besides what looks like a key; null: nothing
 */
export function createFailures(exception: string, secret: string | null = null): Failures {
  const isReal = secret !== null && secret.length >= secretCharsMin;
  const blotted = (body: string) => (isReal ? body.replaceAll(secret, '[key]') : body);
  const messageOf = (litellmClass: string, text: string) => `litellm.${litellmClass}: ${exception} - ${text}`;

  return {
    fromHttp({ status, body: sent, retryAfter, providerRequestId }, nowMs) {
      const body = blotted(sent);
      const vendor = vendorErrorOf(objectFromJson(body), body);
      const kind = failureKindOf(status, vendor.text);
      return new ProviderError(kind.code, messageOf(kind.litellmClass, shown(body)), {
        status,
        param: vendor.param,
        retryAfterSeconds: readRetryAfter(retryAfter, nowMs),
        mayBeBilled: kind.mayBeBilled,
        providerRequestId,
        providerCode: vendor.code,
      });
    },
    fromAnswer({ status: said, body: sent, providerRequestId = null }) {
      const body = blotted(sent);
      const status = said >= 400 && said <= 599 ? said : 502;
      const vendor = vendorErrorOf(objectFromJson(body), body);
      const kind = failureKindOf(status, vendor.text);
      // The model has begun to write, whatever it says now.
      const details = { status, param: vendor.param, mayBeBilled: true, providerRequestId };
      return new ProviderError(kind.code, messageOf(kind.litellmClass, shown(body)), details);
    },
    brokenAnswer(what, providerRequestId, cause) {
      const details = { status: 502, mayBeBilled: true, providerRequestId, cause };
      return new ProviderError('provider_bad_gateway', messageOf('BadGatewayError', what), details);
    },
    connectionFailed(mayBeBilled, cause) {
      const message = messageOf('APIConnectionError', 'Connection error.');
      return new ProviderError('provider_unreachable', message, { status: 500, mayBeBilled, cause });
    },
    answerTimedOut(what, mayBeBilled, providerRequestId) {
      const details = { status: 408, mayBeBilled, providerRequestId };
      return new ProviderError('provider_timeout', messageOf('Timeout', what), details);
    },
    withoutSecrets: (text) => withoutSecrets(blotted(text)),
  };
}

function shown(body: string): string {
  const text = withoutSecrets(body.slice(0, searchedCharsMax));
  return text.length > bodyCharsMax ? `${text.slice(0, bodyCharsMax)}…` : text;
}

/** Most texts hold none of what is looked for. */
const mayHoldSecrets = /PRIVATE KEY|signature|bearer|api-key|(?:sk|xai)-/i;

/** Proxies and debug pages like to repeat the request's headers; providers, the key that they refuse. */
function withoutSecrets(text: string): string {
  if (!mayHoldSecrets.test(text)) return text;
  return text
    .replaceAll(/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(-----END [^-]*-----|$)/g, '[key]')
    .replaceAll(/Signature version=[^\r\n<]*/gi, '[signature]')
    .replaceAll(/(signature=\\?")[^"\\]+/gi, '$1[signature]')
    .replaceAll(/(Bearer\s+)[\w.~+/=-]+/gi, '$1[token]')
    .replaceAll(/((?:x-api-key|api-key)["']?\s*[:=]\s*["']?)[^\s"'<,}]+/gi, '$1[key]')
    .replaceAll(/\b(?:sk|gsk|xai)-[\w*-]{6,}/g, '[key]');
}
