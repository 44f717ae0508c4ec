import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import type { Cooldown, CooldownStore } from '../../ports/cooldown-store.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { quickRedisSettings } from '../quick-redis.ts';

/** A failed call waits for it, so it is short. */
const timeLimitMs = 250;
const connectTimeoutMs = 1_000;
const minuteMs = 60_000;

/** Names lie in one slot of a cluster. */
const tag = '{sluice:cooldown}';
const channel = `${tag}:begun`;
/** Deployment → end of its cooldown. */
const cooledKey = `${tag}:cooled`;

/** KEYS: the minute, the run of failures. ARGV: requests, failures, lifetime of the minute, window. Times in ms. */
const countScript = `
local requests = redis.call('HINCRBY', KEYS[1], 'requests', ARGV[1])
local failures = redis.call('HINCRBY', KEYS[1], 'failures', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local recent = 0
if tonumber(ARGV[2]) > 0 then
  recent = redis.call('INCRBY', KEYS[2], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return { requests, failures, recent }`;

/** KEYS: the cooled ones. ARGV: deployment, end of its cooldown, now, channel. */
const coolDownScript = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
if tonumber(ARGV[2]) <= tonumber(ARGV[3]) then return end
if redis.call('ZADD', KEYS[1], 'GT', 'CH', ARGV[2], ARGV[1]) == 1 then
  local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', KEYS[1], last[2])
  redis.call('PUBLISH', ARGV[4], ARGV[2] .. ' ' .. ARGV[1])
end`;

declare module 'ioredis' {
  /** What `defineCommand` adds. */
  interface RedisCommander<Context> {
    cooldownCount(minute: string, run: string, ...args: (string | number)[]): Result<number[], Context>;
    cooldownBegin(cooled: string, ...args: (string | number)[]): Result<null, Context>;
  }
}

/**
 * Failures and cooldowns of all workers, in Redis. It opens without one too: while Redis is away, every count and
 * cooldown fails at once, and watchers are told what they missed when it is back.
 */
export async function openRedisCooldownStore(options: {
  url: string;
  onError: (error: Error) => void;
}): Promise<CooldownStore> {
  const redis = new Redis(options.url, quickRedisSettings(connectTimeoutMs));
  redis.on('error', options.onError);
  redis.defineCommand('cooldownCount', { lua: countScript, numberOfKeys: 2 });
  redis.defineCommand('cooldownBegin', { lua: coolDownScript, numberOfKeys: 1 });
  await redis.connect().catch(options.onError);
  const watchers = new Set<Redis>();
  const limited = <T>(call: Promise<T>) => withTimeLimit('cooldown store', timeLimitMs, call);

  return {
    async count(deploymentId, { requests, failures }, { now, windowMs }) {
      const minute = `${tag}:minute:${Math.floor(now / minuteMs)}:${deploymentId}`;
      const args = [requests, failures, 2 * minuteMs, Math.ceil(windowMs)];
      const reply = await limited(redis.cooldownCount(minute, `${tag}:failures:${deploymentId}`, ...args));
      const [counted = 0, failed = 0, recentFailures = 0] = reply;
      return { requests: counted, failures: failed, recentFailures };
    },
    async coolDown({ deploymentId, until }, now) {
      await limited(redis.cooldownBegin(cooledKey, deploymentId, Math.ceil(until), Math.floor(now), channel));
    },
    async watch(listener, now) {
      // Subscriptions are renewed after a reconnect, hence the queue.
      const watcher = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
      watchers.add(watcher);
      watcher.on('error', options.onError);
      watcher.on('message', (_channel: string, text: string) => tell(cooldownIn(text)));
      await watcher.connect().catch(options.onError);
      // Whenever one of the two has come back: what was published meanwhile is in the set.
      const readAgain = () => void tellAll().catch(options.onError);
      for (const connection of [redis, watcher]) connection.on('ready', readAgain);
      await limited(tellAll()).catch(options.onError);
      return {
        async [Symbol.asyncDispose]() {
          redis.off('ready', readAgain);
          watchers.delete(watcher);
          watcher.disconnect();
        },
      };

      async function tellAll(): Promise<void> {
        await watcher.subscribe(channel);
        const cooled = await redis.zrange(cooledKey, now(), '+inf', 'BYSCORE', 'WITHSCORES');
        for (let at = 0; at + 1 < cooled.length; at += 2) {
          tell({ deploymentId: cooled[at] ?? '', until: Number(cooled[at + 1]) });
        }
      }

      function tell(cooldown: Cooldown): void {
        if (watchers.has(watcher)) listener(cooldown);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const each of [redis, ...watchers]) each.disconnect();
      watchers.clear();
    },
  };
}

/** `<until> <deployment>`: ids have no spaces, but the first one is the separator anyway. */
function cooldownIn(text: string): Cooldown {
  const space = text.indexOf(' ');
  return { deploymentId: text.slice(space + 1), until: Number(text.slice(0, space)) };
}
