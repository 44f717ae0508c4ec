import { BlockList, isIP } from 'node:net';
import type { Section } from './section.ts';

const entriesMax = 10_000;

/**
 * `general_settings.allowed_ips`: from where requests are taken, as addresses or networks. A list that says nothing, or
 * something that is no address, ends the start: whoever writes one means to shut others out.
 *
 * @returns null: from everywhere
 */
export function readAllowedIps(general: Section): readonly string[] | null {
  const listed = general.array('allowed_ips');
  if (listed === null) return null;
  if (listed.length > 0 && listed.length <= entriesMax && listed.every(isAddressOrNetwork)) return listed;
  general.problem('allowed_ips', 'expected a list of addresses and networks, as in 192.0.2.1 or 10.0.0.0/8');
  return [];
}

/** Whether an address is in a list of addresses and networks; IPv4 also as IPv6 writes it. */
export function addressMatcher(listed: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of listed) {
    const [address = '', bits] = entry.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

/** Whether a text is an address, or a network as `10.0.0.0/8`. */
export function isAddressOrNetwork(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const version = isIP(address);
  return version !== 0 && (bits === undefined || Number(bits) <= (version === 4 ? 32 : 128));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
