import { adminPrefix } from './admin.ts';
import type { Behaviour, Fault } from './behaviour.ts';
import { isBilledCall, type BilledCall } from './billing.ts';
import { isFields, isInteger, isList, type Check } from './checks.ts';
import type { ControlPlaneBehaviour } from './control-plane.ts';

/** The controls of a simulator that runs in another process. */
export interface SimulatorClient {
  billed(): Promise<readonly BilledCall[]>;
  clearBilled(): Promise<void>;
  /** What is not named goes back to the default. */
  setBehaviour(behaviour: Partial<Behaviour>): Promise<void>;
  enqueueFaults(faults: readonly Fault[]): Promise<void>;
  callsInFlight(): Promise<number>;
  /** What is not named goes back to the default. */
  setControlPlane(behaviour: Partial<ControlPlaneBehaviour>): Promise<void>;
}

/** @param url as `main.ts` prints it */
export function createSimulatorClient(url: string): SimulatorClient {
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${url}${adminPrefix}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`simulator: ${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const tell = async (method: string, path: string, body?: unknown): Promise<void> => {
    await (await send(method, path, body)).arrayBuffer();
  };
  const ask = async <T>(path: string, check: Check<T>): Promise<T> => {
    const value: unknown = await (await send('GET', path)).json();
    if (!check(value)) throw new Error(`simulator: unexpected answer to ${path}`);
    return value;
  };

  return {
    billed: () => ask('billed', isList(isBilledCall, 0, Number.MAX_SAFE_INTEGER)),
    clearBilled: () => tell('DELETE', 'billed'),
    setBehaviour: (behaviour) => tell('PUT', 'behaviour', behaviour),
    enqueueFaults: (faults) => tell('POST', 'faults', faults),
    callsInFlight: async () => (await ask('in-flight', isInFlight)).callsInFlight,
    setControlPlane: (behaviour) => tell('PUT', 'control-plane', behaviour),
  };
}

const isInFlight = isFields({ callsInFlight: isInteger(0, Number.MAX_SAFE_INTEGER) }, {});
