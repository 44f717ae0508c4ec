import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { chatFamilies } from '../../services/worker/src/providers/oci/chat-families.ts';
import { chatFamilyOf } from '../../services/worker/src/providers/oci/model-family.ts';
import { abilities } from './abilities.ts';
import { openOciClient } from './open-oci-client.ts';
import { parameters } from './parameters.ts';
import type { Check } from './subject.ts';

const page = path.join(import.meta.dirname, '../../docs/oci-coverage.md');
const rewrite = 'SLUICE_WRITE_DOCS=1 npm test -- test/oci-coverage';

/** A model of each family, in the order of the page. */
const models: readonly { readonly model: string; readonly dedicated?: boolean }[] = [
  { model: 'meta.llama-3.3-70b-instruct' },
  { model: 'meta.llama-4-maverick-17b-128e-instruct-fp8' },
  { model: 'xai.grok-3' },
  { model: 'xai.grok-3-mini' },
  { model: 'xai.grok-4' },
  { model: 'xai.grok-4-fast-non-reasoning' },
  { model: 'xai.grok-4.3' },
  { model: 'xai.grok-code-fast-1' },
  { model: 'google.gemini-2.5-pro' },
  { model: 'openai.gpt-oss-120b' },
  { model: 'openai.gpt-4.1' },
  { model: 'openai.gpt-5' },
  { model: 'cohere.command-a-03-2025' },
  { model: 'cohere.command-a-vision-07-2025' },
  { model: 'cohere.command-a-reasoning-08-2025', dedicated: true },
  { model: 'support.qwen3-32b', dedicated: true },
];

test('coverage: every family has a row, and one only', () => {
  const shown = models.map(({ model }) => chatFamilyOf(model).name);
  assert.deepEqual(shown.toSorted(), chatFamilies.map(({ name }) => name).toSorted());
});

test('docs/oci-coverage.md says what works with which family, and no more', { timeout: 110_000 }, async () => {
  const found = [
    introduction,
    '## What works',
    await tableOf(abilities),
    '## Parameters',
    'A parameter that is not supported is a 400 that names it, or is left out with `drop_params`. Where a parameter takes only some values, the 400 lists them.',
    await tableOf(parameters),
    notes,
  ].join('\n\n');
  if (process.env['SLUICE_WRITE_DOCS'] === '1') writeFileSync(page, found);
  assert.equal(readFileSync(page, 'utf8'), found, `docs/oci-coverage.md is out of date: ${rewrite}`);
});

async function tableOf(checks: Readonly<Record<string, Check>>): Promise<string> {
  await using client = await openOciClient();
  const rows = [['Family', 'Model', 'Format', ...Object.keys(checks)]];
  for (const { model, dedicated = false } of models) {
    const { name, apiFormat } = chatFamilyOf(model);
    const cells: string[] = [];
    for (const [title, check] of Object.entries(checks)) {
      try {
        cells.push(await check({ client, model, dedicated }));
      } catch (error) {
        throw new Error(`${model}: ${title}`, { cause: error });
      }
    }
    rows.push([name, `\`${model}\`${dedicated ? ' ¹' : ''}`, apiFormat, ...cells]);
  }
  return aligned(rows);
}

/** As the formatter of the repository would have it. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n');
}

const introduction = `# What works with which model

Written by \`test/oci-coverage/coverage.test.ts\`, which fails when this page does not say what it found; to write it again: \`${rewrite}\`. Each ✔ is a call that was signed, sent over HTTP to the simulator, billed, and read back as OpenAI's clients read it, whole and streamed. Each — is something that the family cannot do, and a 400 that names it. The simulator is strict: a field that a model does not know is a 400 there too.`;

const notes = `¹ By its dedicated endpoint.

- **tools** are two rounds: the calls, and the answer from their results. Text beside calls is kept both ways.
- **reasoning**: the tokens are counted; models that show what they think give it as \`reasoning_content\`.
- **usage exact**: the counts are those that the simulator billed, also when thinking used up the whole limit.
- **finish reasons**: \`stop\`, \`length\`, \`tool_calls\`, \`content_filter\`, and \`error\` where the provider says that it failed after it had begun.
- \`tool_choice\` is tried with \`required\`. Cohere's models take \`none\` and \`auto\` too; COHERE has neither, so \`none\` sends no tools.
- \`logprobs\` of COHEREV2 have a number for each piece of text, the sum over its tokens.
- Citations of Cohere's models and Gemini's grounding come in \`provider_specific_fields\`, under the provider's own names; pages that other models cite come as \`annotations\`.
- COHERE has no place for a last message by the assistant, nor for arguments of a call that are no JSON object: both are a 400 that says so. System messages go before all others.
- A JSON schema is simplified for every model: references put in place, the first of several branches taken. \`strict\` of a tool reaches COHEREV2 only.
- \`web_search_options\`, \`prediction\`, \`audio\` and service tiers other than \`auto\` and \`default\` are refused: what they cost is in no price book.
- A model newer than this table is learnt from its 400s: the other limit field is tried once, and with \`drop_params\` what it refuses is left out from then on.
`;
