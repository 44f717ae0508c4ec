import { isUtf8 } from 'node:buffer';
import { isText } from '@sluice/shared/api/litellm/text.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { isNestedTooDeep, jsonLevelsMax } from '../http/json-depth.ts';
import type { Ask } from '../inference/admit-job.ts';
import type { InferenceEndpoint } from '../inference/endpoint.ts';
import type { InferenceSteps } from '../inference/inference-steps.ts';
import { readRequest } from '../inference/read-request.ts';
import { requireMockableKind, requireServable } from '../inference/require-servable.ts';
import { requestControls } from '../surfaces/openai/request-controls.ts';
import { endUserOf, requireOrigin } from '../surfaces/openai/request-origin.ts';
import { noAttribution } from '../tenancy/attribution.ts';
import type { FileLine } from './file-lines.ts';

/** What the lines of one batch are checked against. */
export interface LineRules extends Pick<InferenceSteps, 'config' | 'customerOf'> {
  readonly authenticated: Authenticated;
  /** What each line's `url` has to be. */
  readonly url: string;
  readonly endpoint: InferenceEndpoint<unknown>;
  /** Called with the id of each line that has one. @throws BadLine when an earlier line has it */
  readonly takeCustomId: (customId: string) => void;
}

/** A line that would be taken as a request. */
export interface GoodLine {
  readonly customId: string;
  /** As the line names it, or as it is understood when it names none. */
  readonly model: string;
  readonly ask: Ask;
}

/** Why a line is bad, in words for the client. */
export class BadLine extends Error {
  override readonly name = 'BadLine';
  readonly code: string;
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}

const customIdMax = 512;

/** What the refusals of a request are called in the list of a batch's errors. */
const codes: Partial<Record<ErrorCode, string>> = {
  unknown_model: 'model_not_found',
  model_not_allowed: 'model_not_allowed',
  team_model_not_allowed: 'model_not_allowed',
  user_model_not_allowed: 'model_not_allowed',
  organization_model_not_allowed: 'model_not_allowed',
};

/**
 * Checks one line as far as that can be done before it runs: what it is, and whether its body is a request that its
 * endpoint, and the batch's key, would take.
 *
 * @throws BadLine
 */
export async function checkLine(
  { bytes, byteLength }: Pick<FileLine, 'bytes' | 'byteLength'>,
  rules: LineRules,
): Promise<GoodLine> {
  if (bytes === null) {
    const bytesMax = rules.config.sluice.maxRequestBytes;
    throw new BadLine('line_too_long', `The line has ${byteLength} bytes; at most ${bytesMax} are allowed.`);
  }
  const line = parseLine(bytes);
  const customId = requireCustomId(line['custom_id']);
  rules.takeCustomId(customId);
  requireText(line, 'method', 'POST', 'invalid_method');
  requireText(line, 'url', rules.url, 'invalid_url');
  return { customId, ...(await checkBody(line['body'], rules)) };
}

function parseLine(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw new BadLine('invalid_json_line', 'The line is not valid UTF-8.');
  const line = parseJson(bytes.toString());
  if (!isJsonObject(line)) throw new BadLine('invalid_json_line', 'The line is not a JSON object.');
  if (isNestedTooDeep(line)) {
    throw new BadLine('invalid_json_line', `The line is nested more than ${jsonLevelsMax} levels deep.`);
  }
  return line;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadLine('invalid_json_line', 'The line is not valid JSON.');
  }
}

function requireCustomId(customId: unknown): string {
  if (customId == null) throw missing('custom_id');
  if (typeof customId !== 'string' || customId === '' || customId.length > customIdMax) {
    const message = `Invalid value for 'custom_id': expected a string of 1 to ${customIdMax} characters.`;
    throw new BadLine('invalid_request', message, 'custom_id');
  }
  // Neither could be stored, or written into the output, as it is.
  if (!isText(customId)) {
    const message = "Invalid value for 'custom_id': U+0000 and half surrogate pairs are not allowed.";
    throw new BadLine('invalid_request', message, 'custom_id');
  }
  return customId;
}

function requireText(line: Readonly<Record<string, unknown>>, param: string, expected: string, code: string): void {
  const value = line[param];
  if (value == null) throw missing(param);
  if (value === expected) return;
  const got = typeof value === 'string' ? `, got '${value}'` : '';
  throw new BadLine(code, `Invalid value for '${param}': expected '${expected}'${got}.`, param);
}

async function checkBody(value: unknown, rules: LineRules): Promise<Pick<GoodLine, 'model' | 'ask'>> {
  if (value == null) throw missing('body');
  if (!isJsonObject(value)) {
    throw new BadLine('invalid_request', "Invalid value for 'body': expected a JSON object.", 'body');
  }
  if (value['stream'] === true) {
    throw new BadLine('invalid_request', "Invalid value for 'stream': a batch has no streams.", 'body.stream');
  }
  try {
    const { read, shownAs } = await readRequest(rules.endpoint, { ...rules, text: '', value, headers: {} }, rules);
    requireTaken(read.ask, rules);
    return { model: shownAs, ask: read.ask };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new BadLine(codes[error.code] ?? 'invalid_request', error.message, error.param && `body.${error.param}`);
  }
}

/** What admission refuses without looking at what anybody has used, nor at end users and tags. @throws GatewayError */
function requireTaken(ask: Ask, { authenticated: { principal }, config, endpoint: { path } }: LineRules): void {
  const { body } = ask;
  requireOrigin({}, body, config.tenancy);
  requestControls(body.model, body, {}, config, principal);
  requireMockableKind(ask);
  const { requiresEndUser: needsEndUser } = config.tenancy;
  const endUser = endUserOf({}, body, []);
  const askedBy = { principal, attribution: noAttribution, regions: [], endUser, needsEndUser };
  requireServable(ask, { path, alias: resolveAlias(config, body.model) }, askedBy);
}

function missing(param: string): BadLine {
  return new BadLine('missing_required_parameter', `Missing required parameter: '${param}'.`, param);
}
