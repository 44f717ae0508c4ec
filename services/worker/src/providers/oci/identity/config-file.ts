import { join } from 'node:path';
import { identityRefused } from './identity-error.ts';
import { readIdentityFile } from './identity-file.ts';
import { createIdentityReader } from './key-and-token.ts';
import type { IdentityTexts } from './key-and-token.ts';
import { readOciProfile } from './oci-profile.ts';
import type { OciProfile } from './oci-profile.ts';
import type { IdentitySource } from './renewing-signer.ts';

export interface ConfigFileOptions {
  /** Null: `usualFile`, else `.oci/config` in the home folder. */
  readonly file: string | null;
  readonly profile: string;
  /** The profile must have a session token; without this it may. */
  readonly needsSessionToken: boolean;
  /** What `OCI_CONFIG_FILE` says. */
  readonly usualFile: string | null;
  /** What `~` stands for. */
  readonly home: string;
}

/** What stands in a signature inside of quotes. */
const keyIdForm = /^[\w.:+=@~/-]{1,1600}$/;

/** A profile of OCI's own configuration file, as its CLI writes and renews it. */
export function createConfigFile(options: ConfigFileOptions): IdentitySource {
  const { profile: name, needsSessionToken, home } = options;
  const who = `${needsSessionToken ? 'session_token' : 'config_file'} profile ${JSON.stringify(name)}`;
  const read = createIdentityReader(who);
  const file = atHome(options.file ?? options.usualFile ?? '~/.oci/config', home);
  const path = (value: string) => atHome(value, home);

  return {
    name: who,
    renewal: 'onUse',
    whenExpired: 'Renew it with `oci session refresh` or `oci session authenticate`.',
    async obtain() {
      const profile = readOciProfile(await readIdentityFile(file, `${who}: the file`), name);
      if (!profile) throw identityRefused(`${who}: there is no such profile in ${file}.`);
      const tokenFile = profile.get('security_token_file');
      if (needsSessionToken && !tokenFile) {
        const mend = 'run `oci session authenticate`, or use oci_auth: config_file';
        throw identityRefused(`${who}: it has no security_token_file; ${mend}.`);
      }
      const signsAs: IdentityTexts['signsAs'] = tokenFile
        ? { sessionToken: await readIdentityFile(path(tokenFile), `${who}: the session token`) }
        : { keyId: keyIdOf(profile) };
      const keyPem = await readIdentityFile(path(required(profile, 'key_file')), `${who}: the key file`);
      return read({ signsAs, keyPem, passphrase: profile.get('pass_phrase') ?? null });
    },
  };

  function keyIdOf(profile: OciProfile): string {
    const keyId = ['tenancy', 'user', 'fingerprint'].map((key) => required(profile, key)).join('/');
    if (!keyIdForm.test(keyId)) throw identityRefused(`${who}: ${file} holds characters that no OCI identifier has.`);
    return keyId;
  }

  function required(profile: OciProfile, key: string): string {
    const value = profile.get(key);
    if (!value) throw identityRefused(`${who}: ${key} is missing in ${file}.`);
    return value;
  }
}

function atHome(path: string, home: string): string {
  return path.startsWith('~/') ? join(home, path.slice(2)) : path;
}
