// What a shadow's leaves say: does the device confirm what is desired of it?

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/**
 * confirmed: reported equals desired. pending: the device has not answered since the wish was made. conflict: it has
 * answered, with another value. reported: the device tells it and nobody wishes anything.
 */
export type LeafState = 'confirmed' | 'pending' | 'conflict' | 'reported';

export interface Leaf {
  /** Keys from the root, e.g. ["fan", "speed"]. */
  path: string[];
  desired: Json | undefined;
  reported: Json | undefined;
  state: LeafState;
  /** Unix seconds of the wish and of the report, where known. */
  desiredAt: number | undefined;
  reportedAt: number | undefined;
}

export interface ShadowView {
  version: number;
  desired: JsonObject;
  reported: JsonObject;
  desiredMeta?: JsonObject | undefined;
  reportedMeta?: JsonObject | undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Order of keys does not matter; arrays are compared whole. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameJson(a[key], b[key]));
}

function collect(value: JsonObject, path: string[], out: Map<string, { path: string[]; value: Json }>): void {
  for (const [key, child] of Object.entries(value)) {
    const at = [...path, key];
    if (isObject(child) && Object.keys(child).length > 0) collect(child, at, out);
    else out.set(at.join('\u0000'), { path: at, value: child });
  }
}

export function leavesOf(value: JsonObject): Map<string, { path: string[]; value: Json }> {
  const out = new Map<string, { path: string[]; value: Json }>();
  collect(value, [], out);
  return out;
}

export function valueAt(root: Json | undefined, path: readonly string[]): Json | undefined {
  let at = root;
  for (const key of path) {
    if (!isObject(at)) return undefined;
    at = Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function timestampAt(meta: JsonObject | undefined, path: readonly string[]): number | undefined {
  const stamp = valueAt(meta, [...path, 'timestamp']);
  return typeof stamp === 'number' ? stamp : undefined;
}

/** Whether the device reported another value than it did when `before` was seen, and not the desired one. */
function movedElsewhere(path: string[], reported: Json | undefined, before: ShadowView | undefined): boolean {
  if (!before || reported === undefined) return false;
  const was = valueAt(before.reported, path);
  return was !== undefined && !sameJson(was, reported);
}

function stateOf(leaf: Omit<Leaf, 'state'>, before: ShadowView | undefined): LeafState {
  if (leaf.desired === undefined) return 'reported';
  if (sameJson(leaf.desired, leaf.reported)) return 'confirmed';
  const { desiredAt, reportedAt } = leaf;
  if (desiredAt !== undefined && reportedAt !== undefined && reportedAt > desiredAt) return 'conflict';
  return movedElsewhere(leaf.path, leaf.reported, before) ? 'conflict' : 'pending';
}

/**
 * All leaves of both sides, in the order of their paths. `before` is the shadow as it was when the wish was sent: it
 * finds a conflict within one second, which the stamps (whole seconds) cannot.
 */
export function compareShadow(shadow: ShadowView, before?: ShadowView): Leaf[] {
  const desired = leavesOf(shadow.desired);
  const reported = leavesOf(shadow.reported);
  const keys = [...new Set([...desired.keys(), ...reported.keys()])].sort();
  return keys
    .filter((key) => desired.has(key) || !coveredBy(key, desired))
    .map((key) => {
      const path = (desired.get(key) ?? reported.get(key))!.path;
      const leaf = {
        path,
        desired: desired.get(key)?.value,
        reported: desired.has(key) ? valueAt(shadow.reported, path) : reported.get(key)?.value,
        desiredAt: timestampAt(shadow.desiredMeta, path),
        reportedAt: timestampAt(shadow.reportedMeta, path),
      };
      return { ...leaf, state: stateOf(leaf, before) };
    });
}

/** Whether a desired leaf stands above this reported one (a plain value wished where the device reports an object). */
function coveredBy(key: string, desired: Map<string, unknown>): boolean {
  for (let cut = key.lastIndexOf('\u0000'); cut > 0; cut = key.lastIndexOf('\u0000', cut - 1)) {
    if (desired.has(key.slice(0, cut))) return true;
  }
  return false;
}

/** The update document that sets (or with null deletes) one leaf of desired. */
export function desiredPatch(path: readonly string[], value: Json): { state: { desired: JsonObject } } {
  let at: Json = value;
  for (let i = path.length - 1; i >= 0; i--) at = { [path[i]!]: at };
  return { state: { desired: at as JsonObject } };
}

/** What a person typed: JSON where it parses, else text. */
export function parseLeaf(text: string): Json {
  const trimmed = text.trim();
  try {
    return JSON.parse(trimmed) as Json;
  } catch {
    return trimmed;
  }
}
