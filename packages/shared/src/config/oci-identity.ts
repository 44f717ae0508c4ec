import type { EnvironmentSettings } from './environment-settings.ts';
import type { OciIdentity } from './gateway-config.ts';
import { readOciProfile, usualOciConfigFile } from './oci-profile.ts';
import { privateKeyFault } from './private-key.ts';
import type { OciDeps } from './oci-target.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';
import { readTextFile } from './text-file.ts';

export const ociIdentityTypes = [
  'api_key',
  'config_file',
  'session_token',
  'instance_principal',
  'resource_principal',
  'oke_workload_identity',
] as const satisfies readonly OciIdentity['type'][];

/** The identity of entries that name none: `sluice_settings`, else the environment. null: nothing is said. */
export interface OciDefaults {
  readonly auth: OciIdentity['type'] | null;
  readonly configFile: string | null;
  readonly configProfile: string | null;
}

/** An identity, and the region that it names; null: none. */
export interface ReadIdentity {
  readonly identity: OciIdentity;
  readonly region: string | null;
}

/** What stands in a signature's `keyId`, between slashes and inside of quotes. */
const identifier = /^[\w.:+=@~-]{1,512}$/;

const notAnIdentifier = 'holds characters that no OCI identifier has';

const maxKeyFileBytes = 64 * 1024;

/** Who signs when an entry does not say: `oci_auth` and its file and profile in `sluice_settings`. */
export function readOciDefaults(section: Section, env: Environment): OciDefaults {
  const auth = section.oneOf('oci_auth', ociIdentityTypes);
  const fromEnv = ociIdentityTypes.find((type) => type === env['OCI_AUTH']) ?? null;
  if (!section.has('oci_auth') && env['OCI_AUTH'] && fromEnv === null) {
    section.problem('oci_auth', `OCI_AUTH is none of ${ociIdentityTypes.join(', ')}`);
  }
  return {
    auth: auth ?? fromEnv,
    configFile: section.string('oci_config_file') || env['OCI_CONFIG_FILE'] || null,
    configProfile: section.string('oci_config_profile') || env['OCI_CONFIG_PROFILE'] || null,
  };
}

/**
 * Who signs an entry's requests. Only an API key is configured here; the other kinds bring what they need.
 *
 * @returns null when something is wrong or missing, which is reported, or noted with `settings`
 */
export async function readOciIdentity(
  params: Section,
  settings: EnvironmentSettings,
  { env, ociDefaults, hasCredentials }: OciDeps,
): Promise<ReadIdentity | null> {
  const own = params.oneOf('oci_auth', ociIdentityTypes);
  if (own === null && params.has('oci_auth')) return null; // what another identity needs is another story
  const type = own ?? ociDefaults.auth ?? 'api_key';
  switch (type) {
    case 'api_key':
      return hasCredentials ? readApiKey(settings) : nameOfApiKey(params, settings);
    case 'config_file':
    case 'session_token': {
      const given = params.string('oci_config_file') || ociDefaults.configFile;
      const file = given === null ? usualOciConfigFile(env) : given.replace(/^~(?=\/)/, env['HOME'] || '~');
      const profile = params.string('oci_config_profile') || ociDefaults.configProfile || 'DEFAULT';
      const read = await readOciProfile(file, profile, type);
      if ('failure' in read && !hasCredentials) {
        params.warning('oci_auth', `${type}: the profile cannot be read here, and so not its region: set oci_region`);
        return { identity: { type, file: given === null ? null : file, profile }, region: null };
      }
      if ('failure' in read) {
        const shownFile = params.has('oci_config_file') ? params.got('oci_config_file') : file;
        const shownProfile = params.has('oci_config_profile') ? params.got('oci_config_profile') : profile;
        params.problem('oci_auth', `${type}: profile ${shownProfile} of ${shownFile}: the file ${read.failure}`);
        return null;
      }
      return { identity: { type, file: given === null ? null : file, profile }, region: read.region };
    }
    case 'resource_principal':
      return { identity: { type }, region: env['OCI_RESOURCE_PRINCIPAL_REGION'] || null };
    case 'instance_principal':
    case 'oke_workload_identity':
      return { identity: { type }, region: null };
    default:
      return type satisfies never;
  }
}

