import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import {
  BatchDryRun,
  BatchList,
  BatchObject,
  ErrorAnswer,
  UploadedFile,
} from '@sluice/shared/api/openai/batch-object.ts';
import type { z } from 'zod';
import { Failure } from './failure.ts';
import type { GatewayAddress } from './gateway-address.ts';

/** The gateway is away or overloaded: another try may work. */
export class NotNow extends Failure {}

export interface NewBatch {
  readonly input_file_id: string;
  readonly endpoint: string;
  readonly completion_window: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export type GatewayClient = ReturnType<typeof createGatewayClient>;

/** Time limits of whole exchanges, bodies included. */
const answerMs = 60_000;
/** The gateway answers when it has checked the file. */
const dryRunMs = 120_000;
const transferMs = 6 * 3_600_000;

/** What the console asks of the gateway. Every method throws a Failure whose message is meant for the user. */
export function createGatewayClient({ url, apiKey }: GatewayAddress) {
  return {
    /** Read from the disk while it is sent. */
    async upload(file: string): Promise<{ id: string; bytes: number }> {
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', await blobOf(file), path.basename(file));
      return read(UploadedFile, await ask('/v1/files', { method: 'POST', body: form }, transferMs));
    },

    async deleteFile(id: string): Promise<void> {
      await discard(await ask(`/v1/files/${id}`, { method: 'DELETE' }));
    },

    async createBatch(batch: NewBatch): Promise<BatchObject> {
      return read(BatchObject, await ask('/v1/batches', json(batch)));
    },

    /** A dry run: what is wrong with the file, or what the batch would cost. */
    async tryBatch(batch: NewBatch): Promise<BatchDryRun> {
      return read(BatchDryRun, await ask('/v1/batches', json({ ...batch, sluice: { dry_run: true } }), dryRunMs));
    },

    async batch(id: string, signal?: AbortSignal): Promise<BatchObject> {
      return read(BatchObject, await ask(`/v1/batches/${id}`, signal ? { signal } : {}));
    },

    async cancelBatch(id: string): Promise<BatchObject> {
      return read(BatchObject, await ask(`/v1/batches/${id}/cancel`, { method: 'POST' }));
    },

    async batches(limit: number): Promise<z.infer<typeof BatchList>> {
      return read(BatchList, await ask(`/v1/batches?limit=${limit}`));
    },

    async fileContent(id: string): Promise<ReadableStream<Uint8Array>> {
      const { body } = await ask(`/v1/files/${id}/content`, {}, transferMs);
      return body ?? new Blob([]).stream();
    },
  };

  async function ask(target: string, init: RequestInit = {}, timeLimitMs = answerMs): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${apiKey}`);
    let response: Response;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeLimitMs), ...(init.signal ? [init.signal] : [])]);
      response = await fetch(`${url}${target}`, { ...init, headers, signal, redirect: 'error' });
    } catch (error) {
      throw new NotNow(`Cannot reach the gateway at ${url}: ${reasonOf(error)}.`);
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

function json(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

async function blobOf(file: string): Promise<Blob> {
  try {
    if (!(await stat(file)).isFile()) throw new Failure(`${file} is not a file.`);
    return await openAsBlob(file);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`Cannot read ${file}: ${reasonOf(error)}.`);
  }
}

async function read<T>(schema: z.ZodType<T>, response: Response): Promise<T> {
  const body: unknown = await response.json().catch(() => null);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Failure('The answer is not that of a Sluice gateway: is the URL right?');
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel();
}

/** With the gateway's own message; an answer of something else, such as a proxy, is named by its status. */
async function refusal(response: Response): Promise<Failure> {
  const parsed = ErrorAnswer.safeParse(await response.json().catch(() => null));
  const said = parsed.success ? parsed.data.error.message : `The gateway answered with status ${response.status}.`;
  if (response.status === 401) return new Failure(`${said}\nIs the key in SLUICE_API_KEY or OPENAI_API_KEY right?`);
  return response.status === 429 || response.status >= 500 ? new NotNow(said) : new Failure(said);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const failed = error.cause instanceof Error ? error.cause : error;
  return 'code' in failed && typeof failed.code === 'string' ? failed.code : error.message;
}
