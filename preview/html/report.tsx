import type { ComponentChildren, VNode } from 'preact';
import type { Compared } from '../diff/plan-diff';
import { counted, whole } from '../format';
import { Changes } from './changes';
import { Charts } from './charts';
import { Cost } from './cost';
import { Findings } from './findings';
import { Masthead } from './masthead';
import { MemorySection } from './memory';
import { Outputs } from './outputs';
import { Patterns } from './patterns';
import { Resources } from './resources';
import { Rollouts } from './rollouts';
import { sharedTexts } from './shared-texts';
import { SpikeSection, spikingModels } from './spike';
import { TopologySection } from './topology-view';
import { total } from './totals';
import { Versions } from './versions';
import { Warnings } from './warnings';

/** A part of the page, with its place in the table of contents. */
interface Part {
  readonly id: string;
  readonly title: string;
  /** How much there is of it, in the table of contents. */
  readonly count?: string;
  /** One sentence below the heading. */
  readonly about?: string;
  readonly content: ComponentChildren;
}

/** The whole page. What a reviewer decides by comes first; what can be looked up comes last. */
export function Report(compared: Compared): VNode {
  const parts = partsOf(compared);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the report
      </a>
      <Patterns />
      <Masthead {...compared} />
      <div class="columns">
        <nav class="contents" aria-label="Contents">
          <ol>
            {parts.map(({ id, title, count }) => (
              <li key={id}>
                <a href={`#${id}`}>
                  {title}
                  {count !== undefined && <span class="count"> {count}</span>}
                </a>
              </li>
            ))}
          </ol>
        </nav>
        <main id="main" tabIndex={-1}>
          {parts.map((part) => (
            <Section key={part.id} {...part} />
          ))}
        </main>
      </div>
    </>
  );
}

function Section({ id, title, about, content }: Part): VNode {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {about !== undefined && <p class="about">{about}</p>}
      {content}
    </section>
  );
}

/** Left out where there is nothing of it. */
type MaybePart = Part | false;

function partsOf({ plan, diff }: Compared): Part[] {
  const { summary } = plan;
  const texts = sharedTexts(plan);
  const spikes = spikingModels(plan);
  const judgement: MaybePart[] = [
    {
      id: 'policies',
      title: 'Policies',
      count: whole(summary.policies.findings.length),
      content: <Findings plan={plan} diff={diff} />,
    },
    summary.warnings.length > 0 && {
      id: 'warnings',
      title: 'Warnings',
      count: whole(summary.warnings.length),
      about: 'What works, and should be known all the same.',
      content: <Warnings warnings={summary.warnings} />,
    },
  ];
  const shape: MaybePart[] = [
    {
      id: 'topology',
      title: 'From clients to GPUs',
      content: <TopologySection plan={plan} diff={diff} />,
    },
    {
      id: 'memory',
      title: 'GPU memory',
      count: whole(summary.models.length),
      about: 'How each model fills the fullest GPU of a pod, the tightest first.',
      content: <MemorySection plan={plan} diff={diff} />,
    },
    spikes.length > 0 && {
      id: 'spike',
      title: 'A spike',
      count: whole(spikes.length),
      about:
        'Requests that wait until new nodes are there, from the load that the least replicas carry; above the curve, replicas that are ready. Chance is left out; models that declare no capacity are missing.',
      content: <SpikeSection models={spikes} />,
    },
    (summary.cost ?? diff?.cost.before) !== undefined && {
      id: 'cost',
      title: 'Cost',
      about: 'Of nodes, their disks and the cluster. A month has 730 hours.',
      content: <Cost after={summary.cost} compared={diff} />,
    },
  ];
  // Of a change, what fails comes before what the environment looks like.
  const parts: MaybePart[] = [
    diff !== undefined && {
      id: 'changes',
      title: 'Changes',
      count: whole(diff.resources.length + diff.objects.length),
      content: <Changes diff={diff} plan={plan} />,
    },
    diff !== undefined &&
      diff.rollouts.length > 0 && {
        id: 'restarts',
        title: 'Restarts',
        count: whole(diff.rollouts.length),
        about: 'Pods that start anew, how many GPUs that takes and how long it lasts.',
        content: <Rollouts rollouts={diff.rollouts} plan={plan} />,
      },
    ...(diff === undefined ? [...shape, ...judgement] : [...judgement, ...shape]),
    diff !== undefined &&
      diff.versions.length > 0 && {
        id: 'versions',
        title: 'Versions',
        count: whole(diff.versions.length),
        content: <Versions versions={diff.versions} />,
      },
    {
      id: 'resources',
      title: 'All resources',
      count: whole(total(summary.resources)),
      about: 'The cloud and its add-ons, as they are registered.',
      content: <Resources plan={plan} />,
    },
    {
      id: 'objects',
      title: 'All objects',
      count: whole(total(summary.objects)),
      about: `${counted(total(summary.objects), 'Kubernetes object')} in ${counted(plan.charts.length, 'chart')}, in the order in which they are applied.`,
      content: <Charts plan={plan} texts={texts} />,
    },
    Object.keys(plan.outputs).length > 0 && {
      id: 'outputs',
      title: 'Outputs',
      content: <Outputs outputs={plan.outputs} />,
    },
  ];
  return parts.filter((part) => part !== false);
}
