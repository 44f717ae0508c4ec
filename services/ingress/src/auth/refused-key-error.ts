import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from './authenticated.ts';

/** The holder of a key that is known may not use it now, or not for this: the refusal, and whose it is for the books. */
export class RefusedKeyError extends GatewayError {
  readonly #authenticated: Authenticated;

  constructor({ code, message, param, headers }: GatewayError, authenticated: Authenticated) {
    super(code, message, { headers, ...(param !== null && { param }) });
    this.#authenticated = authenticated;
  }

  /** Not for logs, which show an error's own fields. */
  get authenticated(): Authenticated {
    return this.#authenticated;
  }
}
