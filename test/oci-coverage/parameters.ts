import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { Asked } from './open-oci-client.ts';
import { ask, functionTool, unlessRefused, ways } from './subject.ts';
import type { Check, Subject } from './subject.ts';

const weather = functionTool('weather');

/** A value of each parameter that every model which knows the parameter takes, and what it is on OCI's wire. */
const samples: Readonly<Record<string, { request: Partial<ChatCompletionRequest>; sent: readonly object[] }>> = {
  temperature: { request: { temperature: 0.5 }, sent: [{ temperature: 0.5 }] },
  top_p: { request: { top_p: 0.5 }, sent: [{ topP: 0.5 }] },
  top_k: { request: { top_k: 20 }, sent: [{ topK: 20 }] },
  seed: { request: { seed: 7 }, sent: [{ seed: 7 }] },
  stop: { request: { stop: 'the end' }, sent: [{ stop: ['the end'] }, { stopSequences: ['the end'] }] },
  n: { request: { n: 2 }, sent: [{ numGenerations: 2 }] },
  frequency_penalty: { request: { frequency_penalty: 0.5 }, sent: [{ frequencyPenalty: 0.5 }] },
  presence_penalty: { request: { presence_penalty: 0.5 }, sent: [{ presencePenalty: 0.5 }] },
  logit_bias: { request: { logit_bias: { '7': -1 } }, sent: [{ logitBias: { '7': -1 } }] },
  logprobs: { request: { logprobs: true }, sent: [{ logProbs: 1 }, { isLogProbsEnabled: true }] },
  top_logprobs: { request: { logprobs: true, top_logprobs: 3 }, sent: [{ logProbs: 3 }] },
  tool_choice: {
    request: { tools: [weather], tool_choice: 'required' },
    sent: [{ toolChoice: { type: 'REQUIRED' } }, { toolsChoice: 'REQUIRED' }],
  },
  parallel_tool_calls: {
    request: { tools: [weather], parallel_tool_calls: false },
    sent: [{ isParallelToolCalls: false }],
  },
  reasoning_effort: {
    request: { reasoning_effort: 'low' },
    sent: [{ reasoningEffort: 'LOW' }, { thinking: { type: 'ENABLED', tokenBudget: 400 } }],
  },
  verbosity: { request: { verbosity: 'low' }, sent: [{ verbosity: 'LOW' }] },
};

/** Whether each parameter reaches the model, whole and streamed; and that it can be dropped where it does not. */
export const parameters: Readonly<Record<string, Check>> = Object.fromEntries(
  Object.entries(samples).map(([name, { request, sent }]) => [
    name,
    async (subject: Subject) => {
      const names = name === 'top_logprobs' ? ['top_logprobs', 'logprobs'] : [name];
      const cell = await unlessRefused(names, async () => {
        for (const stream of ways) {
          const asked = await ask(subject, { request, stream });
          assert.ok(
            sent.some((fields) => has(asked.chatRequest, fields)),
            'it is sent',
          );
          isHonoured(name, asked);
        }
        return '✔';
      });
      if (cell === '✔') return cell;
      const { chatRequest } = await ask(subject, { request, dropParams: true });
      assert.ok(!sent.some((fields) => has(chatRequest, fields)), 'it is dropped');
      return cell;
    },
  ]),
);

function has(chatRequest: object, fields: object): boolean {
  const sent = new Map(Object.entries(chatRequest));
  return Object.entries(fields).every(([name, value]) => isDeepStrictEqual(sent.get(name), value));
}
/** The traces that a parameter leaves in the answer, for those that leave any. */
function isHonoured(name: string, { answer }: Asked): void {
  const { text, calls, logProbs } = answer.choices[0] ?? assert.fail('no choice');
  switch (name) {
    case 'n':
      assert.equal(answer.choices.length, 2);
      assert.notEqual(answer.choices[1]?.text, text);
      return;
    case 'logprobs':
    case 'top_logprobs': {
      assert.equal(logProbs.map(({ token }) => token).join(''), text, 'the tokens are the text');
      const wanted = name === 'top_logprobs' ? 3 : 0;
      for (const token of logProbs) {
        assert.ok(token.logprob < 0);
        assert.equal(Object(token)['top_logprobs'].length, wanted);
      }
      return;
    }
    case 'tool_choice':
      assert.equal(calls.length, 1);
      return;
    default:
      assert.notEqual(text, '');
  }
}
