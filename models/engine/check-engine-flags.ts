import { didYouMean } from '../parse';
import type { Problem } from '../problem';
import { TENSORRTLLM_RELEASES, type TensorRtLlmRelease } from '../versions';
import {
  type CheckpointFamily,
  type CommandFlags,
  commandFlags,
  ENGINE_COMMANDS,
  type EngineCommand,
} from './release-flags';
import { replacedFlag } from './replaced-flags';

/**
 * Options that the command of this TensorRT-LLM release does not have or warns of, with what replaced them. Values are
 * not looked at.
 *
 * @param args - what follows the program, for example `['--max_seq_len', '5120']`
 * @param family - whose script converts, where `command` is `convert`
 */
export function checkEngineFlags(
  release: TensorRtLlmRelease,
  command: EngineCommand,
  args: readonly string[],
  family: CheckpointFamily = 'llama',
): Problem[] {
  const unknown = releaseProblems(release);
  if (unknown.length > 0) return unknown;
  const parser = commandFlags(release, command, family);
  return args
    .filter((arg) => arg.startsWith('--'))
    .flatMap((arg): Problem[] => {
      const flag = arg.replace(/=.*$/s, '');
      const replaced = replacedFlag(command, flag);
      if (replaced === undefined && [...parser.flags, ...parser.unsettled].includes(flag)) return [];
      return [{ key: `${programName(parser)} ${flag}`, ...(replaced ?? unknownFlag(release, command, flag, family)) }];
    });
}

/** A release whose commands nobody has looked up. */
export function releaseProblems(release: string): Problem[] {
  if (TENSORRTLLM_RELEASES.includes(release as TensorRtLlmRelease)) return [];
  return [
    {
      key: 'release',
      value: release,
      reason: 'is no TensorRT-LLM release whose commands are known: options come and go between releases',
      allowed: TENSORRTLLM_RELEASES.join(', '),
      fix: 'take a release that an image of the versions file carries',
    },
  ];
}

function unknownFlag(
  release: TensorRtLlmRelease,
  command: EngineCommand,
  flag: string,
  family: CheckpointFamily,
): Pick<Problem, 'reason' | 'fix'> {
  const reason = `is no option of TensorRT-LLM ${release}`;
  const near = didYouMean(flag, commandFlags(release, command, family).flags);
  if (near !== undefined) return { reason, fix: `did you mean ${near}?` };
  const owner = ENGINE_COMMANDS.map((other) => commandFlags(release, other, family)).find((other) =>
    other.flags.includes(flag),
  );
  return owner === undefined ? { reason, fix: 'remove it' } : { reason, fix: `give it to ${programName(owner)}` };
}

function programName({ program }: CommandFlags): string {
  return program.replace(/^.*\//, '');
}
