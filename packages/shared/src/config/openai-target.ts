import { baseOf, readAddress } from './address.ts';
import { EnvironmentSettings } from './environment-settings.ts';
import type { AnthropicTarget, OpenAiTarget } from './gateway-config.ts';
import { type ProviderDialect, tokenLimitOf } from './providers.ts';
import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';

/** LiteLLM's own, when nobody says which. */
const azureApiVersion = '2025-02-01-preview';

/** What HTTP carries in a header, without the spaces that a copied key likes to bring along. */
const headerText = /^[\x21-\x7e]{1,8192}$/;

/** What addresses end in that somebody copied whole. */
const operations = /\/(?:chat\/completions|completions|embeddings|v1\/messages)$/;

/**
 * Where the models of a provider with its own key are: what an entry says, else the environment.
 *
 * @returns the target by model, since its name may be part of the address; null when something is wrong, which is
 *   reported
 */
export function readKeyedTarget(
  params: Section,
  provider: string,
  dialect: ProviderDialect,
  { env, hasCredentials }: { readonly env: Environment; readonly hasCredentials: boolean },
): ((model: string) => OpenAiTarget | AnthropicTarget) | null {
  const settings = new EnvironmentSettings(params, env);
  const address = readAddress(settings, dialect.baseVariables);
  const baseUrl = address === null ? dialect.baseUrl : withPath(address, dialect);
  if (baseUrl === null && address === null) settings.missing('api_base', dialect.baseVariables);
  const isAddressed = settings.given('api_base') || settings.variable(dialect.baseVariables) !== null;
  const required = dialect.keyRequired;
  const apiKey = readApiKey(settings, { variables: dialect.keyVariables, required, hasCredentials });
  if (apiKey === null && required) settings.missing('api_key', dialect.keyVariables);
  const organization = readHeader(settings, 'organization', provider === 'openai' ? ['OPENAI_ORGANIZATION'] : []);
  const version = provider === 'azure' ? readHeader(settings, 'api_version', ['AZURE_API_VERSION']) : null;
  settings.reportMissing();
  const isWrong = [organization, version].includes(undefined) || apiKey === undefined;
  if (baseUrl === null || isWrong || (isAddressed && address === null)) return null;
  if (apiKey === null && required) return null;

  const headers: Record<string, string> = organization ? { 'openai-organization': organization } : {};
  if (dialect.api === 'anthropic') {
    return () => ({ api: 'anthropic', baseUrl: baseUrl.replace(/\/v1$/, ''), apiKey: apiKey ?? '', headers: {} });
  }
  const bearer = apiKey === null ? ({ type: 'none' } as const) : ({ type: 'bearer', apiKey } as const);
  const isAzure = provider === 'azure';
  return (model) => ({
    api: 'openai',
    baseUrl: isAzure ? azureBase(baseUrl, model) : baseUrl,
    query: isAzure ? { 'api-version': version ?? azureApiVersion } : {},
    headers,
    tokenLimit: tokenLimitOf(dialect.tokenLimit, model),
    auth: isAzure && apiKey !== null ? { type: 'header', name: 'api-key', apiKey } : bearer,
    region: null,
  });
}

/**
 * null: there is none; undefined: it cannot be sent, which is reported without it. In a process that calls no models,
 * an empty text stands for a key that is there, or has to be where they are called.
 */
export function readApiKey(
  settings: EnvironmentSettings,
  key: { readonly variables: readonly string[]; readonly required: boolean; readonly hasCredentials: boolean },
): string | null | undefined {
  if (key.hasCredentials) return readHeader(settings, 'api_key', key.variables);
  return key.required || settings.given('api_key') || settings.variable(key.variables) !== null ? '' : null;
}

function readHeader(settings: EnvironmentSettings, key: string, variables: readonly string[]) {
  const text = settings.text(key, variables);
  if (text === null) return settings.given(key) ? undefined : null;
  if (headerText.test(text)) return text;
  settings.fault(key, variables, 'holds spaces, line ends or other characters that no HTTP header takes');
  return undefined;
}

function withPath(address: URL, { path }: ProviderDialect): string {
  const base = baseOf(address).replace(operations, '');
  return base === address.origin ? `${base}${path}` : base;
}

/** Azure has a deployment's name in its address; one that is there already stays. */
function azureBase(baseUrl: string, model: string): string {
  if (baseUrl.includes('/openai/deployments/')) return baseUrl;
  return `${baseUrl.replace(/\/openai$/, '')}/openai/deployments/${encodeURIComponent(model)}`;
}
