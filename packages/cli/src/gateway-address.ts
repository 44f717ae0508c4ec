import { wrongUsage } from './failure.ts';

export interface GatewayAddress {
  /** Without `/v1`, without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
}

/** @throws Failure when there is no key, or the URL is not one of a gateway */
export function gatewayAddress(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): GatewayAddress {
  const text = given ?? (env['SLUICE_URL'] || env['OPENAI_BASE_URL'] || 'http://127.0.0.1:4000');
  const url = URL.canParse(text) ? new URL(text) : null;
  // Not shown: somebody may have put a key there.
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw wrongUsage("the gateway's URL is not one of http or https");
  if (url.username !== '' || url.password !== '')
    throw wrongUsage("the gateway's URL must not hold a user or a password");
  const apiKey = env['SLUICE_API_KEY'] || env['OPENAI_API_KEY'];
  if (!apiKey) throw wrongUsage('no key: set SLUICE_API_KEY or OPENAI_API_KEY');
  return { url: `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, ''), apiKey };
}
