import type { IncomingHttpHeaders } from 'node:http';
import type { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import type { CallType } from '@sluice/shared/contracts/call-type.ts';
import { countedOf } from '@sluice/shared/contracts/counted-tokens.ts';
import { kindOf } from '@sluice/shared/contracts/call-type.ts';
import type { UnbilledJob } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import { withOtherNames } from '@sluice/shared/config/other-names.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { dearestPrice } from '@sluice/shared/prices/dearest-price.ts';
import { priceFactorPpm } from '@sluice/shared/prices/price-factor.ts';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import type { InputBounds } from '../admission/input-bounds.ts';
import { ModelBudgetSpent } from '../admission/refusals.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import type { NewJob } from '../dispatch/dispatch.ts';
import { accountHeaders, admissionHeaders, refusalHeaders, timeoutHeader } from '../http/response-headers.ts';
import { defaultBytesMax } from '../surfaces/openai/chat-job.ts';
import { requestControls } from '../surfaces/openai/request-controls.ts';
import type { RequestControls } from '../surfaces/openai/request-controls.ts';
import { turnOf } from '../surfaces/openai/turn.ts';
import { requestOrigin, requireOrigin } from '../surfaces/openai/request-origin.ts';
import type { OriginBody } from '../surfaces/openai/request-origin.ts';
import { noAttribution } from '../tenancy/attribution.ts';
import { accountsOf, keyLimits } from '../tenancy/accounts-of.ts';
import { isLimited } from '../tenancy/holder-accounts.ts';
import type { RequestAccount } from '../tenancy/holder-accounts.ts';
import { originOfLine, turnOfLine } from './batch-line.ts';
import type { BatchLine } from './batch-line.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { requireMockableKind, requireServable } from './require-servable.ts';

/** What a route knows of its request before anybody has let it in. */
export interface Ask {
  readonly callType: CallType;
  readonly body: OriginBody & { readonly model: string; readonly stream?: boolean | null | undefined };
  readonly bounds: InputBounds;
  /** The same with other messages; absent: it has none. */
  readonly boundsOf?: (messages: readonly ChatMessage[]) => InputBounds;
  /** Each choice; 0 for what writes no text. */
  readonly outputTokens: number;
  /** By the aliases that may answer; absent: one. */
  readonly choices?: (aliases: readonly string[]) => number;
  /** What a rerank is billed by. */
  readonly searchUnits?: number;
  /** What the job carries in place of the client's own text. */
  readonly jobBody?: unknown;
}

export interface AdmittedJob {
  readonly job: NewJob;
  /** What the key had spent before, in the window of its budget; null for the master key. */
  readonly spentNanoUsd: number | null;
  giveBack(): Promise<void>;
}

export interface AskedFrom {
  readonly requestId: RequestId;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's address, if it has one. */
  readonly ip: string | undefined;
  readonly authenticated: Authenticated;
  readonly exchange: Exchange;
  /** Of a batch; absent: a request of its own. */
  readonly line?: BatchLine;
  /** false: if the model's own budget is spent, another will be asked for, and this is no refusal yet. */
  readonly isLast?: boolean;
}

/** A reservation outlives its request's deadline by this much, so that the books are always there first. */
const expiryGraceMs = 120_000;

/** What the ids of answers begin with, as OpenAI's do. */
const idPrefixes: Readonly<Record<CallType, string>> = {
  acompletion: 'chatcmpl',
  atext_completion: 'cmpl',
  aembedding: 'embd',
  arerank: 'rerank',
  amoderation: 'modr',
};

/**
 * Checks that the caller may use the model and lets the request in: its budget is reserved and its limits counted.
 *
 * @throws GatewayError invalid_request, model_not_allowed, unknown_model, and what admission refuses with; all leave a
 *   row
 */
export async function admitJob(ask: Ask, from: AskedFrom, deps: InferenceSteps): Promise<AdmittedJob> {
  const { body, bounds, callType } = ask;
  const { requestId, headers, authenticated, exchange, line } = from;
  const { principal, caller } = authenticated;
  const { tenancy } = deps.config;
  const admittedAt = deps.now();
  const asAsked = requestOrigin(from, body, caller, exchange.callId, tenancy, principal?.team);
  const origin = line === undefined ? asAsked : originOfLine(asAsked, line);
  // What is refused is told, and leaves a row, once it is known what was asked.
  let attribution = noAttribution;
  let unattributed: { readonly error: unknown } | null = null;
  try {
    attribution = await deps.attribute(origin, principal !== null);
  } catch (error) {
    unattributed = { error };
  }
  const stream = body.stream ?? false;
  const alias = resolveAlias(deps.config, body.model);
  const model = alias ? withOtherNames(deps.config, alias) : { name: body.model };
  const unbilled: UnbilledJob = {
    requestId,
    kind: kindOf(callType),
    callType,
    alias: body.model,
    stream,
    accounts: [],
    caller,
    origin,
    admittedAt,
  };
  exchange.about(alias === null ? '' : body.model, stream); // any text would be a series of its own in the metrics
  let refusing: RequestAccount | undefined;
  let spentBeforeNanoUsd: number | null = null;

  try {
    requireOrigin(headers, body, tenancy);
    const controls = requestControls(body.model, body, headers, deps.config, principal, attribution);
    const timeoutMs = line === undefined ? controls.timeoutMs : Math.max(1, line.deadlineAt - admittedAt);
    exchange.setHeaders(timeoutHeader(timeoutMs));
    requireMockableKind(ask);
    const aliases = [body.model, ...controls.forJob.fallbacks];
    const others = boundsOfFallbacks(ask, controls);
    const choices = ask.choices?.(aliases) ?? 1;
    const [region] = controls.regions;
    const asked = ask.outputTokens * choices;
    const longest = Math.max(bounds.inputTokensMax, ...others.map((other) => other.bounds.inputTokensMax));
    const inputTokensMax = longest + defaultBytesMax(deps.config, aliases);
    const turn = turnOf(body, caller, deps.config, principal?.key.priority);
    const job: NewJob = {
      ...unbilled,
      version: 1,
      ...(alias?.queue !== undefined && { queue: alias.queue }),
      turn: line === undefined ? turn : turnOfLine(turn),
      outputTokensCap: asked,
      inputTokensEstimate: bounds.inputTokensEstimate,
      inputTokensMax,
      ...(ask.searchUnits !== undefined && { searchUnits: ask.searchUnits }),
      reservedNanoUsd: 0,
      ...(region !== undefined && { region }),
      ...controls.forJob,
      ...(others.length > 0 && {
        fallbackInputTokens: Object.fromEntries(others.map((one) => [one.model, one.bounds.inputTokensEstimate])),
      }),
      ...(line !== undefined && { priceFactorPpm: priceFactorPpm(deps.config.sluice.batch.priceFactor) }),
      deadlineAt: admittedAt + timeoutMs,
    };
    if (unattributed !== null) throw unattributed.error;
    const { requiresEndUser: needsEndUser } = tenancy;
    const askedBy = { principal, attribution, regions: controls.regions, endUser: origin.endUser, needsEndUser };
    requireServable(ask, { path: from.path, alias }, askedBy);
    await deps.requireTurn(job);
    const accounts = accountsOf({ caller, principal, model, attribution }, tenancy, admittedAt);
    const reserved = accounts.filter((account) => isLimited(account) || isOfKey(account, accounts));
    exchange.onceOver(() => deps.softBudgets.ended(reserved));
    const describe = (limits: AccountLimits, settledNanoUsd: number | null) => {
      refusing = reserved.find((account) => accountKey(account.limits) === accountKey(limits));
      if (!refusing) throw new Error(`no account of the request: ${limits.id}`);
      const isKeys = refusing === reserved.find(({ isMain }) => isMain);
      if (isKeys && settledNanoUsd !== null) spentBeforeNanoUsd = spentOf(refusing, settledNanoUsd);
      return refusing.name;
    };
    const price = dearestPrice(deps.config, aliases, admittedAt, job.priceFactorPpm);
    const admitted = await deps.admit(
      {
        callId: callIdOf(job.requestId, 1),
        accounts: reserved.map(({ limits }) => limits),
        inputCostNanoUsd: callCostNanoUsd(
          { inputTokens: inputTokensMax, outputTokens: 0, searchUnits: ask.searchUnits ?? 0 },
          price,
        ),
        inputTokensMax,
        outputNanoUsdPerMillion: price.outputNanoUsdPerMillion,
        outputTokensCap: asked,
        // With room for less than a token for each choice the request is refused instead of clamped.
        outputTokensMin: Math.min(choices, asked),
        tokensEstimate: countedOf(tenancy.countedTokens, {
          tokens: bounds.inputTokensEstimate + asked,
          inputTokens: bounds.inputTokensEstimate,
        }),
        countedTokens: tenancy.countedTokens,
        admittedAt,
        expiresAt: job.deadlineAt + expiryGraceMs,
      },
      { signal: exchange.clientGone, deadlineAt: job.deadlineAt, describe },
    );
    const { outputTokensCap, reservedNanoUsd, accounts: states } = admitted;
    const shown = { alias: body.model, outputTokensCap, askedOutputTokens: asked, timeoutMs };
    const keyShown = principal && { limits: keyLimits(principal, admittedAt), state: states[0] };
    exchange.setHeaders(accountHeaders(reserved, states));
    exchange.setHeaders(admissionHeaders(shown, keyShown?.limits ?? null, keyShown?.state, deps.now()));
    const main = reserved.findIndex((account) => account.isMain); // the key's come first
    const settledNanoUsd = states[main]?.settledNanoUsd;
    return {
      job: { ...job, outputTokensCap, reservedNanoUsd, accounts: accounts.map(bookedOn) },
      spentNanoUsd: principal && settledNanoUsd !== undefined ? spentOf(reserved[main], settledNanoUsd) : null,
      giveBack: admitted.giveBack,
    };
  } catch (error) {
    const isModels = refusing?.model !== undefined && error instanceof GatewayError && error.code === 'budget_exceeded';
    if (isModels && from.isLast === false) throw new ModelBudgetSpent(error);
    exchange.setHeaders(refusalHeaders(alias === null ? '' : body.model, spentBeforeNanoUsd));
    if (error instanceof GatewayError) deps.recordRefusal(unbilled, error);
    throw error;
  }
}

/** What counts as spent of what is booked. */
function spentOf(account: RequestAccount | undefined, settledNanoUsd: number): number {
  return Math.max(0, settledNanoUsd - (account?.waivedNanoUsd ?? 0));
}

/** The key's own accounts come first, and are always reserved on. */
function isOfKey({ limits }: RequestAccount, [first]: readonly RequestAccount[]): boolean {
  return limits.id === first?.limits.id;
}

function bookedOn({ limits }: RequestAccount): NewJob['accounts'][number] {
  const { id, windowStart, budgetNanoUsd, tokenBudget } = limits;
  return { id, windowStart, budgetNanoUsd, tokenBudget };
}

/** The id of a request, and of its answer. */
export function newRequestId(callType: CallType, { newId }: Pick<InferenceSteps, 'newId'>): RequestId {
  return RequestId.parse(`${idPrefixes[callType]}-${newId()}`);
}

/** @throws GatewayError invalid_request for messages to what takes none */
function boundsOfFallbacks({ boundsOf }: Ask, { messages: others }: RequestControls) {
  return others.map(({ model, messages }) => {
    if (boundsOf) return { model, bounds: boundsOf(messages) };
    const message = "Invalid value for 'fallbacks': only a chat can have other messages for a fallback.";
    throw new GatewayError('invalid_request', message, { param: 'fallbacks' });
  });
}
