import OpenAI, { toFile } from 'openai';
import { z } from 'zod';
import { waitUntil } from '../servers/wait-until.ts';

/** What a line asks; its number is its custom_id, unless it has one. */
export type LineBody = Readonly<Record<string, unknown>>;
type Batch = OpenAI.Batches.Batch;

/** A line of an output or error file. */
export const ResultLine = z.object({
  id: z.string().regex(/^batch_req_[0-9a-f]{32}$/),
  custom_id: z.string(),
  response: z
    .object({ status_code: z.int(), request_id: z.string(), body: z.record(z.string(), z.unknown()) })
    .nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type ResultLine = z.infer<typeof ResultLine>;

/** As the SDK's, also for endpoints that OpenAI's own batches do not have. */
interface NewBatch {
  readonly endpoint?: string;
  readonly metadata?: Record<string, string>;
}

/** Stores a file of these lines and makes a batch of it. */
export async function createBatch(
  client: OpenAI,
  bodies: readonly LineBody[],
  { endpoint = '/v1/chat/completions', ...params }: NewBatch = {},
): Promise<Batch> {
  const lines = bodies.map((body, nth) =>
    JSON.stringify({ custom_id: `line-${nth}`, method: 'POST', url: endpoint, body }),
  );
  const content = await toFile(Buffer.from(lines.join('\n')), 'in.jsonl');
  const { id } = await client.files.create({ file: content, purpose: 'batch' });
  const asked = { completion_window: '24h' as const, ...params, input_file_id: id };
  if (endpoint === '/v1/chat/completions') return client.batches.create({ ...asked, endpoint });
  return client.post('/batches', { body: { ...asked, endpoint } });
}

const ends: ReadonlySet<string> = new Set(['completed', 'failed', 'expired', 'cancelled']);

export function untilEnded(client: OpenAI, { id }: Pick<Batch, 'id'>, deadlineMs = 30_000): Promise<Batch> {
  return untilBatch(client, id, 'its end', ({ status }) => ends.has(status), deadlineMs);
}

export function untilBatch(
  client: OpenAI,
  id: string,
  what: string,
  isSo: (batch: Batch & { readonly sluice?: unknown }) => boolean,
  deadlineMs = 30_000,
): Promise<Batch> {
  return waitUntil(
    async () => {
      const batch = await client.batches.retrieve(id);
      if (isSo(batch)) return batch;
      throw new Error(`the batch is ${batch.status}, ${JSON.stringify(batch.request_counts)}`);
    },
    { what: `a batch: ${what}`, deadlineMs },
  );
}

/** The lines of a batch's output and error file. */
export async function resultsOf(client: OpenAI, batch: Batch): Promise<{ output: ResultLine[]; errors: ResultLine[] }> {
  return { output: await linesOf(client, batch.output_file_id), errors: await linesOf(client, batch.error_file_id) };
}

async function linesOf(client: OpenAI, fileId: string | null | undefined): Promise<ResultLine[]> {
  if (fileId == null) return [];
  const text = await (await client.files.content(fileId)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ResultLine.parse(JSON.parse(line)));
}
