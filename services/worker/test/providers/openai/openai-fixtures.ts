import type { Deployment, OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { deploymentOf } from '../oci/fixtures.ts';

export function openAiTargetOf(baseUrl: string, fields: Partial<OpenAiTarget> = {}): OpenAiTarget {
  return {
    api: 'openai',
    baseUrl,
    query: {},
    headers: {},
    tokenLimit: 'max_completion_tokens',
    auth: { type: 'none' },
    region: null,
    ...fields,
  };
}

export function openAiDeploymentOf(upstreamModel: string, target: OpenAiTarget, provider = 'openai'): Deployment {
  const id = `${provider}-${upstreamModel}`;
  return { ...deploymentOf(upstreamModel), id, provider, model: `${provider}/${upstreamModel}`, target };
}
