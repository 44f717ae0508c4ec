import type { IncomingMessage, ServerResponse } from 'node:http';
import { isBehaviourPatch, isFault } from './behaviour.ts';
import type { BillBook } from './billing.ts';
import { isList } from './checks.ts';
import { isControlPlanePatch, type ControlPlane } from './control-plane.ts';
import { parseBody, readBody, sendJson } from './exchange.ts';
import { OciFailure } from './failure.ts';
import type { Knobs } from './knobs.ts';
import { isPrincipalPatch, type Principals } from './principals/principals.ts';

export const adminPrefix = '/_simulator/';

/** The routes by which a test in another process reads the bill and turns the knobs. Not signed. */
export async function admin(
  {
    book,
    knobs,
    principals,
    controlPlane,
  }: { book: BillBook; knobs: Knobs; principals: Principals; controlPlane: ControlPlane },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  const route = `${request.method} ${request.url}`;
  switch (route) {
    case 'GET /_simulator/billed':
      return sendJson(response, JSON.stringify(book.billed()));
    case 'DELETE /_simulator/billed':
      book.clear();
      break;
    case 'PUT /_simulator/behaviour':
      knobs.set(parseBody(body, isBehaviourPatch));
      break;
    case 'PUT /_simulator/control-plane':
      controlPlane.set(parseBody(body, isControlPlanePatch));
      break;
    case 'POST /_simulator/faults':
      knobs.enqueue(parseBody(body, isList(isFault)));
      break;
    case 'GET /_simulator/in-flight':
      return sendJson(response, JSON.stringify({ callsInFlight: book.callsInFlight() }));
    case 'GET /_simulator/principals':
      return sendJson(response, JSON.stringify(principals.counts()));
    case 'PUT /_simulator/principals':
      principals.set(parseBody(body, isPrincipalPatch));
      break;
    case 'DELETE /_simulator/tokens':
      principals.revokeTokens();
      break;
    default:
      throw new OciFailure(404, `The simulator has no route ${route}`, { by: 'gateway' });
  }
  response.writeHead(204).end();
}
