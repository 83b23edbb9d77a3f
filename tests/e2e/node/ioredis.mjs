// What ioredis does with a server, on the port given as argument.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { rejectsWith, runChecks } from './checks.mjs';

const port = Number(process.argv[2]);
const connect = (options = {}) => new Redis({ port, host: '127.0.0.1', ...options });
const redis = connect();

await runChecks({
  async connects_and_passes_its_ready_check() {
    await new Promise((resolve, reject) => {
      if (redis.status === 'ready') resolve();
      redis.once('ready', resolve);
      redis.once('error', reject);
    });
    assert.equal(redis.status, 'ready');
    assert.match(await redis.info('server'), /redis_version:7\./);
  },
  async sets_and_gets() {
    assert.equal(await redis.set('io:key', 'värde'), 'OK');
    assert.equal(await redis.get('io:key'), 'värde');
    assert.equal(await redis.get('io:none'), null);
    assert.deepEqual(await redis.getBuffer('io:key'), Buffer.from('värde'));
    const bytes = Buffer.from([0, 255, 13, 10, 0]);
    await redis.set(bytes, bytes);
    assert.deepEqual(await redis.getBuffer(bytes), bytes);
  },
  async takes_options_of_set() {
    assert.equal(await redis.set('io:nx', '1', 'EX', 100, 'NX'), 'OK');
    assert.equal(await redis.set('io:nx', '2', 'NX'), null);
    const ttl = await redis.ttl('io:nx');
    assert.ok(ttl > 90 && ttl <= 100, `ttl ${ttl}`);
    assert.equal(await redis.set('io:nx', '3', 'KEEPTTL', 'GET'), '1');
    assert.ok((await redis.pttl('io:nx')) > 90000);
  },
  async counts() {
    await redis.del('io:counter');
    const numbers = await Promise.all(Array.from({ length: 500 }, () => redis.incr('io:counter')));
    assert.deepEqual(numbers, Array.from({ length: 500 }, (_, i) => i + 1));
    assert.equal(await redis.incrbyfloat('io:counter', 0.5), '500.5');
  },
  async works_on_several_keys() {
    assert.equal(await redis.mset({ 'io:a': 1, 'io:b': 2, 'io:c': 3 }), 'OK');
    assert.deepEqual(await redis.mget('io:a', 'io:none', 'io:c'), ['1', null, '3']);
    assert.equal(await redis.exists('io:a', 'io:b', 'io:none'), 2);
    assert.equal(await redis.del('io:a', 'io:b', 'io:none'), 2);
  },
  async pipelines() {
    const results = await redis.pipeline().set('io:p', 1).incr('io:p').get('io:p').call('nonsense').strlen('io:p').exec();
    assert.deepEqual(results.slice(0, 3).map(([error, value]) => [error, value]), [[null, 'OK'], [null, 2], [null, '2']]);
    assert.match(results[3][0].message, /ERR unknown command/);
    assert.deepEqual(results[4], [null, 1]);
  },
  async pipelines_by_itself() {
    const automatic = connect({ enableAutoPipelining: true });
    const keys = Array.from({ length: 1000 }, (_, i) => `io:auto:${i}`);
    await Promise.all(keys.map((key, i) => automatic.set(key, i)));
    assert.deepEqual(await Promise.all(keys.map((key) => automatic.get(key))), keys.map((_, i) => String(i)));
    await automatic.quit();
  },
  async scans() {
    const found = new Set();
    for await (const keys of redis.scanStream({ match: 'io:auto:*', count: 50 })) keys.forEach((key) => found.add(key));
    assert.equal(found.size, 1000);
  },
  async tells_errors() {
    await redis.set('io:text', 'text');
    await rejectsWith(redis.incr('io:text'), /^ERR value is not an integer or out of range$/);
    await rejectsWith(redis.call('get'), /^ERR wrong number of arguments for 'get' command$/);
  },
  async selects_databases_and_names_connections() {
    const other = connect({ db: 3, connectionName: 'worker' });
    await other.set('io:db', 'three');
    assert.equal(await redis.get('io:db'), null);
    assert.equal(await other.client('GETNAME'), 'worker');
    assert.match(await redis.client('LIST'), /name=worker .*db=3/);
    await other.flushdb();
    await other.quit();
  },
  async reconnects_after_being_killed() {
    const victim = connect({ retryStrategy: () => 20 });
    const id = await victim.client('ID');
    const again = new Promise((resolve) => victim.once('reconnecting', () => victim.once('ready', resolve)));
    assert.equal(await redis.client('KILL', 'ID', id), 1);
    await again;
    assert.equal(await victim.ping(), 'PONG');
    assert.notEqual(await victim.client('ID'), id);
    await victim.quit();
  },
  async monitors() {
    // Nobody else may say anything in the moment between the OK and ioredis's taking note of it: not even the
    // connection that the monitor is a copy of, which asks for INFO when it connects.
    const first = connect();
    await first.ping();
    const monitor = await first.monitor();
    const seen = new Promise((resolve) => monitor.on('monitor', (time, args) => args[1] === 'io:watched' && resolve(args)));
    await redis.set('io:watched', 'x y');
    assert.deepEqual(await seen, ['set', 'io:watched', 'x y']);
    monitor.disconnect();
  },
  async subscribes() {
    const subscriber = connect();
    const heard = [];
    const all = new Promise((resolve) => {
      const hear = (...said) => heard.push(said) === 4 && resolve();
      subscriber.on('message', (...said) => hear('message', ...said));
      subscriber.on('pmessage', (...said) => hear('pmessage', ...said));
      subscriber.on('smessage', (...said) => hear('smessage', ...said));
    });
    assert.equal(await subscriber.subscribe('io:news', 'io:other'), 2);
    assert.equal(await subscriber.psubscribe('io:n*'), 3);
    assert.equal(await subscriber.ssubscribe('io:shard'), 1);
    await assert.rejects(subscriber.get('x'), /subscriber mode/);
    assert.equal(await redis.publish('io:news', 'one'), 2);
    assert.equal(await redis.publish('io:other', 'zwei \u00fc'), 1);
    assert.equal(await redis.spublish('io:shard', 'three'), 1);
    await all;
    assert.deepEqual(heard, [
      ['message', 'io:news', 'one'], ['pmessage', 'io:n*', 'io:news', 'one'],
      ['message', 'io:other', 'zwei \u00fc'], ['smessage', 'io:shard', 'three'],
    ]);
    assert.deepEqual(await redis.pubsub('NUMSUB', 'io:news', 'io:none'), ['io:news', 1, 'io:none', 0]);
    assert.equal(await subscriber.unsubscribe('io:news', 'io:other'), 1);
    assert.equal(await subscriber.punsubscribe('io:n*'), 0);
    assert.equal(await subscriber.sunsubscribe('io:shard'), 0);
    assert.equal(await subscriber.ping(), 'PONG');
    await subscriber.quit();
  },
  async subscribes_again_after_being_killed() {
    const subscriber = connect({ retryStrategy: () => 20 });
    const heard = new Promise((resolve) => subscriber.on('message', (channel, message) => resolve([channel, message])));
    await subscriber.subscribe('io:again');
    const subscribed = new Promise((resolve) => subscriber.once('reconnecting', () => subscriber.once('ready', resolve)));
    assert.equal(await redis.client('KILL', 'TYPE', 'pubsub'), 1);
    await subscribed;
    while ((await redis.publish('io:again', 'back')) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(await heard, ['io:again', 'back']);
    await subscriber.quit();
  },
  async moves_large_values() {
    const large = Buffer.alloc(5 << 20, 'gyre');
    await redis.set('io:large', large);
    assert.ok((await redis.getBuffer('io:large')).equals(large));
  },
  async quits() {
    assert.equal(await redis.quit(), 'OK');
  },
});
