import type { OciTarget } from './gateway-config.ts';
import { privateKeyFault } from './private-key.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';
import { readTextFile } from './text-file.ts';

/** Where OCI Generative AI began to be everywhere; LiteLLM's default too. */
const defaultRegion = 'us-ashburn-1';
const regionName = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;

/** What stands in a signature's `keyId`, between slashes and inside of quotes. */
const identifier = /^[\w.:+=@~-]{1,512}$/;

/** Identities that the platform gives: nothing of them is configured. */
const keyless = ['instance_principal', 'resource_principal', 'oke_workload_identity'] as const;

const maxKeyFileBytes = 64 * 1024;

/**
 * The `oci_*` parameters of one entry: where its model is and who calls it. What an entry does not say comes from
 * `OCI_REGION`, `OCI_USER`, `OCI_FINGERPRINT`, `OCI_TENANCY`, `OCI_COMPARTMENT_ID` and, if the entry gives no key
 * at all, `OCI_KEY` or `OCI_KEY_FILE`. A key wins over a key file. An empty value, as Compose passes for an unset
 * variable, is none.
 *
 * @returns null when something is wrong, which is reported
 */
export async function readOciTarget(
  params: Section,
  upstreamModel: string,
  env: Environment,
): Promise<OciTarget | null> {
  const settings = new OciSettings(params, env);
  const auth = params.oneOf('oci_auth', ['api_key', ...keyless], ' (other identities are not supported yet)');
  if (auth === null && params.has('oci_auth')) return null; // what another identity needs is another story
  const region = settings.region();
  const endpoint = readEndpoint(params);
  if (auth !== null && auth !== 'api_key') {
    const compartmentId = settings.identifier('oci_compartment_id', 'OCI_COMPARTMENT_ID');
    const servingMode = readServingMode(params, upstreamModel);
    settings.reportMissing();
    if (!region || !compartmentId || !servingMode) return null;
    return { api: 'oci', region, endpoint, compartmentId, servingMode, identity: { type: auth } };
  }
  const tenancy = settings.identifier('oci_tenancy', 'OCI_TENANCY');
  const user = settings.identifier('oci_user', 'OCI_USER');
  const fingerprint = settings.identifier('oci_fingerprint', 'OCI_FINGERPRINT');
  const compartmentId = settings.identifier('oci_compartment_id', 'OCI_COMPARTMENT_ID');
  const passphrase = settings.text('oci_key_passphrase', 'OCI_KEY_PASSPHRASE');
  const privateKeyPem = await settings.privateKey(passphrase);
  const servingMode = readServingMode(params, upstreamModel);
  settings.reportMissing();
  if (!region || !tenancy || !user || !fingerprint || !compartmentId || !privateKeyPem || !servingMode) return null;
  const identity = { type: 'api_key', tenancy, user, fingerprint, privateKeyPem, passphrase } as const;
  return { api: 'oci', region, endpoint, compartmentId, servingMode, identity };
}

/** Reads parameters that the environment may give instead, and remembers which ones nobody gives. */
class OciSettings {
  readonly #params: Section;
  readonly #env: Environment;
  readonly #missing: string[] = [];

  constructor(params: Section, env: Environment) {
    this.#params = params;
    this.#env = env;
  }

  text(key: string, variable: string): string | null {
    return this.#given(key) ? this.#params.string(key) : this.#env[variable] || null;
  }

  region(): string | null {
    const text = this.text('oci_region', 'OCI_REGION') ?? (this.#given('oci_region') ? null : defaultRegion);
    if (text === null || regionName.test(text)) return text;
    this.#fault('oci_region', 'OCI_REGION', 'is not the name of a region, such as us-chicago-1');
    return null;
  }

  identifier(key: string, variable: string): string | null {
    const text = this.text(key, variable);
    if (text === null) {
      if (!this.#given(key)) this.#missing.push(`${key} (or ${variable})`);
    } else if (!identifier.test(text)) {
      this.#fault(key, variable, 'holds characters that no OCI identifier has');
      return null;
    }
    return text;
  }

  async privateKey(passphrase: string | null): Promise<string | null> {
    const inEntry = this.#given('oci_key') || this.#given('oci_key_file');
    if (inEntry ? this.#given('oci_key') : this.#env['OCI_KEY']) return this.#keyFromText(passphrase);
    if (inEntry || this.#env['OCI_KEY_FILE']) return this.#keyFromFile(passphrase);
    this.#missing.push('oci_key or oci_key_file (or OCI_KEY, OCI_KEY_FILE)');
    return null;
  }

  reportMissing(): void {
    if (this.#missing.length > 0) this.#params.problem(null, `missing ${this.#missing.join(', ')}`);
  }

  #keyFromText(passphrase: string | null): string | null {
    const text = this.text('oci_key', 'OCI_KEY');
    if (text === null) return null;
    const pem = text.replaceAll(String.raw`\n`, '\n');
    const fault = privateKeyFault(pem, passphrase);
    if (fault === null) return pem;
    this.#fault('oci_key', 'OCI_KEY', fault);
    return null;
  }

  async #keyFromFile(passphrase: string | null): Promise<string | null> {
    const path = this.text('oci_key_file', 'OCI_KEY_FILE');
    if (path === null) return null;
    // Paths are printed, keys never.
    if (/-----BEGIN|[\n\r]|\\n/.test(path) || path.length > 1024) {
      this.#fault('oci_key_file', 'OCI_KEY_FILE', 'holds a key, not the path of one: use oci_key');
      return null;
    }
    const read = await readTextFile(path, maxKeyFileBytes);
    const fault = 'failure' in read ? read.failure : privateKeyFault(read.text, passphrase);
    if (fault !== null) this.#fault('oci_key_file', 'OCI_KEY_FILE', `${path} ${fault}`);
    return 'failure' in read || fault !== null ? null : read.text;
  }

  /** Whether the entry itself says something, be it right or wrong. */
  #given(key: string): boolean {
    return this.#params.has(key) && this.#params.raw(key) !== '';
  }

  #fault(key: string, variable: string, text: string): void {
    this.#params.problem(key, this.#given(key) ? text : `${variable} ${text}`);
  }
}

/**
 * The server of `api_base`: scheme, host and port. LiteLLM takes the whole address of an action too, so the part
 * from `/20231130` on is cut off. Never printed: people put credentials into addresses.
 */
function readEndpoint(params: Section): string | null {
  const text = params.string('api_base');
  if (text === null || text === '') return null;
  const url = URL.parse(text.replace(/\/20231130(?:\/.*)?$/, ''));
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    params.problem('api_base', 'expected an http(s) address, such as https://inference.example.com');
  } else if (url.username !== '' || url.password !== '') {
    params.problem('api_base', 'must not hold a user name or password');
  } else if (url.search !== '' || url.hash !== '' || !/^\/*$/.test(url.pathname)) {
    params.problem('api_base', 'expected only scheme, host and port; requests go to /20231130/actions there');
  } else return url.origin;
  return null;
}

function readServingMode(params: Section, upstreamModel: string): OciTarget['servingMode'] | null {
  const endpointId = params.string('oci_endpoint_id');
  const type = params.oneOf('oci_serving_mode', ['ON_DEMAND', 'DEDICATED']);
  if (type === null && params.has('oci_serving_mode')) return null;
  return type === 'DEDICATED' ? { type, endpointId: endpointId || upstreamModel } : { type: 'ON_DEMAND' };
}
