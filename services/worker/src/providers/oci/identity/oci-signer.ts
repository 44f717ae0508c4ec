import type { OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import type { SigningIdentity } from '../signing.ts';

/**
 * Who signs requests to OCI, whatever kind of identity it is: an API key that stays as it is, or a token that comes
 * and goes.
 *
 * To sign: `current()`, then `signPost()` of signing.ts. If the service answers 401, `refused()`; where that says
 * true, sign again and send once more. A 401 is never billed. Headers such as `opc-compartment-id` need no signature
 * and are added beside the signed ones.
 */
export interface OciSigner {
  /**
   * Key id and private key that belong together. Given at once while there are valid ones; else a promise, which
   * all who ask share. Not to be kept beyond one request.
   *
   * @throws ProviderError (rejects) that nothing was sent for: not billed
   */
  current(): SigningIdentity | Promise<SigningIdentity>;

  /**
   * The service has answered 401 to a request that this identity signed. Has it renewed, unless that was done
   * already.
   *
   * @returns whether `current()` now gives another, so that sending again makes sense
   * @throws ProviderError when there should be another and cannot be had; not billed
   */
  refused(identity: SigningIdentity): Promise<boolean>;
}

/** One signer for all that use the same identity, whatever protocol they speak. They live until this is disposed. */
export interface OciSigners extends AsyncDisposable {
  /** Does no I/O: that begins with the signer's first use. */
  signerFor(identity: OciIdentity): OciSigner;
}
