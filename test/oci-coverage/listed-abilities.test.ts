import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { chatFamilyOf } from '../../services/worker/src/providers/oci/model-family.ts';
import { findChatModel } from '../oci-simulator/models.ts';

const chat = loadPriceBook().entries.filter(({ mode }) => mode === 'chat');

for (const { model, supports } of chat) {
  const name = model.replace('oci/', '');
  test(`/model/info says of ${name} what docs/oci-coverage.md shows`, () => {
    const { params, parts } = chatFamilyOf(name);
    assert.equal(supports.vision, parts.has('image_url'), 'vision');
    assert.equal(supports.responseSchema, params.has('response_format'), 'JSON schema');
    const simulated = findChatModel(name);
    if (simulated === undefined || simulated.formats.length === 0) return; // of no chat format: not chatted with
    assert.deepEqual(
      [supports.functionCalling, supports.parallelFunctionCalling, supports.nativeStreaming],
      [true, true, true],
    );
    assert.equal(supports.reasoning, simulated.reasoning !== 'none', 'reasoning');
  });
}

test('most models of the list are simulated, so their reasoning is known', () =>
  assert.ok(chat.filter(({ model }) => findChatModel(model.replace('oci/', ''))).length > chat.length / 2));
