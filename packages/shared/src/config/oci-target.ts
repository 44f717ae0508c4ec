import { baseOf, readAddress } from './address.ts';
import { EnvironmentSettings } from './environment-settings.ts';
import type { OciTarget, OpenAiTarget } from './gateway-config.ts';
import { type OciDefaults, readIdentifier, readOciIdentity } from './oci-identity.ts';
import { ociInferenceUrl } from './oci-realms.ts';
import { readApiKey } from './openai-target.ts';
import { tokenLimitOf } from './providers.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';

/** Where OCI Generative AI began to be everywhere; LiteLLM's default too. */
const defaultRegion = 'us-ashburn-1';
const regionName = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;

export interface OciDeps {
  readonly env: Environment;
  readonly ociDefaults: OciDefaults;
  /** Whether this process calls models; else keys are neither needed nor kept. */
  readonly hasCredentials: boolean;
}

/**
 * Where an entry's OCI models are and who calls them, by model: a dedicated endpoint may be named by it. What an
 * entry does not say comes from `OCI_REGION`, `OCI_COMPARTMENT_ID` and what its identity reads. `oci_api: openai`
 * chooses OCI's OpenAI-compatible surface, where an `api_key` of OCI Generative AI takes the place of both identity
 * and compartment.
 *
 * @returns null when something is wrong, which is reported
 */
export async function readOciTarget(
  params: Section,
  deps: OciDeps,
): Promise<((model: string) => OciTarget | OpenAiTarget) | null> {
  const api = params.oneOf('oci_api', ['native', 'openai']);
  if (api === null && params.has('oci_api')) return null;
  return api === 'openai' ? readOpenAiSurface(params, deps) : readNative(params, deps);
}

async function readNative(params: Section, deps: OciDeps): Promise<((model: string) => OciTarget) | null> {
  const settings = new EnvironmentSettings(params, deps.env);
  const endpoint = readEndpoint(settings);
  if (settings.given('api_key')) params.warning('api_key', 'ignored: it is for oci_api: openai');
  const who = await readOciIdentity(params, settings, deps);
  const region = readRegion(settings, who?.region ?? null);
  const compartmentId = readIdentifier(settings, 'oci_compartment_id', 'OCI_COMPARTMENT_ID');
  const endpointId = params.string('oci_endpoint_id');
  const serving = params.oneOf('oci_serving_mode', ['ON_DEMAND', 'DEDICATED']);
  settings.reportMissing();
  if (endpoint === undefined || (serving === null && params.has('oci_serving_mode'))) return null;
  if (who === null || !region || !compartmentId) return null;
  return (model) => ({
    api: 'oci',
    region,
    endpoint,
    compartmentId,
    servingMode: serving === 'DEDICATED' ? { type: serving, endpointId: endpointId || model } : { type: 'ON_DEMAND' },
    identity: who.identity,
  });
}

async function readOpenAiSurface(params: Section, deps: OciDeps): Promise<((model: string) => OpenAiTarget) | null> {
  const settings = new EnvironmentSettings(params, deps.env);
  const address = readAddress(settings, []);
  if (settings.given('api_base') && address === null) return null;
  if (params.oneOf('oci_serving_mode', ['ON_DEMAND', 'DEDICATED']) === 'DEDICATED') {
    params.problem('oci_serving_mode', 'DEDICATED needs oci_api: native');
  }
  const key = readApiKey(settings, { variables: [], required: false, hasCredentials: deps.hasCredentials });
  if (key === undefined) return null;
  const who = key === null ? await readOciIdentity(params, settings, deps) : null;
  const region = readRegion(settings, who?.region ?? null);
  const compartmentId = key === null ? readIdentifier(settings, 'oci_compartment_id', 'OCI_COMPARTMENT_ID') : null;
  settings.reportMissing();
  const auth =
    key !== null
      ? ({ type: 'bearer', apiKey: key } as const)
      : who && compartmentId
        ? ({ type: 'oci', identity: who.identity, compartmentId } as const)
        : null;
  if (auth === null || region === null) return null;
  const base = address === null ? ociInferenceUrl(region) : baseOf(address);
  const baseUrl = address === null || base === address.origin ? `${base}/openai/v1` : base;
  return (model) => ({
    api: 'openai',
    baseUrl,
    query: {},
    headers: {},
    tokenLimit: tokenLimitOf('by-model', model),
    auth,
    region,
  });
}

/** @param ofIdentity the region that the identity itself names: what nobody else says */
function readRegion(settings: EnvironmentSettings, ofIdentity: string | null): string | null {
  const text = settings.text('oci_region', ['OCI_REGION']);
  if (text === null) {
    const usual = ofIdentity !== null && regionName.test(ofIdentity) ? ofIdentity : defaultRegion;
    return settings.given('oci_region') ? null : usual;
  }
  if (regionName.test(text)) return text;
  settings.fault('oci_region', ['OCI_REGION'], 'is not the name of a region, such as us-chicago-1');
  return null;
}

/**
 * The server of `api_base`: scheme, host and port; null: the region's. LiteLLM takes the whole address of an action
 * too, so the part from `/20231130` on is cut off. undefined: it is wrong, which is reported.
 */
function readEndpoint(settings: EnvironmentSettings): string | null | undefined {
  const url = readAddress(settings, []);
  if (url === null) return settings.given('api_base') ? undefined : null;
  if (/^\/*$/.test(url.pathname.replace(/\/20231130(?:\/.*)?$/, ''))) return url.origin;
  settings.fault('api_base', [], 'expected only scheme, host and port; requests go to /20231130/actions there');
  return undefined;
}
