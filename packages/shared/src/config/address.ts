import type { EnvironmentSettings } from './environment-settings.ts';

const example = 'https://inference.example.com';

/**
 * The server that an entry's `api_base`, else a variable, names. Never printed: people put credentials into addresses.
 *
 * @returns null for nothing, and for what is no address, which is reported
 */
export function readAddress(settings: EnvironmentSettings, variables: readonly string[]): URL | null {
  const text = settings.text('api_base', variables);
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    settings.fault('api_base', variables, `expected an http(s) address, such as ${example}`);
  } else if (url.username !== '' || url.password !== '') {
    settings.fault('api_base', variables, 'must not hold a user name or password');
  } else if (url.search !== '' || url.hash !== '') {
    settings.fault('api_base', variables, 'must not hold a query or a fragment');
  } else return url;
  return null;
}

/** A base address without a slash at its end. */
export function baseOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.replace(/\/+$/, '');
}
