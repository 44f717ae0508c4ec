import type { OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { sendPost } from '../http/json-post.ts';
import type { JsonPost, SendDeps } from '../http/json-post.ts';
import type { UpstreamExchange } from '../http/upstream-exchange.ts';
import type { OciSigners } from '../oci/identity/oci-signer.ts';
import { sendSigned } from '../oci/identity/send-signed.ts';

export interface SendAuthorizedDeps extends SendDeps {
  readonly signers: OciSigners;
  /** Epoch milliseconds; dates the signatures. */
  readonly now: () => number;
}

/**
 * Sends a request as whom the target says. OCI's compatible surface takes the same signature as its own API, and the
 * compartment in a header, because the body has no room for it (oci-wire.md §1.4).
 *
 * @returns once the exchange has headers, or is over
 * @throws what `mayBeSent` rejects with; ProviderError when there is nothing to sign with
 */
export function sendAuthorized(
  post: JsonPost,
  auth: OpenAiTarget['auth'],
  exchange: UpstreamExchange,
  { signers, now, ...deps }: SendAuthorizedDeps,
): Promise<void> {
  switch (auth.type) {
    case 'none':
      return sendPost(post, exchange, deps);
    case 'bearer':
      return sendPost(withHeader(post, 'authorization', `Bearer ${auth.apiKey}`), exchange, deps);
    case 'header':
      return sendPost(withHeader(post, auth.name.toLowerCase(), auth.apiKey), exchange, deps);
    case 'oci': {
      const signer = signers.signerFor(auth.identity);
      return sendSigned(withHeader(post, 'opc-compartment-id', auth.compartmentId), exchange, { ...deps, signer, now });
    }
  }
}

function withHeader(post: JsonPost, name: string, value: string): JsonPost {
  return { ...post, headers: { ...post.headers, [name]: value } };
}
