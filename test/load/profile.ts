import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { BenchArguments } from './arguments.ts';
import { arms, type Arm } from './arms.ts';
import { openBill, openBooks } from './books.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { table } from './markdown.ts';
import { openDistributed, type Bench } from './stack.ts';

const root = path.resolve(import.meta.dirname, '../..');
const profiled: ReadonlySet<Arm['id']> = new Set(['whole-128', 'streams', 'streams-paced']);
const rowsShown = 22;

/** One arm's time in each process, by V8's monotonic clock, microseconds. */
interface Window {
  readonly arm: Arm;
  readonly from: number;
  readonly to: number;
  readonly requests: number;
  /** Milliseconds per request, all threads, by process: what the samples' shares are shares of. */
  readonly cpuMs: ReadonlyMap<string, number>;
}

/** Runs the services under `--cpu-prof` and says where their main threads' time goes. Profiling itself costs some. */
export async function profileServices(bench: Bench, options: BenchArguments): Promise<string> {
  const folder = path.resolve(options.profileDir ?? path.join(bench.folder, 'profiles'));
  const folderOf = (service: string) => path.join(folder, service);
  const windows: Window[] = [];
  let machine: ReadonlyMap<string, string> = new Map();
  let services: readonly string[] = [];
  {
    await using gateway = await openDistributed(bench, (service) => {
      mkdirSync(folderOf(service), { recursive: true });
      return [...options.nodeArgs, '--cpu-prof', `--cpu-prof-dir=${folderOf(service)}`, '--cpu-prof-interval=500'];
    });
    await using books = openBooks(gateway.databaseUrl);
    services = gateway.services;
    machine = await describeMachine(await books.postgresVersion());
    const subject = { bench, gateway, books, bill: openBill(bench.simulator), answered: { count: 0 } };
    for (const arm of arms.filter(({ id }) => profiled.has(id))) {
      const measureMs = windows.length === 0 ? options.heatMs : options.measureMs;
      await measure(subject, arm, 'gateway', { warmUpMs: 0, measureMs });
      const from = monotonicMicros();
      const { load, cpuMsPerRequest: cpuMs } = await measure(subject, arm, 'gateway', {
        warmUpMs: 0,
        measureMs: 2 * options.measureMs,
      });
      windows.push({ arm, from, to: monotonicMicros(), requests: load.requests, cpuMs });
    }
  }
  const sections = services.flatMap((service) => {
    const profile = readProfile(folderOf(service));
    return windows.map((window) => section(service, window, profile));
  });
  const facts = [...machine].map(([name, text]) => `- ${name}: ${text}`).join('\n');
  return ['# Where the time goes', facts, ...sections].join('\n\n');
}

function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

const Profile = z.object({
  nodes: z.array(
    z.object({
      id: z.int(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.int() }),
      children: z.array(z.int()).optional(),
    }),
  ),
  startTime: z.number(),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});
type Profile = z.infer<typeof Profile>;
type ProfileNode = Profile['nodes'][number];

function readProfile(folder: string): Profile {
  const [name] = readdirSync(folder)
    .filter((file) => file.endsWith('.cpuprofile'))
    .sort()
    .toReversed();
  if (name === undefined) throw new Error(`No profile in ${folder}: the process did not end by itself.`);
  return Profile.parse(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
}

function section(service: string, { arm, from, to, requests, cpuMs }: Window, profile: Profile): string {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const byFunction = new Map<string, number>();
  const byPackage = new Map<string, number>();
  const byOwner = new Map<string, number>();
  const byOwnFunction = new Map<string, number>();
  const add = (sums: Map<string, number>, name: string, micros: number) =>
    void sums.set(name, (sums.get(name) ?? 0) + micros);

  let at = profile.startTime;
  profile.samples.forEach((id, index) => {
    const micros = profile.timeDeltas[index] ?? 0;
    at += micros;
    const node = nodes.get(id);
    if (at < from || at > to || node === undefined || node.callFrame.functionName === '(idle)') return;
    const stack = stackOf(node, nodes, parents);
    add(byFunction, nameOf(node), micros);
    add(byPackage, packageOf(node), micros);
    const owner = stack.map(packageOf).find((name) => !isPlatform(name)) ?? platformOf(node);
    const own = stack.find((frame) => packageOf(frame) === 'sluice');
    add(byOwner, owner, micros);
    add(byOwnFunction, own === undefined ? `none of ours; for ${owner}` : nameOf(own), micros);
  });
  const perRequest = cpuMs.get(service) ?? Number.NaN;
  const busy = [...byPackage.values()].reduce((total, micros) => total + micros, 0);
  const show = (title: string, sums: ReadonlyMap<string, number>) =>
    table(
      [title, '%', 'ms per request'],
      [...sums]
        .sort(([, a], [, b]) => b - a)
        .slice(0, rowsShown)
        .map(([name, micros]) => [name, ((100 * micros) / busy).toFixed(1), ((perRequest * micros) / busy).toFixed(4)]),
    );
  return [
    `## ${service}: ${arm.title}`,
    `${requests} requests in ${((to - from) / 1e6).toFixed(1)} s; the main thread was at work, or waiting for a core, ${((100 * busy) / (to - from)).toFixed(0)} % of it, ` +
      `and the process used ${perRequest.toFixed(3)} ms of CPU per request on all its threads. Shares are of samples, ms are shares of that CPU.`,
    show('whose code runs (self time)', byPackage),
    show('on whose behalf: nearest package on the stack', byOwner),
    show('on behalf of which function of ours', byOwnFunction),
    show('function (self time)', byFunction),
  ].join('\n\n');
}

/** For what no package stands on the stack. */
function platformOf(node: ProfileNode): string {
  const name = packageOf(node);
  return name.startsWith('(') ? name : 'the platform';
}

/** From the node to the root. */
function stackOf(
  node: ProfileNode,
  nodes: ReadonlyMap<number, ProfileNode>,
  parents: ReadonlyMap<number, number>,
): ProfileNode[] {
  const stack: ProfileNode[] = [];
  for (let at: ProfileNode | undefined = node; at !== undefined; at = nodes.get(parents.get(at.id) ?? -1))
    stack.push(at);
  return stack;
}

/** A package's name, `sluice` for our own files, `node:…` for Node's, `V8` for what has no file. */
function packageOf({ callFrame: { url, functionName } }: ProfileNode): string {
  const installed = url.lastIndexOf('/node_modules/');
  if (installed !== -1) {
    const [scope = '', name = ''] = url.slice(installed + '/node_modules/'.length).split('/');
    return scope.startsWith('@') ? `${scope}/${name}` : scope;
  }
  if (url.startsWith('node:')) return url.replace('node:internal/', 'node:').split('/')[0] ?? url;
  if (url.includes(root)) return 'sluice';
  return functionName.startsWith('(') ? functionName : 'V8';
}

function isPlatform(name: string): boolean {
  return name === 'V8' || name.startsWith('node:') || name.startsWith('(');
}

function nameOf(node: ProfileNode): string {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return packageOf(node) === 'V8' ? `${name} [built in]` : name;
  const file = url.slice(url.lastIndexOf('/node_modules/') + 1).replace('node_modules/', '');
  const place = packageOf(node) === 'sluice' ? path.relative(root, new URL(url).pathname) : file.replace('file://', '');
  return `${name} ${place}:${lineNumber + 1}`;
}
