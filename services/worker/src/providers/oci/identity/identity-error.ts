import { ProviderError } from '../../provider.ts';

/** The identity cannot sign, and trying again changes nothing until somebody mends it. */
export function identityRefused(what: string, cause?: unknown): ProviderError {
  return new ProviderError('provider_authentication', `litellm.AuthenticationError: OciException - ${what}`, {
    status: 401,
    mayBeBilled: false,
    cause,
  });
}

/** Something between us and the identity's token does not answer, or not well; it may later. */
export function identityUnreachable(what: string, cause?: unknown): ProviderError {
  return new ProviderError('provider_unreachable', `litellm.APIConnectionError: OciException - ${what}`, {
    status: 500,
    mayBeBilled: false,
    cause,
  });
}
