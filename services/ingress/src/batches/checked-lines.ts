import { hash } from 'node:crypto';
import type { Authenticated } from '../auth/authenticated.ts';
import { endpoints } from '../inference/endpoints/endpoints.ts';
import { storableText } from '../surfaces/openai/storable.ts';
import type { Batch, BatchError } from './batch.ts';
import { BadLine, checkLine } from './check-line.ts';
import type { GoodLine, LineRules } from './check-line.ts';
import type { FileLine } from './file-lines.ts';
import type { Validated } from './sql/end-validation.ts';

/** Bad lines that are described one by one; further ones are only counted. */
const errorsMax = 100;
const messageMax = 500;
const paramMax = 200;

/** Checks the lines of a batch one after the other, each and all together, and keeps what is wrong with them. */
export function createChecked(
  { endpoint: url }: Pick<Batch, 'endpoint'>,
  authenticated: Authenticated,
  { config, customerOf }: Pick<LineRules, 'config' | 'customerOf'>,
) {
  const endpoint = endpoints.get(url);
  if (endpoint === undefined) throw new Error(`no endpoint ${url}`);
  const { mixedModels } = config.sluice.batch;
  /** Where each was first, by digest: 50,000 ids of 512 characters are too much to keep. */
  const customIds = new Map<string, number>();
  const models = new Set<string>();
  const errors: BatchError[] = [];
  let total = 0;
  let failedLines = 0;

  const model = () => (models.size === 1 ? ([...models][0] ?? null) : null);
  return {
    total: () => total,
    areBad: () => failedLines > 0,
    /** The one that all lines name; null: there is none. */
    model,

    /** @param first what is wrong with the file as a whole */
    bad: (first: readonly BatchError[] = []): Validated => ({
      type: 'bad',
      model: model(),
      totalLines: total,
      failedLines,
      errors: [...first, ...errors].slice(0, errorsMax),
    }),

    /** null: the line is bad. */
    async check(line: FileLine): Promise<GoodLine | null> {
      total += 1;
      const takeCustomId = (customId: string) => requireNew(customId, line.line);
      try {
        const good = await checkLine(line, { config, customerOf, authenticated, url, endpoint, takeCustomId });
        requireSameModel(good.model);
        return good;
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        failedLines += 1;
        if (errors.length < errorsMax) errors.push(toldOf(error, line.line));
        return null;
      }
    },
  };

  function requireNew(customId: string, line: number): void {
    const digest = hash('sha256', customId, 'base64url').slice(0, 22);
    const before = customIds.get(digest);
    if (before === undefined) {
      customIds.set(digest, line);
      return;
    }
    const message = `The custom_id '${customId}' is that of line ${before} too.`;
    throw new BadLine('duplicate_custom_id', message, 'custom_id');
  }

  function requireSameModel(named: string): void {
    const [first = named] = models;
    if (!mixedModels && named !== first) {
      const message = `All lines must name the same model: '${named}' is not '${first}'.`;
      throw new BadLine('mismatched_model', message, 'body.model');
    }
    if (models.size < 2) models.add(named);
  }
}

/** Cut and cleaned for the database: it quotes the client, at any length and in any characters. */
function toldOf({ code, message, param }: BadLine, line: number): BatchError {
  const text = message.length > messageMax ? `${message.slice(0, messageMax)}…` : message;
  return { code, line, message: storableText(text), param: param && storableText(param.slice(0, paramMax)) };
}
