import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { serverBinary } from '../servers/binaries.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What has to be known of a figure to compare it with another, as name → text. */
export async function describeMachine(postgresVersion: string): Promise<ReadonlyMap<string, string>> {
  const gib = (totalmem() / 1024 ** 3).toFixed(1);
  const [redis, nats] = await Promise.all([serverBinary('redis-server'), serverBinary('nats-server')]);
  return new Map([
    ['date', new Date().toISOString()],
    ['revision', revisionOf(root)],
    ['command', ['npm run bench --', ...process.argv.slice(2)].join(' ')],
    [
      'machine',
      `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${gib} GiB, Linux ${release()}`,
    ],
    ['node', process.version],
    ['redis', firstMatch(outputOf(redis, ['--version']), /v=(\S+)/)],
    ['nats', firstMatch(outputOf(nats, ['--version']), /v?(\d\S*)/)],
    ['postgres', postgresVersion],
    ['packages', ['bullmq', 'ioredis', 'nats', 'pg', 'zod'].map((name) => `${name} ${versionOf(name)}`).join(', ')],
  ]);
}

/** Of a checkout. */
export function revisionOf(folder: string): string {
  try {
    const hash = outputOf('git', ['-C', folder, 'rev-parse', '--short', 'HEAD']).trim();
    return outputOf('git', ['-C', folder, 'status', '--porcelain']) === '' ? hash : `${hash} with uncommitted changes`;
  } catch {
    return 'unknown';
  }
}

/** Of the package that the services use. */
function versionOf(name: string): string {
  try {
    const manifest = createRequire(path.join(root, 'packages/shared/package.json'))
      .resolve.paths(name)
      ?.map((folder) => path.join(folder, name, 'package.json'))
      .map(textOf)
      .find((text) => text !== null);
    return firstMatch(manifest ?? '', /"version": "([^"]+)"/);
  } catch {
    return 'unknown';
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function outputOf(command: string, args: readonly string[]): string {
  return execFileSync(command, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

function firstMatch(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? 'unknown';
}
