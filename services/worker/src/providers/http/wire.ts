import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { JsonObject } from '@sluice/shared/json-object.ts';
import { parseExactly } from './exact-json.ts';

/** Readers of what a provider sent: whatever is not as documented counts as absent, so that no answer is lost to it. */
export type WireObject = JsonObject;

const nothing: readonly unknown[] = [];

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : nothing;
}

/** Empty when it is no string. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A count as an integer ≥ 0; null when it is none. */
export function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.trunc(value) : null;
}

/** JSON text as an object; null when it is something else or no JSON. */
export function objectFromJson(text: string): WireObject | null {
  try {
    const value = parseExactly(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
