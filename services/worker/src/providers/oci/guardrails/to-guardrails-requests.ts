import type { ModerationCall } from '../../provider.ts';
import { anyValueOf } from '../model-family.ts';
import { supportedParams } from '../supported-params.ts';
import type { WireObject } from '../wire.ts';

const moderationParams = anyValueOf(['categories', 'pii_types']);

/** What OCI documents; others, such as HATE, are passed on. */
const usualCategories = ['overall', 'blocklist'];
const usualPiiTypes = ['person', 'email', 'telephone_number', 'address'];

/** `guardrails-1.1` asks for that version, `guardrails` for the service's own choice. */
const versionInName = /^guardrails-(\d+(?:\.\d+){1,2})$/;

/**
 * OpenAI's moderation request as OCI's applyGuardrails ones, a text each (oci-wire.md §5.3), without the compartment.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toGuardrailsRequests(call: ModerationCall): WireObject[] {
  const request = supportedParams(call.request, moderationParams, call.dropParams);
  const wanted = categoriesOf(call);
  const content = wanted.filter((name) => name !== 'prompt_injection' && name !== 'pii');
  const [, guardrailVersion] = versionInName.exec(call.deployment.upstreamModel) ?? [];
  const common = {
    guardrailConfigs: {
      ...(content.length > 0 && { contentModerationConfig: { categories: content.map(upper) } }),
      ...(wanted.includes('pii') && {
        personallyIdentifiableInformationConfig: { types: (request.pii_types ?? usualPiiTypes).map(upper) },
      }),
      ...(wanted.includes('prompt_injection') && { promptInjectionConfig: {} }),
    },
    ...(guardrailVersion !== undefined && { guardrailVersionConfig: { guardrailVersion } }),
  };
  return [request.input].flat().map((text) => ({ ...common, input: { type: 'TEXT', content: text } }));
}

/** What a request looks for, in lower case, each once. */
export function categoriesOf({ request }: Pick<ModerationCall, 'request'>): string[] {
  return [...new Set((request.categories ?? usualCategories).map((name) => name.toLowerCase()))];
}

function upper(name: string): string {
  return name.toUpperCase();
}