/** One of OCI's identifiers: the entry's, else the variable's. */
export function readIdentifier(settings: EnvironmentSettings, key: string, variable: string): string | null {
  const text = settings.text(key, [variable]);
  if (text === null) settings.missing(key, [variable]);
  else if (!identifier.test(text)) {
    settings.fault(key, [variable], notAnIdentifier);
    return null;
  }
  return text;
}

/** Who signs, for a process that does not: without the key, and as far as it is told. */
function nameOfApiKey(params: Section, settings: EnvironmentSettings): ReadIdentity {
  const names = [
    ['oci_tenancy', 'OCI_TENANCY'],
    ['oci_user', 'OCI_USER'],
    ['oci_fingerprint', 'OCI_FINGERPRINT'],
  ] as const;
  const [tenancy = '', user = '', fingerprint = ''] = names.map(([key, variable]) => {
    const text = settings.text(key, [variable]);
    if (text !== null && !identifier.test(text)) settings.fault(key, [variable], notAnIdentifier);
    return text ?? '';
  });
  if (!tenancy || !user || !fingerprint) {
    params.warning(null, 'not told here who signs: /model/info shows another id of this deployment than the books');
  }
  return {
    identity: { type: 'api_key', tenancy, user, fingerprint, privateKeyPem: '', passphrase: null },
    region: null,
  };
}

async function readApiKey(settings: EnvironmentSettings): Promise<ReadIdentity | null> {
  const tenancy = readIdentifier(settings, 'oci_tenancy', 'OCI_TENANCY');
  const user = readIdentifier(settings, 'oci_user', 'OCI_USER');
  const fingerprint = readIdentifier(settings, 'oci_fingerprint', 'OCI_FINGERPRINT');
  const passphrase = settings.text('oci_key_passphrase', ['OCI_KEY_PASSPHRASE']);
  const privateKeyPem = await readPrivateKey(settings, passphrase);
  if (!tenancy || !user || !fingerprint || !privateKeyPem) return null;
  return { identity: { type: 'api_key', tenancy, user, fingerprint, privateKeyPem, passphrase }, region: null };
}

/** A key wins over a key file, and what the entry says over the environment. */
async function readPrivateKey(settings: EnvironmentSettings, passphrase: string | null): Promise<string | null> {
  const inEntry = settings.given('oci_key') || settings.given('oci_key_file');
  const [asText, asFile] = [settings.variable(['OCI_KEY']), settings.variable(['OCI_KEY_FILE'])];
  if (inEntry ? settings.given('oci_key') : asText) return keyFromText(settings, passphrase);
  if (inEntry || asFile) return keyFromFile(settings, passphrase);
  settings.missing('oci_key or oci_key_file', ['OCI_KEY', 'OCI_KEY_FILE']);
  return null;
}

function keyFromText(settings: EnvironmentSettings, passphrase: string | null): string | null {
  const text = settings.text('oci_key', ['OCI_KEY']);
  if (text === null) return null;
  const pem = text.replaceAll(String.raw`\n`, '\n');
  const fault = privateKeyFault(pem, passphrase);
  if (fault === null) return pem;
  settings.fault('oci_key', ['OCI_KEY'], fault);
  return null;
}

async function keyFromFile(settings: EnvironmentSettings, passphrase: string | null): Promise<string | null> {
  const path = settings.text('oci_key_file', ['OCI_KEY_FILE']);
  if (path === null) return null;
  // Paths are printed, keys never.
  if (/-----BEGIN|[\n\r]|\\n/.test(path) || path.length > 1024) {
    settings.fault('oci_key_file', ['OCI_KEY_FILE'], 'holds a key, not the path of one: use oci_key');
    return null;
  }
  const read = await readTextFile(path, maxKeyFileBytes);
  const fault = 'failure' in read ? read.failure : privateKeyFault(read.text, passphrase);
  if (fault !== null) settings.fault('oci_key_file', ['OCI_KEY_FILE'], `${path} ${fault}`);
  return 'failure' in read || fault !== null ? null : read.text;
}
