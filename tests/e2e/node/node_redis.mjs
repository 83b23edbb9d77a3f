// What node-redis does with a server, on the port given as argument; with RESP2 and RESP3. A second argument "7.2" says
// that the server knows what 7.2 added.
import assert from 'node:assert/strict';
import { createClient, RESP_TYPES } from 'redis';
import { rejectsWith, runChecks } from './checks.mjs';

const port = Number(process.argv[2]);

async function connect(options = {}) {
  const client = createClient({ socket: { port, host: '127.0.0.1' }, ...options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

function checksFor(RESP) {
  let client;
  const checks = {
    async connects() {
      client = await connect({ RESP, name: `node-redis-${RESP}` });
      assert.equal(await client.ping(), 'PONG');
      assert.equal(await client.clientGetName(), `node-redis-${RESP}`);
      if (process.argv[3] === '7.2') assert.equal((await client.clientInfo()).libName, 'node-redis');
    },
    async sets_and_gets() {
      assert.equal(await client.set('nr:key', 'värde'), 'OK');
      assert.equal(await client.get('nr:key'), 'värde');
      assert.equal(await client.get('nr:none'), null);
      const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const bytes = Buffer.from([0, 255, 13, 10, 0]);
      await binary.set('nr:bytes', bytes);
      assert.deepEqual(await binary.get('nr:bytes'), bytes);
    },
    async takes_options() {
      await client.del('nr:nx');
      assert.equal(await client.set('nr:nx', '1', { EX: 100, NX: true }), 'OK');
      assert.equal(await client.set('nr:nx', '2', { NX: true }), null);
      assert.equal(await client.set('nr:nx', '3', { KEEPTTL: true, GET: true }), '1');
      assert.ok((await client.ttl('nr:nx')) > 90);
      assert.equal(await client.getEx('nr:nx', { type: 'PERSIST' }), '3');
      assert.equal(await client.ttl('nr:nx'), -1);
    },
    async pipelines_by_itself() {
      await client.del('nr:counter');
      const numbers = await Promise.all(Array.from({ length: 500 }, () => client.incr('nr:counter')));
      assert.deepEqual(numbers, Array.from({ length: 500 }, (_, i) => i + 1));
    },
    async works_on_several_keys() {
      assert.equal(await client.mSet({ 'nr:a': '1', 'nr:b': '2', 'nr:c': '3' }), 'OK');
      assert.deepEqual(await client.mGet(['nr:a', 'nr:none', 'nr:c']), ['1', null, '3']);
      assert.equal(await client.del(['nr:a', 'nr:b', 'nr:none']), 2);
      assert.equal(await client.copy('nr:c', 'nr:d', { REPLACE: true }), 1);
      assert.equal(await client.rename('nr:d', 'nr:e'), 'OK');
      assert.equal(await client.get('nr:e'), '3');
    },
    async scans() {
      await Promise.all(Array.from({ length: 500 }, (_, i) => client.set(`nr:scan:${i}`, i)));
      const found = new Set();
      for await (const keys of client.scanIterator({ MATCH: 'nr:scan:*', COUNT: 50 })) [keys].flat().forEach((key) => found.add(key));
      assert.equal(found.size, 500);
    },
    async tells_errors() {
      await client.set('nr:text', 'text');
      await rejectsWith(client.incr('nr:text'), /^ERR value is not an integer or out of range$/);
      await rejectsWith(client.sendCommand(['nonsense']), /^ERR unknown command 'nonsense'/);
    },
    async reads_configuration_and_information() {
      const settings = await client.configGet('maxmemory*');
      assert.ok('maxmemory-policy' in settings);
      assert.match(await client.info('server'), /redis_version:7\./);
      assert.equal((await client.commandInfo(['get']))[0].arity, 2);
      assert.equal(typeof (await client.dbSize()), 'number');
      assert.ok(await client.time());
    },
    async uses_a_database_of_its_own() {
      const other = await connect({ RESP, database: 5 });
      await other.set('nr:db', 'five');
      assert.equal(await client.get('nr:db'), null);
      await other.flushDb();
      await other.quit();
    },
    async reconnects_after_being_killed() {
      const victim = await connect({ RESP, socket: { port, host: '127.0.0.1', reconnectStrategy: () => 20 } });
      const id = await victim.clientId();
      const again = new Promise((resolve) => victim.once('ready', resolve));
      await client.clientKill({ filter: 'ID', id });
      await again;
      assert.equal(await victim.ping(), 'PONG');
      await victim.quit();
    },
    async subscribes() {
      const subscriber = await connect({ RESP });
      const heard = [];
      const hear = (message, channel) => heard.push([channel, message]);
      await subscriber.subscribe(['nr:news', 'nr:other'], hear);
      await subscriber.pSubscribe('nr:n*', hear);
      await subscriber.sSubscribe('nr:shard', hear);
      assert.equal(await client.publish('nr:news', 'one'), 2);
      assert.equal(await client.publish('nr:other', 'two'), 1);
      assert.equal(await client.sPublish('nr:shard', 'three'), 1);
      while (heard.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(heard, [['nr:news', 'one'], ['nr:news', 'one'], ['nr:other', 'two'], ['nr:shard', 'three']]);
      assert.deepEqual((await client.pubSubChannels('nr:*')).sort(), ['nr:news', 'nr:other']);
      assert.equal((await client.pubSubNumSub(['nr:news']))['nr:news'], 1);
      assert.equal(await client.pubSubNumPat(), 1);
      await subscriber.unsubscribe(['nr:news', 'nr:other']);
      await subscriber.pUnsubscribe('nr:n*');
      await subscriber.sUnsubscribe('nr:shard');
      assert.equal(await client.publish('nr:news', 'nobody'), 0);
      assert.equal(String(await subscriber.ping()), 'PONG');
      await subscriber.quit();
    },
    async hears_of_its_own_keys() {
      if (RESP !== 3) return;
      const both = await connect({ RESP });
      const heard = [];
      await both.configSet('notify-keyspace-events', 'E$x');
      await both.pSubscribe('__keyevent@*__:*', (message, channel) => heard.push([channel, message]));
      await both.set('nr:event', '1', { PX: 30 });
      while (heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(heard, [['__keyevent@0__:set', 'nr:event'], ['__keyevent@0__:expired', 'nr:event']]);
      await both.configSet('notify-keyspace-events', '');
      await both.pUnsubscribe();
      await both.quit();
    },
    async moves_large_values() {
      const large = 'gyre'.repeat(1 << 20);
      await client.set('nr:large', large);
      assert.ok((await client.get('nr:large')) === large);
    },
    async quits() {
      await client.quit();
    },
  };
  return Object.fromEntries(Object.entries(checks).map(([name, check]) => [`resp${RESP}.${name}`, check]));
}

await runChecks({ ...checksFor(2), ...checksFor(3) });
