import { failureAskedFor } from './admit.ts';
import { isBehaviourPatch, type Behaviour } from './behaviour.ts';
import { isFlag, isList, isObject, isText, type Check } from './checks.ts';
import { sendJson, type Exchange } from './exchange.ts';
import { getModel, listModels } from './model-list.ts';
import { createPace } from './pace.ts';

/** How questions about models are answered. Inference has knobs of its own. */
export interface ControlPlaneBehaviour extends Pick<Behaviour, 'delayMs' | 'fail' | 'drop' | 'truncatedJson'> {
  /** Names that the region does not have. */
  readonly without: readonly string[];
  /** Whether the last page names a next one, which is the first. */
  readonly endless: boolean;
}

export interface ControlPlane {
  /** What is not named goes back to the default. */
  set(behaviour: Partial<ControlPlaneBehaviour>): void;
  /** Signed questions so far, those that failed included. */
  requests(): number;
  /** `GET /20231130/models` and `/20231130/models/{id}`. */
  answer(exchange: Exchange, pathname: string, query: URLSearchParams): Promise<void>;
}

export const modelsPath = '/20231130/models';

const plain: ControlPlaneBehaviour = {
  delayMs: 0,
  fail: null,
  drop: false,
  truncatedJson: false,
  without: [],
  endless: false,
};

export function createControlPlane(): ControlPlane {
  let current = plain;
  let requests = 0;
  return {
    set: (behaviour) => {
      current = { ...plain, ...behaviour };
    },
    requests: () => requests,
    async answer({ request, response, identity }, pathname, query) {
      requests += 1;
      const { delayMs, fail, drop, truncatedJson, without, endless } = current;
      if (delayMs > 0) await createPace(response).wait(delayMs);
      if (drop) return void request.socket.destroy();
      if (fail !== null) throw failureAskedFor(fail);

      const how = { gzip: false, truncatedJson };
      const id = decodeURIComponent(pathname.slice(modelsPath.length + 1));
      if (id !== '') return sendJson(response, JSON.stringify(getModel(id)), how);
      const { items, nextPage = endless ? '0' : undefined } = listModels(query, identity, new Set(without));
      if (nextPage !== undefined) response.setHeader('opc-next-page', nextPage);
      return sendJson(response, JSON.stringify({ items }), how);
    },
  };
}

export const isControlPlanePatch: Check<Partial<ControlPlaneBehaviour>> = (
  value,
): value is Partial<ControlPlaneBehaviour> => {
  if (!isObject(value)) return false;
  const { without = [], endless = false, ...rest } = value;
  const shared = new Set(Object.keys(plain));
  return (
    isNames(without) && isFlag(endless) && Object.keys(rest).every((name) => shared.has(name)) && isBehaviourPatch(rest)
  );
};

const isNames = isList(isText);
