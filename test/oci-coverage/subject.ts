import assert from 'node:assert/strict';
import { ProviderError } from '../../services/worker/src/providers/provider.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import type { Ask, Asked, OciClient } from './open-oci-client.ts';

/** `✔`: it works, as shown. `—`: the family cannot; a 400 that names the parameter says so. */
export type Cell = '✔' | '—';

export interface Subject {
  readonly client: OciClient;
  readonly model: string;
  readonly dedicated: boolean;
}

/** Tries one ability with a model. @throws AssertionError when it neither works nor is refused by name */
export type Check = (subject: Subject) => Promise<Cell>;

/** Whole, and streamed. */
export const ways = [false, true] as const;

/** @param names any of them may be the one that is named */
export async function unlessRefused(names: string | readonly string[], attempt: () => Promise<Cell>): Promise<Cell> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof ProviderError) || error.code !== 'unsupported_parameter') throw error;
    assert.equal(error.status, 400);
    assert.ok(error.param !== null && [names].flat().includes(error.param), `the 400 names ${error.param}`);
    return '—';
  }
}

export function ask({ client, model, dedicated }: Subject, what: Omit<Ask, 'model' | 'dedicated'>): Promise<Asked> {
  return client.ask({ model, dedicated, ...what });
}
export function onlyChoice({ choices }: ClientAnswer): ClientAnswer['choices'][number] {
  assert.equal(choices.length, 1);
  return choices[0] ?? assert.fail();
}
export function functionTool(name: string) {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', exclusiveMinimum: 0 } },
    required: ['city'],
  };
  return { type: 'function', function: { name, description: `The ${name} of a city`, parameters: schema } };
}
