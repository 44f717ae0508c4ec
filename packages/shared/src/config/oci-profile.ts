import { homedir } from 'node:os';
import path from 'node:path';
import { readTextFile } from './text-file.ts';

const maxFileBytes = 1024 * 1024;

/** What a profile needs for each kind of identity; where the rest of it lies is the SDK's to read. */
const neededKeys = {
  config_file: ['tenancy', 'user', 'fingerprint', 'key_file'],
  session_token: ['tenancy', 'fingerprint', 'key_file', 'security_token_file'],
} as const;

/** A profile of OCI's own configuration file. */
export interface OciProfile {
  /** null: the profile names none. */
  readonly region: string | null;
}

/** Where OCI's tools keep their configuration. */
export function usualOciConfigFile(env: Readonly<Record<string, string | undefined>>): string {
  return path.join(env['HOME'] || homedir(), '.oci', 'config');
}

/**
 * Looks into OCI's configuration file, so that a profile which cannot work stops the start and not the first request.
 *
 * @returns or in a few words why there is no such profile, without any value of it
 */
export async function readOciProfile(
  file: string,
  profile: string,
  kind: keyof typeof neededKeys,
): Promise<OciProfile | { readonly failure: string }> {
  const read = await readTextFile(file, maxFileBytes);
  if ('failure' in read) return read;
  const profiles = profilesOf(read.text);
  const own = profiles.get(profile);
  if (!own) return { failure: 'has no such profile' };
  // As OCI's SDKs read it: what a profile does not say, DEFAULT does.
  const values = new Map([...(profiles.get('DEFAULT') ?? []), ...own]);
  const missing = neededKeys[kind].filter((key) => !values.get(key));
  if (missing.length > 0) return { failure: `has no ${missing.join(', ')} there` };
  return { region: values.get('region') || null };
}

/** `[NAME]`, then `key = value`, a line each; others, and comments, say nothing. */
function profilesOf(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | null = null;
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    if (name !== undefined) profiles.set(name, (current = new Map()));
    const at = line.indexOf('=');
    if (current && at > 0 && !/^[#;]/.test(line)) current.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return profiles;
}
