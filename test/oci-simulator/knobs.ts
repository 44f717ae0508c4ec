import { isBehaviourPatch, plainBehaviour, type Behaviour, type Fault } from './behaviour.ts';
import { OciFailure } from './failure.ts';

/** A call, as far as faults can tell calls apart. */
export interface KnobbedCall {
  readonly model: string;
  readonly streamed: boolean;
  /** The last user text, in which a directive may stand: `#sim {"delayMs":50}`. */
  readonly steeringText: string;
}

/** Decides how each call is answered. */
export interface Knobs {
  /** What is not named goes back to the default. */
  set(behaviour: Partial<Behaviour>): void;
  enqueue(faults: readonly Fault[]): void;
  /** Takes one from the first fault that matches. @throws OciFailure 400 for a directive that is none */
  behaviourFor(call: KnobbedCall): Behaviour;
}

export function createKnobs(defaults: Partial<Behaviour>): Knobs {
  const base: Behaviour = { ...plainBehaviour, ...defaults };
  let current = base;
  let waiting: { fault: Fault; left: number }[] = [];

  const strike = (call: KnobbedCall): Partial<Behaviour> | undefined => {
    const hit = waiting.find(({ fault }) => matches(fault, call));
    if (hit === undefined) return undefined;
    hit.left -= 1;
    if (hit.left === 0) waiting = waiting.filter((entry) => entry !== hit);
    return hit.fault.behaviour;
  };

  return {
    set: (behaviour) => {
      current = { ...base, ...behaviour };
    },
    enqueue: (faults) => {
      waiting.push(...faults.map((fault) => ({ fault, left: fault.count ?? 1 })));
    },
    behaviourFor: (call) => {
      const directive = directiveIn(call.steeringText);
      const fault = waiting.length > 0 ? strike(call) : undefined;
      return directive === undefined && fault === undefined ? current : { ...current, ...fault, ...directive };
    },
  };
}

function matches(fault: Fault, call: KnobbedCall): boolean {
  return (fault.model ?? call.model) === call.model && (fault.streamed ?? call.streamed) === call.streamed;
}

function directiveIn(text: string): Partial<Behaviour> | undefined {
  const at = text.indexOf('#sim {');
  if (at === -1) return undefined;
  const start = at + '#sim '.length;
  try {
    const directive: unknown = JSON.parse(text.slice(start, endOfObject(text, start)));
    if (isBehaviourPatch(directive)) return directive;
  } catch {
    // Not JSON: refused below, as an unknown field is.
  }
  throw new OciFailure(400, `The simulator does not understand the directive ${text.slice(at, at + 200)}`);
}

/** Just behind the brace that closes the one at `start`; strings may hold braces. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted && letter === '\\') at += 1;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && letter === '{') depth += 1;
    else if (!quoted && letter === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
