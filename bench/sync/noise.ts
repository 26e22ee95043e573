import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const PIECE = Buffer.alloc(4 * 1024 ** 2);

/**
 * Writes a file that nothing can compress, the same for the same seed.
 *
 * @returns its SHA-256, hexadecimal
 */
export function writeNoise(file: string, bytes: number, seed: string): string {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const digest = createHash('sha256');
  mkdirSync(dirname(file), { recursive: true });
  const output = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= PIECE.length) {
    const piece = stream.update(PIECE.subarray(0, Math.min(left, PIECE.length)));
    digest.update(piece);
    writeSync(output, piece);
  }
  closeSync(output);
  return digest.digest('hex');
}

/** Whole numbers from 0 to below 2^32, the same for the same seed (Numerical Recipes' generator). */
export function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}
