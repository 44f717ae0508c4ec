import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { callIdOf } from '@sluice/shared/ids.ts';
import { ProviderError } from '../providers/provider.ts';
import type { ProviderEvent } from '../providers/provider.ts';
import type { JobDeps } from './job-context.ts';
import type { OpenedRequest } from './open-request.ts';
import { dropsParams, requestFor } from './request-for.ts';

interface CallToMake {
  readonly request: OpenedRequest;
  readonly call: number;
  readonly deployment: Deployment;
  /** Of all choices. */
  readonly outputTokensCap: number;
}

/** Has the deployment's provider answer; nothing is sent before the answer is iterated. */
export function startCall(
  { request, call, deployment, outputTokensCap }: CallToMake,
  { job, mayBeSent }: { readonly job: InferenceJob; readonly mayBeSent: Promise<void> },
  { providers, config: { router, sluice } }: Pick<JobDeps, 'providers' | 'config'>,
  signal: AbortSignal,
): AsyncIterable<readonly ProviderEvent[]> {
  const provider = providers[deployment.target.api];
  const common = {
    callId: callIdOf(job.requestId, call),
    deployment,
    dropParams: dropsParams(request.body, deployment, job),
    mayBeSent,
    timeouts: {
      connectMs: sluice.connectTimeoutMs,
      firstTokenMs: callTimeoutMs(job, deployment, router),
      betweenTokensMs: sluice.betweenTokensTimeoutMs,
    },
  };
  switch (request.kind) {
    case 'embedding': {
      const asked = { ...common, request: requestFor(deployment, request.body) };
      return provider.embed?.(asked, signal) ?? refused(deployment, 'embeddings');
    }
    case 'rerank': {
      const asked = { ...common, request: requestFor(deployment, request.body) };
      return provider.rerank?.(asked, signal) ?? refused(deployment, 'reranking');
    }
    case 'moderation': {
      const asked = { ...common, request: requestFor(deployment, request.body) };
      return provider.moderate?.(asked, signal) ?? refused(deployment, 'moderation');
    }
    case 'chat': {
      // The deployment's own default may ask for several choices. One that is dropped leaves the others their share.
      const { n } = { ...deployment.defaultParams, ...request.body };
      const each = Math.max(1, Math.floor(outputTokensCap / (n ?? 1)));
      // A cap that nobody named is ours: it must suit this model, which may be a fallback that writes less.
      const named = request.body.max_completion_tokens ?? request.body.max_tokens;
      const most = named == null ? (deployment.maxOutputTokens ?? each) : each;
      const asked = {
        ...common,
        request: requestFor(deployment, request.body),
        stream: job.stream,
        outputTokensCap: Math.min(each, most),
      };
      return provider.chat(asked, signal);
    }
    default:
      return request satisfies never;
  }
}

/** How long a call may take: to its first event if it is streamed, else to its whole answer. */
export function callTimeoutMs(
  job: Pick<InferenceJob, 'stream' | 'streamTimeoutMs'>,
  deployment: Pick<Deployment, 'timeoutMs' | 'streamTimeoutMs'>,
  router: Pick<RouterSettings, 'timeoutMs' | 'streamTimeoutMs'>,
): number {
  if (job.stream) return job.streamTimeoutMs ?? deployment.streamTimeoutMs ?? router.streamTimeoutMs;
  return deployment.timeoutMs ?? router.timeoutMs;
}

/** A call that fails before anything is sent: the next alias may be able to do it. */
// oxlint-disable-next-line require-yield -- an answer of nothing but an error
async function* refused(deployment: Deployment, what: string): AsyncGenerator<readonly ProviderEvent[]> {
  const message = `litellm.BadRequestError: ${deployment.model} cannot be called for ${what}.`;
  throw new ProviderError('provider_bad_request', message, { status: 400, mayBeBilled: false });
}
