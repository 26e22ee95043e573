import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { processLock } from '../../bin/process-lock';

describe('a lock', () => {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
  const file = join(folder, 'deep', 'lock');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is held by one at a time, and is free once its holder has died', async () => {
    const release = await processLock(file, { waitMs: 0 });
    expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
    const waits: number[] = [];
    await expect(processLock(file, { waitMs: 300, onWait: (pid) => waits.push(pid) })).rejects.toThrow(/holds .*lock/);
    expect(waits).toEqual([process.pid]);
    release();
    // No process has this id: Linux counts to 4,194,304.
    writeFileSync(file, '99999999');
    (await processLock(file, { waitMs: 0 }))();
  });
});
