// The frame of both clients' checks: runs named functions one after the other and prints a line of JSON for each,
// {"name": ..., "problem": null or text}, which test_node.py reads.
import assert from 'node:assert/strict';

const TIMEOUT_MS = 20000;

function withTimeout(promise, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function runChecks(checks) {
  for (const [name, check] of Object.entries(checks)) {
    let problem = null;
    try {
      await withTimeout(check(), name);
    } catch (error) {
      problem = String(error.stack ?? error);
    }
    console.log(JSON.stringify({ name, problem }));
  }
  process.exit(0);
}

export async function rejectsWith(promise, pattern) {
  await assert.rejects(promise, (error) => {
    assert.match(error.message, pattern);
    return true;
  });
}
