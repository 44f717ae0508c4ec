import path from 'node:path';
import type { Findings } from './findings.ts';
import { parseYaml } from './parse-yaml.ts';
import { isMapping } from './section.ts';
import { readTextFile } from './text-file.ts';

const maxFileBytes = 4 * 1024 * 1024;
const maxFiles = 64;
const maxIncludeDepth = 8;

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads a configuration file and those that it includes, as one tree. An included path is relative to the file that
 * names it. As in LiteLLM an included file is read after the file that includes it: lists such as `model_list` are
 * joined, and a key that both set in a section has the later value. (LiteLLM lets the later file replace the whole
 * section, so that an include with one setting would silently undo the others.)
 */
export async function readConfigFiles(file: string, findings: Findings): Promise<Values> {
  let merged: Values = {};
  const seen = new Set([path.resolve(file)]);
  await readWithIncludes(file, 0);
  return merged;

  async function readWithIncludes(current: string, depth: number): Promise<void> {
    const label = depth === 0 ? file : path.relative(path.dirname(file), current);
    const { include, ...values } = await readOne(current, label, findings);
    merged = depth === 0 ? values : merge(merged, values, label, findings);
    for (const included of includedPaths(include, label, findings)) {
      const next = path.resolve(path.dirname(current), included);
      const tooMuch = seen.has(next) ? 'which has been read already' : tooMany(depth + 1, seen.size + 1);
      if (tooMuch === null) {
        seen.add(next);
        await readWithIncludes(next, depth + 1);
      } else findings.fileProblem(label, `includes ${included}, ${tooMuch}`);
    }
  }
}

function tooMany(depth: number, files: number): string | null {
  if (depth > maxIncludeDepth) return `more than ${maxIncludeDepth} levels deep`;
  return files > maxFiles ? `which makes more than ${maxFiles} files` : null;
}

/** The content of one file; an empty mapping when it cannot be used, which is reported. */
async function readOne(current: string, label: string, findings: Findings): Promise<Values> {
  const read = await readTextFile(current, maxFileBytes);
  if ('failure' in read) {
    findings.fileProblem(label, read.failure);
    return {};
  }
  const parsed = parseYaml(read.text);
  if ('problems' in parsed) {
    for (const text of parsed.problems) findings.fileProblem(label, text);
    return {};
  }
  if (isMapping(parsed.value)) return parsed.value;
  // An empty file is fine. What else stands there is not shown: it may be a key file, named by mistake.
  if (parsed.value !== null) findings.fileProblem(label, 'expected a mapping of sections, such as model_list');
  return {};
}

function includedPaths(include: unknown, label: string, findings: Findings): readonly string[] {
  if (include === undefined || include === null) return [];
  if (Array.isArray(include) && include.every((item) => typeof item === 'string')) return include;
  findings.fileProblem(label, 'include: expected a list of paths');
  return [];
}

function merge(before: Values, values: Values, label: string, findings: Findings): Values {
  const merged: Record<string, unknown> = { ...before };
  for (const [key, later] of Object.entries(values)) {
    const earlier = Object.hasOwn(merged, key) ? merged[key] : undefined;
    if (later === null) continue;
    if (Array.isArray(earlier) && Array.isArray(later)) {
      for (const index of later.keys()) {
        findings.comesFromFile([key, earlier.length + index], label, [key, index]);
      }
      merged[key] = [...(earlier as unknown[]), ...(later as unknown[])];
    } else if (isMapping(earlier) && isMapping(later)) {
      for (const inner of Object.keys(later)) findings.comesFromFile([key, inner], label);
      merged[key] = { ...earlier, ...later };
    } else {
      findings.comesFromFile([key], label);
      merged[key] = later;
    }
  }
  return merged;
}
