import type { ContenderName } from './contenders';
import type { ChangeName, RepositoryName } from './repositories';

/** What is measured. */
export interface Scenario {
  readonly name: string;
  readonly repository: RepositoryName;
  /** `empty`: the folder is removed before each run. `held`: it holds what the last run left. */
  readonly volume: 'empty' | 'held';
  /** A new HOME and TMPDIR for each run, as a new pod has them. @default those of the last run */
  readonly newHome?: boolean;
  /** What is changed in the store, back and forth, before each round. */
  readonly change?: ChangeName;
  readonly contenders: readonly ContenderName[];
}

/** `aws exact` can be told from `aws sync` where something has changed alone. */
const ALL = ['ours', 'ours, aws', 'aws sync', 'rclone copy', 's5cmd cp'] as const;
/** s5cmd's `cp` fetches everything again: of the large repository, what `cold large` says. */
const THAT_LOOK = ['ours', 'ours, aws', 'aws sync', 'rclone copy'] as const;
const CHANGED = ['ours', 'ours, aws', 'aws sync', 'aws exact', 'rclone copy'] as const;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'cold large', repository: 'large', volume: 'empty', contenders: ALL },
  { name: 'cold small', repository: 'small', volume: 'empty', contenders: ALL },
  { name: 'same large', repository: 'large', volume: 'held', contenders: THAT_LOOK },
  { name: 'same small', repository: 'small', volume: 'held', contenders: ALL },
  { name: 'restart large', repository: 'large', volume: 'held', newHome: true, contenders: THAT_LOOK },
  { name: 'restart small', repository: 'small', volume: 'held', newHome: true, contenders: ALL },
  { name: 'weights', repository: 'large', volume: 'held', change: 'weights', contenders: CHANGED },
  { name: 'config', repository: 'large', volume: 'held', change: 'config', contenders: CHANGED },
];

/** Whether it is a matter of bytes: what loopback and disk allow is measured beside it. */
export function movesBytes({ volume, change }: Scenario): boolean {
  return volume === 'empty' || change === 'weights';
}
