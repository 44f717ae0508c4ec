import type { ToolCallFragment } from '../tool-call-accumulator.ts';
import { isObject, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';

/** COHERE's call: a name and parameters as an object. */
export function cohereToolCall(call: WireObject): ToolCallFragment {
  const parameters = call['parameters'];
  return {
    id: textOf(call['id']),
    name: textOf(call['name']),
    arguments: isObject(parameters) ? JSON.stringify(parameters) : textOf(parameters),
  };
}
