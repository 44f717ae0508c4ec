// Runs one of our scripts with Node 24, on a machine that has only Node 20 or newer and npm:
//
//   node deploy/bootstrap.mjs SCRIPT.ts [args…]
//
// The first start installs the workspace's packages, Node 24 among them. Plain JavaScript and
// built-in modules only, because nothing is installed yet when it runs.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, 'node_modules');
const node = path.join(modules, '.bin', 'node');
const stampFile = path.join(modules, '.sluice-installed');
const lockFile = path.join(modules, '.sluice-installing');

/** Longer than any install; then whoever waits says which file to look at. */
const lockDeadlineMs = 15 * 60_000;

/**
 * Without a word V8 lets a busy process's heap grow to several times what is in use. With these its resident memory
 * under load halves, at the same CPU per request (npm run bench shows both). A semi-space of 16 MiB against one of 8:
 * 3 to 8 % less CPU per request in ingress and worker, for 6 to 16 MiB more; one of 32 saves about as much again, for
 * 15 to 30 MiB.
 */
const nodeFlags = ['--max-semi-space-size=16', '--heap-growing-percent=40'];

/**
 * For glibc: one arena instead of one for every thread that V8 compiles and collects garbage on, and the threshold
 * above which freed memory goes back to the system held where it starts. 3 to 15 MiB less in each service after load
 * at the same CPU per request.
 */
const malloc = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

const [script, ...scriptArgs] = process.argv.slice(2);
if (script === undefined) {
  say('usage: node deploy/bootstrap.mjs SCRIPT.ts [args…]');
  process.exit(2);
}
await ensureInstalled();
const env = { NODE_COMPILE_CACHE: path.join(modules, '.sluice-compiled'), ...malloc, ...process.env };
endLike(await run(node, [...nodeFlags, path.resolve(root, script), ...scriptArgs], { stdio: 'inherit', env }));

async function ensureInstalled() {
  if (isInstalled()) return;
  mkdirSync(modules, { recursive: true });
  await takeLock();
  try {
    if (!isInstalled()) await install();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function isInstalled() {
  return existsSync(node) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint();
}

/** Changes with everything an install depends on. */
function fingerprint() {
  const packages = ['packages', 'services', 'deploy']
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) => readdirSync(path.join(root, folder)).map((name) => path.join(folder, name)))
    .sort((one, other) => (one < other ? -1 : 1));
  const manifests = ['.', 'test', ...packages].map((folder) => path.join(folder, 'package.json'));

  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]) {
    const fullPath = path.join(root, file);
    if (existsSync(fullPath)) hash.update(`${file}\n`).update(readFileSync(fullPath)).update('\n');
  }
  return hash.digest('hex');
}

async function install() {
  say("Installing Sluice's packages (once)…");
  const wanted = fingerprint();
  rmSync(stampFile, { force: true }); // an install that stops half way is no install
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

  let output = '';
  const end = await run(
    'npx',
    // --prod=false: Node 24 is a development dependency, needed also where NODE_ENV=production.
    // --pm-on-fail=ignore: npx has chosen pnpm's version; pnpm is not to look for itself as well.
    ['--yes', packageManager, 'install', '--frozen-lockfile', '--prod=false', '--pm-on-fail=ignore'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, so that a signal reaches what npx started
      // CI: never ask. Log level: npm on Node 20 warns about the engines of what it runs.
      env: { ...process.env, CI: 'true', npm_config_loglevel: 'error', npm_config_update_notifier: 'false' },
    },
    (chunk) => (output += chunk),
  );
  if (end.code === 0 && existsSync(node)) {
    writeFileSync(stampFile, wanted);
    return;
  }
  // The packages run on the Node that is being installed, not on this one.
  const telling = output.split('\n').filter((line) => !line.includes('Unsupported engine'));
  say(
    `${telling.join('\n')}\nInstalling Sluice's packages failed: ${packageManager} ended with ${end.signal ?? end.code}.`,
  );
  rmSync(lockFile, { force: true });
  endLike(end.code === 0 ? { code: 1, signal: null } : end);
}

/** One install at a time. The lock holds its owner's process id; that of a dead owner is taken over. */
async function takeLock() {
  const mine = String(process.pid);
  const deadline = Date.now() + lockDeadlineMs;
  for (let told = false; ;) {
    try {
      writeFileSync(lockFile, mine, { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(lockFile)) {
      writeFileSync(`${lockFile}.${mine}`, mine);
      renameSync(`${lockFile}.${mine}`, lockFile);
      await sleep(200); // of several that take over at once, the last one has it
      if (readIfThere(lockFile) === mine) return;
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(`Another install does not end. If none is running, delete ${lockFile}.`);
    }
    if (!told) say('Waiting for an install that is already under way…');
    told = true;
    await sleep(100);
  }
}

function isAbandoned(file) {
  const owner = Number(readIfThere(file));
  if (!Number.isInteger(owner) || owner <= 0) return false;
  if (owner === process.pid) return true; // process ids repeat, in containers above all
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Runs a command to its end and hands it the signals that this process gets meanwhile. */
function run(command, args, options, onOutput) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, options);
    child.stdout?.setEncoding('utf8').on('data', onOutput);
    child.stderr?.setEncoding('utf8').on('data', onOutput);

    const lastSent = new Map();
    const forward = (signal) => {
      // Ctrl-C in a terminal has reached the child already, and npm repeats signals:
      // a second one would say "now", where "please" was meant.
      if (signal === 'SIGINT' && process.stdin.isTTY && !options.detached) return;
      if (Date.now() - (lastSent.get(signal) ?? 0) < 1000) return;
      lastSent.set(signal, Date.now());
      if (options.detached) process.kill(-child.pid, signal);
      else child.kill(signal);
    };
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const orphanWatch = watchParent(() => forward('SIGTERM'));

    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(orphanWatch);
      for (const name of signals) process.off(name, forward);
      resolve({ code, signal });
    });
  });
}

/** An npm that is killed outright cannot pass that on; then what it started would run on, unseen. */
function watchParent(onOrphaned) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  return setInterval(() => process.ppid !== parent && onOrphaned(), 1000);
}

/** Ends this process as a child ended: by the same signal, else with the same code. */
function endLike({ code, signal }) {
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
  process.exit(128 + constants.signals[signal]); // for a signal that did not end us
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
