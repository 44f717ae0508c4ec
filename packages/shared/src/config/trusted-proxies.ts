import { isAddressOrNetwork } from './allowed-ips.ts';
import type { Section } from './section.ts';

/** Express's names of loopback, link-local and private networks. */
const networkNames = ['loopback', 'linklocal', 'uniquelocal'] as const;

const proxiesMax = 1_000;

/**
 * Whose `X-Forwarded-For` is believed: `sluice_settings.trusted_proxies`; with LiteLLM's `use_x_forwarded_for` alone,
 * proxies in private networks. LiteLLM then believes whatever a client writes; here the last address that no trusted
 * proxy has is the client's. Empty: nobody's, and a request comes from whom its connection is with.
 */
export function readTrustedProxies({
  general,
  own,
}: {
  readonly general: Section;
  readonly own: Section;
}): readonly string[] {
  const forwarded = general.boolean('use_x_forwarded_for') ?? false;
  const listed = own.array('trusted_proxies');
  if (listed === null) return forwarded ? networkNames : [];
  if (listed.length > proxiesMax || !listed.every(isProxy)) {
    own.problem('trusted_proxies', `expected a list of addresses, networks (10.0.0.0/8) or ${networkNames.join(', ')}`);
    return [];
  }
  return listed;
}

function isProxy(value: unknown): value is string {
  return networkNames.some((name) => name === value) || isAddressOrNetwork(value);
}
