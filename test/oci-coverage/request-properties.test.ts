import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import { CallId } from '@sluice/shared/ids.ts';
import * as fc from 'fast-check';
import { chatFormats } from '../../services/worker/src/providers/oci/chat-formats.ts';
import { chatFamilyOf } from '../../services/worker/src/providers/oci/model-family.ts';
import { ProviderError } from '../../services/worker/src/providers/provider.ts';
import { runs } from './arbitrary.ts';
import { conversation } from './conversation.ts';
import { deploymentOf } from './open-oci-client.ts';
import { asCohere, saidIn, withoutThoughts, withSystemInUser } from './said.ts';
import type { Said } from './said.ts';
import { saidOnWire } from './said-on-wire.ts';

/** A model of each way in which OCI is told a conversation, and what is told otherwise than OpenAI does. */
const models: readonly {
  readonly model: string;
  readonly images: boolean;
  readonly retold: (said: readonly Said[]) => Said[];
}[] = [
  { model: 'support.qwen3-32b', images: true, retold: (said) => [...said] },
  { model: 'openai.gpt-4.1', images: true, retold: withoutThoughts },
  {
    model: 'meta.llama-4-scout-17b-16e-instruct',
    images: true,
    retold: (said) => withoutThoughts(withSystemInUser(said)),
  },
  { model: 'cohere.command-a-03-2025', images: false, retold: asCohere },
  { model: 'cohere.command-a-vision-07-2025', images: true, retold: withoutThoughts },
  { model: 'cohere.command-a-reasoning-08-2025', images: false, retold: (said) => [...said] },
];

for (const { model, images, retold } of models) {
  const { apiFormat } = chatFamilyOf(model);
  const isCohere = apiFormat === 'COHERE';
  const sayable = conversation({ images, strangeArguments: !isCohere, assistantLast: !isCohere });

  test(`property: ${apiFormat} for ${model} says all of a conversation, once and in order`, () => {
    const sent = fc.property(sayable, fc.boolean(), (messages, stream) => {
      assert.deepEqual(saidOnWire(bodyFor(model, messages, stream)), retold(saidIn(messages)));
    });
    fc.assert(sent, runs(400));
  });

  test(`property: ${apiFormat} for ${model} refuses by name what it cannot say, and only that`, () => {
    const anything = conversation({ images: true, strangeArguments: true, assistantLast: true });
    const sent = fc.property(anything, fc.boolean(), (messages, stream) => {
      const params = unsayable(messages, { images, isCohere });
      if (params.length === 0) return void bodyFor(model, messages, stream);
      assert.throws(
        () => bodyFor(model, messages, stream),
        (error) =>
          error instanceof ProviderError &&
          error.code === 'unsupported_parameter' &&
          error.status === 400 &&
          !error.mayBeBilled &&
          params.includes(error.param ?? '') &&
          error.message.includes(`'${error.param}'`),
      );
    });
    fc.assert(sent, runs(200));
  });
}

function bodyFor(model: string, messages: readonly ChatMessage[], stream: boolean): string {
  const family = chatFamilyOf(model);
  const tools = [{ type: 'function', function: { name: 'weather' } }];
  const call = {
    callId: CallId.parse('chatcmpl-3b241101-e2bb-4255-8caf-4136c566a962:1'),
    deployment: deploymentOf(model),
    // As it comes from the client, through the surface's own check.
    request: ChatCompletionRequest.parse(JSON.parse(JSON.stringify({ model: 'chat', messages, tools }))),
    stream,
    outputTokensCap: 100,
    dropParams: false,
    mayBeSent: Promise.resolve(),
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
  };
  return JSON.stringify(chatFormats[family.apiFormat].toRequest(call, family));
}

/** The parameters of which any may be named. */
function unsayable(
  messages: readonly ChatMessage[],
  { images, isCohere }: { readonly images: boolean; readonly isCohere: boolean },
): string[] {
  const said = saidIn(messages);
  const spoken = said.flatMap((each) => (each.who === 'tool' ? [] : each));
  const hasPicture = spoken.some(({ content }) => content.some((part) => typeof part !== 'string'));
  const written = spoken.flatMap(({ calls }) => calls.map((call) => String(call.arguments)));
  const isStrange = written.some((json) => !/^\{.*\}$/s.test(json));
  return [
    ...(hasPicture && !images ? ['image_url'] : []),
    ...(isStrange && isCohere ? ['tool_calls'] : []),
    ...(said.at(-1)?.who === 'assistant' && isCohere ? ['messages'] : []),
  ];
}
