import { chooseBehaviour, openCall, type AdmitDeps, type Applicant } from './admit.ts';
import { sendJson, type Exchange } from './exchange.ts';
import { createPace } from './pace.ts';

/** Answers an operation that never streams: admits and bills the call, and behaves as it was told to. */
export async function answerWhole(
  deps: AdmitDeps,
  exchange: Exchange,
  call: Omit<Applicant, 'streamed'>,
  json: () => string,
): Promise<void> {
  const { response } = exchange;
  const pace = createPace(response);
  const applicant = { ...call, streamed: false };
  const behaviour = await chooseBehaviour(deps, applicant, pace);
  if (behaviour.drop) return void response.socket?.resetAndDestroy();
  const open = openCall(deps, exchange, applicant, { completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 });
  response.once('close', () => open.close({ completed: response.writableFinished && !behaviour.truncatedJson }));
  if (response.destroyed) return open.close({ completed: false });
  if (behaviour.delayMs > 0) await pace.wait(behaviour.delayMs);
  if (pace.gone()) return undefined;
  return sendJson(response, json(), behaviour);
}
