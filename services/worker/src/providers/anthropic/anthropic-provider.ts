import type { AnthropicTarget, Deployment } from '@sluice/shared/config/gateway-config.ts';
import { converse } from '../chat/converse.ts';
import type { Conversation } from '../chat/converse.ts';
import { DeploymentPools } from '../http/deployment-pools.ts';
import { failuresOf } from '../http/failures-of.ts';
import { ourHeaders, sendPost } from '../http/json-post.ts';
import type { JsonPost } from '../http/json-post.ts';
import type { ChatCall, Provider, ProviderEvent } from '../provider.ts';
import { createMessageEventReader } from './from-message-event.ts';
import { fromMessage } from './from-message.ts';
import { toMessagesRequest } from './to-messages-request.ts';

/** The API's only version; what is newer is asked for by name. */
const apiVersion = '2023-06-01';

const shownNames = /^(request-id|anthropic-ratelimit-.*|retry-after)$/;
const requestIdHeaders = ['request-id'];

export interface AnthropicProviderOptions {
  /** Open connections per deployment; further calls wait for one within their time limits. */
  readonly connectionsPerDeployment: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** How long a stream may stay open after its finish, for the connection to be used again. */
  readonly graceMs?: number;
}

/**
 * Anthropic's Messages API. Connections open with a deployment's first call and live until the provider is disposed;
 * the `connectMs` of that first call holds for the deployment.
 *
 * A call whose signal is aborted throws the signal's reason.
 */
export function openAnthropicProvider(options: AnthropicProviderOptions): Provider {
  const { connectionsPerDeployment, now = Date.now, graceMs = 1000 } = options;
  const pools = new DeploymentPools(connectionsPerDeployment);
  return {
    async *chat(call, signal): AsyncGenerator<readonly ProviderEvent[]> {
      const failures = failuresOf(call.deployment.provider, targetOf(call.deployment).apiKey);
      const conversation: Conversation = {
        timeouts: call.timeouts,
        send: senderOf(call, pools),
        fromWhole: (message) => fromMessage(message, failures),
        streamReader: () => createMessageEventReader(failures),
      };
      yield* converse(conversation, { failures, requestIdHeaders, shownNames, graceMs, now }, signal);
    },
    [Symbol.asyncDispose]: () => pools[Symbol.asyncDispose](),
  };
}

function senderOf(call: ChatCall, pools: DeploymentPools): Conversation['send'] {
  const { deployment, mayBeSent, timeouts } = call;
  const target = targetOf(deployment);
  const url = new URL(`${target.baseUrl}/v1/messages`);
  const post: JsonPost = {
    path: url.pathname,
    host: url.host,
    body: Buffer.from(JSON.stringify(toMessagesRequest(call))),
    headers: { ...ourHeaders, 'anthropic-version': apiVersion, ...target.headers, 'x-api-key': target.apiKey },
  };
  return (exchange) => {
    const pool = pools.poolOf(deployment, url.origin, timeouts.connectMs);
    return sendPost(post, exchange, { pool, mayBeSent });
  };
}

function targetOf({ id, target }: Deployment): AnthropicTarget {
  if (target.api !== 'anthropic') throw new Error(`deployment ${id} speaks ${target.api}, not Anthropic's API`);
  return target;
}
