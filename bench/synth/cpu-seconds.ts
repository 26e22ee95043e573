import { spawnSync } from 'node:child_process';

const LIMIT_MS = 600_000;

/**
 * CPU seconds, user and system, of what a shell script runs. Node tells no CPU time of a child; the shell's `times` does,
 * children's children included, to a hundredth.
 *
 * @param script - POSIX sh; ends at the first command that fails
 * @param args - `$1` and on
 */
export function cpuSeconds(script: string, args: readonly string[], cwd: string): number {
  const { status, stdout, stderr, error } = spawnSync('/bin/sh', ['-ec', `${script}\ntimes`, 'sh', ...args], {
    cwd,
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${script} ${args.join(' ')}: ${stderr}`);
  const children = stdout.trim().split('\n').at(-1) ?? '';
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => 60 * Number(minutes) + Number(rest),
  );
  return seconds.reduce((sum, each) => sum + each, 0);
}
